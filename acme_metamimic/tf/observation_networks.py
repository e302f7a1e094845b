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

"""Observation networks, from vectors, goals and images to one vector."""

from collections import abc
from typing import (
  Any,
  Callable,
  Collection,
  Dict,
  List,
  Mapping,
  NamedTuple,
  Optional,
  Tuple,
  Union,
)

from acme import types
from acme.tf import utils as tf2_utils
import numpy as np
import sonnet as snt
import tensorflow as tf

from acme_metamimic import specs as specs_lib

# Scale factors by key of the observation: numbers, or arrays that broadcast to
# the shape of the key's observation.
Scales = Mapping[str, Union[float, np.ndarray]]

# Limit that scaled goal differences are clipped to, as a demonstration that is
# out of reach must not drown the rest of the observation.
GOAL_DIFFERENCE_LIMIT = 5.0


class Details(NamedTuple):
  """What decides a task and hardly shows in its observation, as further features.

  Such as a distance of millimetres, magnified, or how far two things are turned
  against each other.

  Attributes:
    keys: keys of the vectors that the features are computed from.
    features: function from these vectors by key, float32[B, D] each, to the
      features, [B, K].
  """

  keys: Tuple[str, ...]
  features: Callable[[Mapping[str, tf.Tensor]], tf.Tensor]


@snt.allow_empty_variables
class ScaledObservation(snt.Module):
  """Scales flat observations by key and concatenates them, sorted by key."""

  def __init__(
    self,
    scale: Optional[Scales] = None,
    details: Optional[Details] = None,
    name: str = 'scaled_observation',
  ):
    """Initializes the module.

    Args:
      scale: scale factors of the observations, by key. A key that is left out
        is not scaled.
      details: further features of the observations, after the rest; None for
        none. They are left out where one of their keys is not seen.
      name: name of the module.
    """
    super().__init__(name=name)
    self._scale = _to_float32(scale)
    self._details = details

  def __call__(self, observation: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Returns the vector of each observation.

    Args:
      observation: batched tensors by key, [B, ...] each, or one such tensor,
        which is not scaled.

    Returns:
      Vectors, float32[B, D].
    """
    if not isinstance(observation, abc.Mapping):
      return _flatten(observation)
    parts = [
      _flatten(observation[key]) * self._scale.get(key, 1.0)
      for key in sorted(observation)
    ]
    details = self._details
    if details is not None and observation.keys() >= set(details.keys):
      seen = {key: _flatten(observation[key]) for key in details.keys}
      parts.append(_flatten(details.features(seen)))
    return tf.concat(parts, axis=-1)


@snt.allow_empty_variables
class GoalConditionedObservation(snt.Module):
  """Concatenates an observation with the scaled difference of its goal to it.

  A goal, g_t = d_{t+1} (section 2.1), is one control step away, so that its
  difference to the observation is tiny beside the observation itself. Scaled to
  be of order one for a step's motion, the difference is the first thing that the
  policy can react to.
  """

  def __init__(
    self,
    difference_scale: Optional[Scales] = None,
    observation_scale: Optional[Scales] = None,
    name: str = 'goal_conditioned_observation',
  ):
    """Initializes the module.

    Args:
      difference_scale: scale factors of `goal - observation`, by key. The
        scaled difference is clipped to [-5, 5]. For keys that are left out, the
        goal itself is concatenated in place of the difference.
      observation_scale: scale factors of the observations, by key, and of the
        goals that are themselves concatenated. A key that is left out is not
        scaled.
      name: name of the module.
    """
    super().__init__(name=name)
    self._scale = _to_float32(difference_scale)
    self._observation_scale = _to_float32(observation_scale)

  def __call__(
    self, observation: Mapping[str, types.NestedTensor]
  ) -> tf.Tensor:
    """Returns the vector of each observation and its goal.

    Args:
      observation: batched tensors by key, [B, ...] each, and as `goal` the same
        for some of the keys.

    Returns:
      Vectors, float32[B, D].
    """
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
  """Concatenates a torso's features of the images with the rest's vector.

  All images of an observation and of its goal go through the torso together,
  concatenated along the channels, or one after the other through the same torso.
  They are uint8 until they are in the torso.
  """

  def __init__(
    self,
    torso: snt.Module,
    image_keys: Collection[str],
    vector_network: snt.Module,
    siamese: bool = False,
    name: str = 'pixel_observation',
  ):
    """Initializes the module.

    Args:
      torso: network from images, uint8[B, H, W, C], to features, float32[B, D].
      image_keys: keys of the images, in the observation and in its goal.
      vector_network: network from the observation without its images to a
        vector, float32[B, D'].
      siamese: whether observation and goal go through the torso one after the
        other, which makes features of each and their difference (Bromley et al.,
        1993, "Signature Verification using a 'Siamese' Time Delay Neural
        Network").
      name: name of the module.
    """
    super().__init__(name=name)
    self._torso = torso
    self._image_keys = frozenset(image_keys)
    self._vector_network = vector_network
    self._siamese = siamese

  def __call__(self, observation: types.NestedTensor) -> tf.Tensor:
    """Returns the features and the vector of each observation.

    Args:
      observation: batched tensors by key, [B, ...] each, with or without a
        `goal`; or one batch of images.

    Returns:
      Features and vectors, float32[B, D + D']; features alone, float32[B, D], if
      there are images only.
    """
    if not isinstance(observation, abc.Mapping):
      return self._torso(observation)
    features = self._image_features(observation)
    vectors = self._without_images(observation)
    # A goal mirrors the observation: without vectors there, it has none.
    if not vectors.keys() - {specs_lib.GOAL}:
      return features
    return tf.concat([features, self._vector_network(vectors)], axis=-1)

  def _image_features(self, observation: Mapping[str, Any]) -> tf.Tensor:
    """Returns the features of an observation's images and of its goal's."""
    images = self._images(observation)
    goal_images = self._images(observation.get(specs_lib.GOAL, {}))
    if not self._siamese:
      return self._torso(tf.concat(images + goal_images, axis=-1))
    # One call for both: half of them would not fill the cores.
    pair = [tf.concat(images, axis=-1), tf.concat(goal_images, axis=-1)]
    features, goal_features = tf.split(self._torso(tf.concat(pair, axis=0)), 2)
    return tf.concat(
      [features, goal_features, goal_features - features], axis=-1
    )

  def _images(self, frame: Mapping[str, Any]) -> List[tf.Tensor]:
    """Returns the images of an observation or of a goal, in a fixed order."""
    return [frame[key] for key in sorted(self._image_keys & frame.keys())]

  def _without_images(self, frame: Mapping[str, Any]) -> Dict[str, Any]:
    """Returns an observation without its images and those of its goal."""
    vectors = {}
    for key, value in frame.items():
      if key == specs_lib.GOAL:
        value = self._without_images(value)
      elif key in self._image_keys:
        continue
      vectors[key] = value
    return vectors


def _flatten(x: tf.Tensor) -> tf.Tensor:
  """Returns float32[B, D] for a batch of arrays of any shape and dtype."""
  return tf.cast(tf2_utils.batch_concat(x), tf.float32)


def _to_float32(
  scale: Optional[Scales],
) -> Dict[str, np.ndarray]:
  """Returns scale factors as float32 arrays."""
  return {
    key: np.asarray(value, dtype=np.float32)
    for key, value in (scale or {}).items()
  }
