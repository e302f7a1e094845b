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

"""Writers of single items, for servers on a busy machine."""

import reverb

# As long as Acme's adders wait; Reverb's own three seconds may be too few.
_SIGNATURE_TIMEOUT_MS = 300_000


def make_writer(client: reverb.Client) -> reverb.TrajectoryWriter:
  """Returns a writer of single steps, by a client or what works as one."""
  return client.trajectory_writer(
    num_keep_alive_refs=1, get_signature_timeout_ms=_SIGNATURE_TIMEOUT_MS
  )
