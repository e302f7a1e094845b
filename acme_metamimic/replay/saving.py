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
"""Checkpoints of a replay server's contents."""

import os
import pathlib
import shutil
from typing import Optional, Sequence

from absl import logging
import reverb

from acme_metamimic import plain_paths
from acme_metamimic import waiting
from acme_metamimic.replay import answers


def directory(
  checkpoint_directory: Optional[str], keeps_replay: bool
) -> Optional[str]:
  """Returns the folder that the replay of one process is kept in.

  Args:
    checkpoint_directory: folder of the run.
    keeps_replay: whether the replay is kept.

  Returns:
    Path of the folder, which is also that of a program with one replay; None if
    the replay is not kept.

  Raises:
    ValueError: if there is no folder to keep it in.
  """
  if not keeps_replay:
    return None
  if checkpoint_directory is None:
    raise ValueError(
      'keeps_replay=True needs a checkpoint_directory to keep it in: give the '
      'folder of the run.'
    )
  return os.path.join(checkpoint_directory, 'checkpoints', 'replay_0')


def make_checkpointer(directory: str) -> reverb.checkpointers.CheckpointerBase:
  """Makes a checkpointer for a replay server.

  Args:
    directory: folder for the checkpoints of this server, and of no other. The
      server starts from the newest complete one, if there is one.

  Returns:
    Reverb's checkpointer, for `reverb.Server`.
  """
  # In a folder whose name is a pattern Reverb finds nothing, and says nothing.
  return reverb.checkpointers.DefaultCheckpointer(plain_paths.plain(directory))


def start_server(
  tables: Sequence[reverb.Table], directory: Optional[str]
) -> reverb.Server:
  """Starts a replay server in this process.

  Args:
    tables: its tables.
    directory: folder for its checkpoints, see `make_checkpointer`; None if it is
      not saved.
  """
  checkpointer = make_checkpointer(directory) if directory else None
  return reverb.Server(list(tables), checkpointer=checkpointer)


def save(client: reverb.Client, directory: str) -> bool:
  """Writes a checkpoint of a server's contents.

  The server serves no requests meanwhile. If writing fails, the last checkpoint
  stays.

  Args:
    client: Reverb client of a server that has a checkpointer.
    directory: folder of the checkpointer.

  Returns:
    Whether a checkpoint was written.
  """
  try:
    logging.info('Replay saved in %s.', answers.checkpoint(client))
    return True
  except waiting.NoAnswerError as error:
    # Nothing is removed, as the server may be writing yet.
    logging.error('Replay not saved: %s', error)
    return False
  except Exception as error:  # Reverb has no type for it.
    logging.error(
      'Replay not saved (%s): make room on the disk. The one saved before is '
      'untouched.',
      error,
    )
    for path in pathlib.Path(directory).glob('*'):
      # Reverb leaves files of a checkpoint that failed, which take up room.
      if not (path / 'DONE').exists():
        shutil.rmtree(path, ignore_errors=True)
    return False


def saved_bytes(directory: str) -> int:
  """Returns the size of a server's checkpoints on the disk, in bytes.

  Args:
    directory: folder of the checkpointer.
  """
  files = pathlib.Path(directory).rglob('*')
  return sum(file.stat().st_size for file in files if file.is_file())
