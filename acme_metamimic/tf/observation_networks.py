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

"""Observation networks: flat vectors, goals and images into one vector."""

from collections import abc
from typing import Any, Collection, Dict, Mapping, Optional, Union

from acme import types
from acme.tf import utils as tf2_utils
import numpy as np
import sonnet as snt
import tensorflow as tf

from acme_metamimic import specs as specs_lib

# By key of the observation; a number, or an array that broadcasts to the key's.
Scales = Mapping[str, Union[float, np.ndarray]]

# Scaled goal differences are clipped here, as a demonstration that is out of
# reach must not drown the rest of the observation.
GOAL_DIFFERENCE_LIMIT = 5.0


@snt.allow_empty_variables
class ScaledObservation(snt.Module):
  """Scales flat observations by key and concatenates them, sorted by key."""

  def __init__(
    self,
    scale: Optional[Scales] = None,
    name: str = 'scaled_observation',
  ):
    """Initializes the module.

    Args:
      scale: factor for some of the keys, each broadcastable to the key's shape.
      name: name of the module.
    """
    super().__init__(name=name)
    self._scale = _to_float32(scale)

  def __call__(self, observation: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Returns float32[B, D] for a dict (or one tensor) of batched tensors."""
    if not isinstance(observation, abc.Mapping):
      return _flatten(observation)
    return tf.concat(
      [
        _flatten(observation[key]) * self._scale.get(key, 1.0)
        for key in sorted(observation)
      ],
      axis=-1,
    )


@snt.allow_empty_variables
class GoalConditionedObservation(snt.Module):
  """Concatenates an observation with what is left to do to reach its goal.

  A goal is one control step away, so that its difference to the observation is
  tiny beside the observation itself. Scaled to be of order one for a step's
  motion, it is the first thing that the policy can react to.
  """

  def __init__(
    self,
    difference_scale: Optional[Scales] = None,
    observation_scale: Optional[Scales] = None,
    name: str = 'goal_conditioned_observation',
  ):
    """Initializes the module.

    Args:
      difference_scale: factor for `goal - observation` for some of the goal's
        keys, each broadcastable to the key's shape. The difference is clipped
        to +-5. The goal itself is passed on for the other keys.
      observation_scale: factor for some of the observation's keys, and for the
        goal's where the goal itself is passed on.
      name: name of the module.
    """
    super().__init__(name=name)
    self._scale = _to_float32(difference_scale)
    self._observation_scale = _to_float32(observation_scale)

  def __call__(
    self, observation: Mapping[str, types.NestedTensor]
  ) -> tf.Tensor:
    """Returns float32[B, D] for a dict of batched tensors with `goal`."""
    goal = observation[specs_lib.GOAL]
    parts = [
      _flatten(observation[key]) * self._observation_scale.get(key, 1.0)
      for key in sorted(observation)
      if key != specs_lib.GOAL
    ]
    for key in sorted(goal):
      part = _flatten(goal[key])
      if key in self._scale:
        difference = self._scale[key] * (part - _flatten(observation[key]))
        part = tf.clip_by_value(
          difference, -GOAL_DIFFERENCE_LIMIT, GOAL_DIFFERENCE_LIMIT
        )
      else:
        part *= self._observation_scale.get(key, 1.0)
      parts.append(part)
    return tf.concat(parts, axis=-1)


class PixelObservation(snt.Module):
  """Images through a torso, vectors through a network of their own.

  All images of an observation, the goal's among them, go through the torso
  together, side by side in the channels. They are bytes until they are in there.
  """

  def __init__(
    self,
    torso: snt.Module,
    image_keys: Collection[str],
    vector_network: snt.Module,
    name: str = 'pixel_observation',
  ):
    """Initializes the module.

    Args:
      torso: makes float32[B, D] of uint8[B, H, W, C].
      image_keys: keys of the images, in the observation and in its goal.
      vector_network: makes float32[B, D'] of the rest of an observation.
      name: name of the module.
    """
    super().__init__(name=name)
    self._torso = torso
    self._image_keys = frozenset(image_keys)
    self._vector_network = vector_network

  def __call__(self, observation: types.NestedTensor) -> tf.Tensor:
    """Returns float32[B, D + D'] for a dict (or one image) of batched tensors."""
    if not isinstance(observation, abc.Mapping):
      return self._torso(observation)
    frames = [observation, observation.get(specs_lib.GOAL, {})]
    images = [
      frame[key]
      for frame in frames
      for key in sorted(frame)
      if key in self._image_keys
    ]
    features = self._torso(tf.concat(images, axis=-1))
    vectors = self._without_images(observation)
    # A goal mirrors the observation: without vectors there, it has none.
    if not vectors.keys() - {specs_lib.GOAL}:
      return features
    return tf.concat([features, self._vector_network(vectors)], axis=-1)

  def _without_images(self, frame: Mapping[str, Any]) -> Dict[str, Any]:
    """Returns the vectors of an observation, and those of its goal."""
    vectors = {}
    for key, value in frame.items():
      if key == specs_lib.GOAL:
        value = self._without_images(value)
      elif key in self._image_keys:
        continue
      vectors[key] = value
    return vectors


def _flatten(x: tf.Tensor) -> tf.Tensor:
  return tf.cast(tf2_utils.batch_concat(x), tf.float32)


def _to_float32(
  scale: Optional[Scales],
) -> Dict[str, np.ndarray]:
  return {
    key: np.asarray(value, dtype=np.float32)
    for key, value in (scale or {}).items()
  }
