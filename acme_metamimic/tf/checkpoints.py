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

"""Acme's checkpoints, restored all or nothing, with clear errors."""

import os
from typing import Any, Mapping

from acme.tf import savers as tf2_savers
import tensorflow as tf

from acme_metamimic import plain_paths


class CheckpointError(ValueError):
  """A checkpoint does not fit what it is to be restored to."""


class Checkpointer(tf2_savers.Checkpointer):
  """Acme's checkpointer, which restores all objects or raises an error.

  Acme's own takes from a checkpoint what fits and leaves the rest as it is, so
  that another network would go on with half of its variables at random. The folder
  may have any name, also one that TensorFlow would read as a pattern.
  """

  def __init__(
    self,
    objects_to_save: Mapping[str, Any],
    *,
    directory: str,
    **arguments: Any,
  ):
    """Restores the latest checkpoint, if there is one.

    Args:
      objects_to_save: objects to save and restore, by name.
      directory: path of the folder in which `checkpoints` is.
      **arguments: further arguments of Acme's checkpointer.

    Raises:
      CheckpointError: as `restore` does.
    """
    self._shown_directory = os.path.expanduser(directory)
    self._plain_directory = plain_paths.plain(self._shown_directory)
    super().__init__(
      objects_to_save, directory=self._plain_directory, **arguments
    )

  @property
  def directory(self) -> str:
    """Path of the folder of the checkpoints."""
    return self._shown(super().directory)

  def _shown(self, text: str) -> str:
    """Returns a text with the folder's path as people know it."""
    return text.replace(self._plain_directory, self._shown_directory)

  def restore(self) -> None:
    """Restores the latest checkpoint, if there is one.

    Raises:
      CheckpointError: if the checkpoint was written for other objects, for
        instance another network.
    """
    path = self._checkpoint_manager.latest_checkpoint
    if path is None:
      return
    try:
      self._checkpoint.restore(path).assert_consumed()
    except (AssertionError, ValueError) as error:
      raise CheckpointError(
        f'The checkpoint {self._shown(path)} is of another network, optimizer or '
        f'configuration ({self._shown(first_line(error))}); resume with the '
        'settings that it was written with, or give another folder.'
      ) from error

  def save(self, force: bool = False) -> bool:
    """Writes a checkpoint if one is due, which replaces the last one.

    Args:
      force: whether to write a checkpoint even if none is due.

    Returns:
      Whether a checkpoint was written.

    Raises:
      OSError: if it cannot be written; the last checkpoint is untouched.
    """
    try:
      return super().save(force)
    except tf.errors.OpError as error:
      last = self._checkpoint_manager.latest_checkpoint
      raise OSError(
        f'No checkpoint could be written to {self.directory} '
        f'({self._shown(first_line(error))}); '
        + (
          f'{self._shown(last)} is untouched. '
          if last
          else 'there is none before it. '
        )
        + 'Make room, or mend this, and resume.'
      ) from error


def write(objects: Mapping[str, Any], folder: str) -> str:
  """Writes a checkpoint for inspection, which no learner resumes from.

  Args:
    objects: TensorFlow objects to write, by name.
    folder: path of the folder for the checkpoint.

  Returns:
    Path of the checkpoint, for `tf.train.load_checkpoint`.
  """
  return tf.train.Checkpoint(**objects).save(os.path.join(folder, 'state'))


def first_line(error: Exception) -> str:
  """Returns the first line of an error's message, or the error's type."""
  return (str(error).strip() or type(error).__name__).splitlines()[0]
