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

"""The processes of a program, told apart by the files that they print to."""

import os
from typing import Iterator

import psutil


def of_program(output_folder: str) -> Iterator[tuple[str, psutil.Process]]:
  """Yields the running processes of a program with the names of their nodes.

  Args:
    output_folder: folder of the files that the nodes print to; a file has the
      name of its node, such as `imitation_actor/0`.
  """
  folder = os.path.abspath(output_folder) + os.sep
  for process in psutil.process_iter():
    try:
      target = os.readlink(f'/proc/{process.pid}/fd/1')
    except OSError:  # It has ended, or belongs to another user.
      continue
    if target.startswith(folder):
      yield target.removeprefix(folder), process
