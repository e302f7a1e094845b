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
"""Goals kept in the replay as references into the demonstrations.

A goal is a frame of a demonstration, g_t = d_{t+1}, and the demonstrations are
few: with `goal_references` the replay keeps the two numbers that say which frame
it is, and the learner's dataset puts the frame back.
"""

from typing import Mapping, Sequence

from acme import specs
import numpy as np
import reverb
import tensorflow as tf

from acme_metamimic import specs as specs_lib

# Demonstration and step.
REFERENCE_SPEC = specs.Array((2,), np.int32, specs_lib.GOAL_REFERENCE)


class GoalFrames:
  """The frames of all demonstrations, to be found by reference."""

  def __init__(self, demonstrations: Sequence[Mapping[str, np.ndarray]]):
    """Copies the frames into one array a key.

    Args:
      demonstrations: for each, its frames by observation key, [T + 1, ...]. The
        keys are those of the goals.

    Raises:
      ValueError: if there is no demonstration, or they differ in their keys, or
        a demonstration has not as many frames of each.
    """
    if not demonstrations or not demonstrations[0]:
      raise ValueError(
        'There are no demonstrations: goals that are kept as references need '
        'frames to refer to.'
      )
    lengths = [
      _length(i, d, demonstrations[0]) for i, d in enumerate(demonstrations)
    ]
    starts = np.cumsum([0, *lengths[:-1]])
    self._starts = tf.constant(starts, tf.int64)
    self._lengths = tf.constant(lengths, tf.int64)
    self._frames = {
      key: tf.constant(np.concatenate([d[key] for d in demonstrations]))
      for key in demonstrations[0]
    }

  def spec(self) -> Mapping[str, specs.Array]:
    """Returns the spec of a goal."""
    return {
      key: specs.Array(frames.shape[1:], frames.dtype.as_numpy_dtype, key)
      for key, frames in self._frames.items()
    }

  def stored_spec(
    self, environment_spec: specs.EnvironmentSpec
  ) -> specs.EnvironmentSpec:
    """Returns what the replay keeps of what the imitation learner sees.

    Args:
      environment_spec: as the imitation learner sees it, with goals.

    Raises:
      ValueError: if its goals are not the frames that are held here.
    """
    goal = environment_spec.observations[specs_lib.GOAL]
    forms = [
      {key: (value.shape, np.dtype(value.dtype)) for key, value in spec.items()}
      for spec in (goal, self.spec())
    ]
    if forms[0] != forms[1]:
      raise ValueError(
        f'the goals are {forms[0]}, the frames of the demonstrations {forms[1]}: '
        'give GoalFrames the frames, and the keys, that the environment shows '
        'as goals.'
      )
    return environment_spec._replace(
      observations={
        **environment_spec.observations,
        specs_lib.GOAL: REFERENCE_SPEC,
      }
    )

  def lookup(self, reference: tf.Tensor) -> Mapping[str, tf.Tensor]:
    """Returns frames.

    Args:
      reference: int32[..., 2], demonstrations and steps. A step beyond the end
        is the last frame, as in an imitation environment.

    Returns:
      By key, [..., frame's shape].
    """
    demonstration, step = tf.unstack(tf.cast(reference, tf.int64), axis=-1)
    last = tf.gather(self._lengths, demonstration) - 1
    row = tf.gather(self._starts, demonstration) + tf.minimum(step, last)
    return {k: tf.gather(frames, row) for k, frames in self._frames.items()}

  def restore(self, sample: reverb.ReplaySample) -> reverb.ReplaySample:
    """Puts the frames in place of the references in a sample's observations.

    Args:
      sample: one of the imitation table's, or a batch of them.
    """
    data = sample.data
    return sample._replace(
      data=data._replace(
        observation=self._restore(data.observation),
        next_observation=self._restore(data.next_observation),
      )
    )

  def _restore(
    self, observation: Mapping[str, tf.Tensor]
  ) -> Mapping[str, tf.Tensor]:
    goal = self.lookup(observation[specs_lib.GOAL])
    return {**observation, specs_lib.GOAL: goal}


def _length(
  index: int,
  demonstration: Mapping[str, np.ndarray],
  first: Mapping[str, np.ndarray],
) -> int:
  """Returns the number of frames, which is the same for all keys."""
  if demonstration.keys() != first.keys():
    raise ValueError(
      f'demonstration {index} has the keys {sorted(demonstration)}, the first '
      f'one {sorted(first)}: give all of them the keys of the goals.'
    )
  lengths = {key: len(frames) for key, frames in demonstration.items()}
  if len(set(lengths.values())) != 1 or not min(lengths.values()):
    raise ValueError(
      f'demonstration {index} has {lengths} frames: give as many of each key, '
      'and at least one.'
    )
  return min(lengths.values())
