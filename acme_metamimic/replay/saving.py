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
"""Saves what a replay server holds, and starts a server from it."""

import pathlib
import shutil

from absl import logging
import reverb


def make_checkpointer(directory: str) -> reverb.checkpointers.CheckpointerBase:
  """Makes the checkpointer of a server that starts from what was saved.

  Args:
    directory: folder of this server's checkpoints alone; the server starts from
      the newest complete one, if there is any.
  """
  return reverb.checkpointers.DefaultCheckpointer(directory)


def save(client: reverb.Client, directory: str) -> bool:
  """Saves a server's contents; the ones saved before stay if that fails.

  The server stands still meanwhile.

  Args:
    client: client of a server that has a checkpointer.
    directory: folder of the checkpointer.

  Returns:
    Whether they were saved.
  """
  try:
    logging.info('Replay saved in %s.', client.checkpoint())
    return True
  except Exception as error:  # Reverb has no type for it.
    logging.error(
      'Replay not saved (%s): make room on the disk. The one saved before is '
      'untouched.',
      error,
    )
    for path in pathlib.Path(directory).glob('*'):
      # What Reverb leaves of one that failed, which takes up room.
      if not (path / 'DONE').exists():
        shutil.rmtree(path, ignore_errors=True)
    return False


def saved_bytes(directory: str) -> int:
  """Returns the size on the disk of the contents that were saved.

  Args:
    directory: folder of the checkpointer.
  """
  files = pathlib.Path(directory).rglob('*')
  return sum(file.stat().st_size for file in files if file.is_file())
