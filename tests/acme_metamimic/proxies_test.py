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
"""Tests of what keeps local calls off a proxy."""

import os
import pathlib
import subprocess
import sys

import pytest

from acme_metamimic import proxies

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_LOCAL = 'localhost,127.0.0.1,::1'


@pytest.mark.parametrize(
  ('before', 'after'),
  [
    ({}, _LOCAL),
    ({'no_proxy': ''}, _LOCAL),
    ({'no_proxy': 'a.b, c.d'}, f'a.b,c.d,{_LOCAL}'),
    ({'no_proxy': 'a.b', 'no_grpc_proxy': 'e.f'}, f'e.f,{_LOCAL}'),
    ({'no_grpc_proxy': 'localhost'}, _LOCAL),
    # gRPC uses no proxy at all then.
    ({'no_grpc_proxy': ''}, ''),
  ],
)
def test_local_addresses_are_added(before, after):
  environment = dict(before)
  proxies.exempt_local(environment)
  assert environment == {**before, 'no_grpc_proxy': after}
  proxies.exempt_local(environment)
  assert environment['no_grpc_proxy'] == after


# What users of the agent alone have, and their child processes.
_CALL = """
import acme_metamimic
import reverb
server = reverb.Server([reverb.Table.queue('table', 1)])
client = reverb.Client(f'localhost:{server.port}')
assert 'table' in client.server_info(timeout=60)
server.stop()
"""


@pytest.mark.slow
def test_a_server_of_ones_own_answers_where_a_proxy_is_set():
  environment = {**os.environ, 'PYTHONPATH': str(_ROOT)}
  for name in ('no_proxy', 'no_grpc_proxy'):
    environment.pop(name, None)
  for name in ('http_proxy', 'https_proxy', 'grpc_proxy'):
    environment[name] = 'http://127.0.0.1:9'
  done = subprocess.run(
    [sys.executable, '-c', _CALL],
    env=environment,
    timeout=240,
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
