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

from collections import abc
import glob
import os
import pathlib
import shutil
import threading
from typing import Any, Mapping

from acme import specs
from acme import types
from acme.tf import savers
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic import plain_paths
from acme_metamimic.tf import checkpoints

# Folder of the policies in that of a run.
POLICIES_FOLDER = 'policies'
# Both learners of a program may be threads of one process.
_WRITING = threading.Lock()


class PolicyError(ValueError):
  """A policy cannot be used; the message says why."""


class LoadedPolicy:
  """A SavedModel that acts on batches of observations.

  It is shown what it takes of an observation: an environment may show more, such
  as what critics alone see.
  """

  def __init__(self, path: str):
    """Loads the policy.

    Args:
      path: folder of the SavedModel.

    Raises:
      PolicyError: if it is damaged.
    """
    self._path = path
    try:
      self._policy = tf.saved_model.load(plain_paths.plain(path))
      function = self._policy.__call__.concrete_functions[0]
      (self._taken,), _ = function.structured_input_signature
    except Exception as error:  # TensorFlow has no common type for these.
      raise PolicyError(
        f'{path!r} is no policy that can be read ({checkpoints.first_line(error)}): restore a '
        'copy, or go on with the run, which exports it anew at its end.'
      ) from error

  def check(self, shown: types.NestedSpec) -> None:
    """Checks that an environment shows what the policy takes.

    Args:
      shown: spec of the environment's observations.

    Raises:
      PolicyError: if it does not; the message names the first difference.
    """
    found = dict(tree.flatten_with_path(shown))
    for key, taken in tree.flatten_with_path(self._taken):
      shape, dtype = tuple(taken.shape[1:]), taken.dtype.name
      spec = found.get(key)
      if spec is None or (spec.shape, spec.dtype.name) != (shape, dtype):
        raise PolicyError(
          f'{self._path!r} takes {"/".join(key)!r} as {dtype}{list(shape)}, and '
          f'the environment of the run shows {_describe(spec)}: the policy is of '
          'another run; give the folder of that.'
        )

  def select(self, observation: types.NestedArray) -> types.NestedArray:
    """Returns the part of an observation that the policy takes.

    Args:
      observation: arrays or tensors by key, with or without a batch dimension.
    """
    return _select(observation, self._taken)

  def __call__(self, observation: types.NestedTensor) -> tf.Tensor:
    """Returns the actions for a batch of observations."""
    return self._policy(self.select(observation))


def _select(observation: Any, taken: Any) -> Any:
  """Returns the part of an observation that has the structure of `taken`."""
  if not isinstance(taken, abc.Mapping):
    return observation
  return {key: _select(observation[key], taken[key]) for key in taken}


def _describe(spec: Any) -> str:
  if not isinstance(spec, specs.Array):
    return 'no such thing'
  return f'{spec.dtype.name}{list(spec.shape)}'


def policy_path(run_folder: str, half: str) -> str:
  """Returns where a run leaves a policy.

  Args:
    run_folder: folder of the run.
    half: `imitation` or `task`.
  """
  return os.path.join(run_folder, POLICIES_FOLDER, _folder_name(half))


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


def export_policies(
  policies: Mapping[str, snt.Module], directory: str
) -> list[str]:
  """Writes the policies of an agent's halves, each as `export_policy` does.

  Args:
    policies: policies by half, 'imitation' or 'task'.
    directory: gets the folder `<half>_policy` of each.

  Returns:
    Their paths.
  """
  return [
    export_policy(policy, os.path.join(directory, _folder_name(half)))
    for half, policy in policies.items()
  ]


def _folder_name(half: str) -> str:
  return f'{half}_policy'
