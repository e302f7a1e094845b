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

"""Tests of how the processes of a program are found."""

import os
import subprocess
import sys

from experiments.operations import processes


def test_processes_are_named_after_the_files_that_they_print_to(tmp_path):
  children = []
  for name in ('output/actor/0', 'output/actor/1', 'other/actor/2'):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'w') as file:
      children.append(
        subprocess.Popen(
          [sys.executable, '-c', 'input()'],
          stdin=subprocess.PIPE,
          stdout=file,
        )
      )
  try:
    # A relative folder, as flags give it.
    folder = os.path.relpath(tmp_path / 'output')
    found = {name: p.pid for name, p in processes.of_program(folder)}
  finally:
    for child in children:
      child.communicate(b'\n')
  assert found == {'actor/0': children[0].pid, 'actor/1': children[1].pid}
  assert not list(processes.of_program(folder))
