# Copyright 2026 The acme_metamimic Authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Keeps the calls between a program's own servers off a proxy."""

from collections.abc import MutableMapping
import os

# Read by gRPC before `no_proxy`, and by nothing else.
VARIABLE = 'no_grpc_proxy'
# gRPC takes the name as it is called, and does not resolve it.
_LOCAL = ('localhost', '127.0.0.1', '::1')


def exempt_local(environment: MutableMapping[str, str] = os.environ) -> None:
  """Exempts this machine's own addresses from the proxy of gRPC.

  Reverb and Courier call their servers by gRPC, which takes `http_proxy` for
  local addresses as well and waits for ever. Child processes inherit it.

  Args:
    environment: environment variables to change; those of this process by
      default.
  """
  given = environment.get(VARIABLE)
  if given == '':
    return  # Every name ends with it: gRPC uses no proxy at all.
  if given is None:
    given = environment.get('no_proxy', '')
  # A space would be part of the name.
  names = [name.strip() for name in given.split(',') if name.strip()]
  names += [name for name in _LOCAL if name not in names]
  environment[VARIABLE] = ','.join(names)
