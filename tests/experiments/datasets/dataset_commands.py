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
"""What the tests of the command line for datasets share."""

import pytest

from experiments import demonstrations

# Of a recording that does not take long.
SHORT = ('--demonstrator=brisk', '--episode-length=200')


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
  """Returns the message of a command that fails."""
  capsys.readouterr()
  assert demonstrations.main(arguments) == 1
  message = capsys.readouterr().err
  lines = [line for line in message.splitlines() if line.startswith('Error: ')]
  assert len(lines) == 1
  assert 'Traceback' not in message
  return message
