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
"""Paths as people type them: `~` is the home folder, also behind a `=`.

A shell expands `~` at the beginning of a word alone, not in `--run_folder=~/x`.
"""

import os
from typing import Optional

from absl import flags

# The flags are those of the scripts that define them, in whose help they stand.
flags.disclaim_key_flags()


def expand(path: str) -> str:
  """Returns a path with the home folder in place of `~`.

  It may be the `type` of an argument of argparse.

  Args:
    path: path as it was typed.
  """
  return os.path.expanduser(path)


class _Parser(flags.ArgumentParser):
  """Parser of flags that are paths."""

  def parse(self, argument: str) -> str:
    """Returns the path, expanded."""
    return expand(argument)

  def flag_type(self) -> str:
    """Returns the name of the type in the help."""
    return 'path'


def define(
  name: str, default: Optional[str], help_text: str
) -> flags.FlagHolder:
  """Defines a flag that is a path.

  Args:
    name: name of the flag.
    default: path by default; None for none.
    help_text: description of the flag in the help.

  Returns:
    Holder of the flag.
  """
  return flags.DEFINE(
    _Parser(), name, default, help_text, serializer=flags.ArgumentSerializer()
  )
