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
"""Tests of what libraries do not write to the terminal."""

import subprocess
import sys

import pytest

_SERVE = """
import os
import reverb
from acme_metamimic.tf import terminal
if {quiet}:
  terminal.quiet_reverb()
server = reverb.Server([reverb.Table.queue('table', 1)])
server.stop()
os.write(2, b'written by others')
os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.parametrize('quiet', [False, True])
def test_reverb_is_quiet_when_asked(quiet):
  done = subprocess.run(
    [sys.executable, '-c', _SERVE.format(quiet=quiet)],
    capture_output=True,
    text=True,
    timeout=240,
  )
  assert done.returncode == 0, done.stderr
  assert ('Started replay server' in done.stderr) != quiet
  assert done.stderr.endswith('written by others')
