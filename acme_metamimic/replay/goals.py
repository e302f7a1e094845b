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
"""Goals that the replay keeps as references into the demonstrations.

A goal is a frame of a demonstration, g_t = d_{t+1} (section 2.1), and there are
few demonstrations. With `goal_references` the replay keeps the two numbers that
say which frame a goal is, and the learner's dataset puts the frame back.
"""

from typing import Mapping, Sequence

from acme import specs
import numpy as np
import reverb
import tensorflow as tf

from acme_metamimic import specs as specs_lib

# Spec of a reference: index of the demonstration, and step in it.
REFERENCE_SPEC = specs.Array((2,), np.int32, specs_lib.GOAL_REFERENCE)


class GoalFrames:
  """Frames of all demonstrations, which are looked up by reference."""

  def __init__(self, demonstrations: Sequence[Mapping[str, np.ndarray]]):
    """Copies the frames into one array for each key.

    Args:
      demonstrations: frames of each demonstration by observation key, arrays
        [T + 1, ...] for a demonstration of T steps. The keys are those of the
        environment's goals.

    Raises:
      ValueError: if there is no demonstration, if demonstrations differ in their
        keys, or if one has not the same number of frames for every key.
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
    """Returns the spec of a goal, by key."""
    return {
      key: specs.Array(frames.shape[1:], frames.dtype.as_numpy_dtype, key)
      for key, frames in self._frames.items()
    }

  def stored_spec(
    self, environment_spec: specs.EnvironmentSpec
  ) -> specs.EnvironmentSpec:
    """Returns specs in which the goal is a reference, as the replay keeps it.

    Args:
      environment_spec: specs of the environment as the imitation learner sees
        it, with frames as goals.

    Returns:
      The specs, with `REFERENCE_SPEC` as that of the goal.

    Raises:
      ValueError: if the goals differ from the frames that are held here.
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
    """Looks frames up.

    Args:
      reference: index of the demonstration and step in it, int32[..., 2]. A step
        beyond the end stands for the last frame, as in an imitation environment.

    Returns:
      Frames by key, whose shapes begin with the leading dimensions of
      `reference`.
    """
    demonstration, step = tf.unstack(tf.cast(reference, tf.int64), axis=-1)
    last = tf.gather(self._lengths, demonstration) - 1
    row = tf.gather(self._starts, demonstration) + tf.minimum(step, last)
    return {k: tf.gather(frames, row) for k, frames in self._frames.items()}

  def restore(self, sample: reverb.ReplaySample) -> reverb.ReplaySample:
    """Replaces the references in a sample's observations by their frames.

    Args:
      sample: sample of the imitation table, or batch of samples.

    Returns:
      The sample, whose goals are frames.
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
    """Replaces the reference in an observation by its frame."""
    goal = self.lookup(observation[specs_lib.GOAL])
    return {**observation, specs_lib.GOAL: goal}


def _length(
  index: int,
  demonstration: Mapping[str, np.ndarray],
  first: Mapping[str, np.ndarray],
) -> int:
  """Returns the number of a demonstration's frames, the same for every key.

  Args:
    index: index of the demonstration, for error messages.
    demonstration: frames of the demonstration by key.
    first: frames of the first demonstration, whose keys all must have.

  Returns:
    Number of frames.
  """
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
