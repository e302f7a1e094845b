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

"""Snapshots: policies as SavedModels, which load without this package."""

import glob
import os
import pathlib
import shutil
import threading

from acme.tf import savers
import sonnet as snt
import tensorflow as tf

# Folder of the policies in that of a run.
POLICIES_FOLDER = 'policies'
# Both learners of a program may be threads of one process.
_WRITING = threading.Lock()


def policy_path(run_folder: str, half: str) -> str:
  """Returns where a run leaves a policy.

  Args:
    run_folder: folder of the run.
    half: `imitation` or `task`.
  """
  return os.path.join(run_folder, POLICIES_FOLDER, f'{half}_policy')


class PolicySnapshot:
  """A policy that is traced already, and so is written in little time."""

  def __init__(self, policy: snt.Module):
    """Traces the policy.

    Args:
      policy: as for `export_policy`; what its variables hold is read later.
    """
    self._snapshot = savers.make_snapshot(policy)

  def write(self, path: str) -> str:
    """Writes the policy as it is now; see `export_policy`.

    Args:
      path: path of the folder to write.

    Returns:
      The path, as it was given.
    """
    with _WRITING:
      _remove_unfinished(path)
      temporary = f'{path}.{os.getpid()}.tmp'
      tf.saved_model.save(self._snapshot, temporary)
      if tf.io.gfile.exists(path):
        tf.io.gfile.rmtree(path)
      tf.io.gfile.rename(temporary, path)
    return path


def _remove_unfinished(path: str) -> None:
  """Removes what a process that was killed has left of writing a policy."""
  whole = pathlib.Path(path)
  for unfinished in whole.parent.glob(f'{glob.escape(whole.name)}.*.tmp'):
    shutil.rmtree(unfinished)


def export_policy(policy: snt.Module, path: str) -> str:
  """Writes a policy as a SavedModel, in the form of Acme's snapshots.

  `tf.saved_model.load(path)` returns a function from a batch of observations to
  actions, which Acme's `FeedForwardActor` can run. It needs TensorFlow alone.

  Args:
    policy: policy from observations to actions, whose variables must exist.
    path: path of the folder to write. A policy that is there is replaced as a
      whole.

  Returns:
    The path, as it was given.
  """
  return PolicySnapshot(policy).write(path)
