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
"""A policy that a run has exported, with what it asks of an observation."""

from collections import abc
from typing import Any

from acme import specs
from acme import types
from acme.agents.tf import actors
import tensorflow as tf
import tree

from acme_metamimic import plain_paths


class PolicyError(ValueError):
  """A policy cannot be used; the message says why."""


class ExportedPolicy:
  """A SavedModel that acts, one observation at a time.

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
      loaded = tf.saved_model.load(plain_paths.plain(path))
      function = loaded.__call__.concrete_functions[0]
      (self._taken,), _ = function.structured_input_signature
    except Exception as error:  # TensorFlow has no common type for these.
      raise PolicyError(
        f'{path!r} is no policy that can be read ({_first_line(error)}): restore a '
        'copy, or go on with the run, which exports it anew at its end.'
      ) from error
    self._actor = actors.FeedForwardActor(loaded)

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

  def __call__(self, observation: types.NestedArray) -> types.NestedArray:
    """Returns the action for an observation without a batch dimension."""
    return self._actor.select_action(_select(observation, self._taken))


def _select(observation: Any, taken: Any) -> Any:
  """Returns the part of an observation that has the structure of `taken`."""
  if not isinstance(taken, abc.Mapping):
    return observation
  return {key: _select(observation[key], taken[key]) for key in taken}


def _describe(spec: Any) -> str:
  if not isinstance(spec, specs.Array):
    return 'no such thing'
  return f'{spec.dtype.name}{list(spec.shape)}'


def _first_line(error: Exception) -> str:
  return (str(error).strip() or type(error).__name__).splitlines()[0]
