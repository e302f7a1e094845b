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

"""Ways to folders whose names TensorFlow and Reverb would read as patterns."""

import os

# They find the files of a checkpoint by a pattern that its path is part of.
_PATTERN = frozenset('*?[]{}\\')


def plain(folder: str) -> str:
  """Returns a path of a folder that is not a pattern.

  Args:
    folder: path of a folder, which is made if its path is a pattern.

  Returns:
    The path itself, or one by a descriptor that stays open as long as the
    process.
  """
  if not _PATTERN.intersection(folder):
    return folder
  os.makedirs(folder, exist_ok=True)
  return f'/proc/self/fd/{os.open(folder, os.O_RDONLY | os.O_DIRECTORY)}'
