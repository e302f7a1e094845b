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
"""Random changes of what is sampled, against learning single frames by heart.

Images are shifted: Kostrikov et al., 2020, "Image Augmentation Is All You Need:
Regularizing Deep Reinforcement Learning from Pixels" (DrQ); Yarats et al., 2021,
"Mastering Visual Continuous Control: Improved Data-Augmented Reinforcement
Learning" (DrQ-v2). Vectors are given noise: Sinha et al., 2021, "S4RL:
Surprisingly Simple Self-Supervision for Offline Reinforcement Learning in
Robotics". The MetaMimic paper has neither.
"""

from typing import Callable, List, Mapping

from acme import types
import reverb
import tensorflow as tf
import tree

from acme_metamimic import specs as specs_lib
from acme_metamimic.tf import views


def shift(sample: reverb.ReplaySample, max_shift: int) -> reverb.ReplaySample:
  """Returns a batch of transitions whose images are shifted at random.

  Args:
    sample: batch of `acme.types.Transition`.
    max_shift: largest shift, in pixels; 0 shifts nothing.

  Raises:
    ValueError: if there are no images to shift, or they differ in size.
  """
  if not max_shift:
    return sample
  return _change(
    sample, lambda observation: shift_images(observation, max_shift)
  )


def shift_images(
  observation: types.NestedTensor, max_shift: int
) -> types.NestedTensor:
  """Returns observations whose images are shifted at random, edges repeated.

  All images of one observation and of its goal are shifted alike, so that what
  moved between them is still to be seen.

  Args:
    observation: batched tensors, of which the images are uint8[B, H, W, C], all
      of one height and width.
    max_shift: largest shift in either direction and dimension, in pixels.

  Raises:
    ValueError: if there are no images to shift, or they differ in size.
  """
  images = [x for x in tree.flatten(observation) if _is_image(x)]
  sizes = {tuple(image.shape[1:3]) for image in images}
  if len(sizes) != 1:
    raise ValueError(
      f'image_shift={max_shift} needs images of one size, and these observations '
      f'have {sorted(sizes) or "none"}: use 0 to shift nothing.'
    )
  shifted = iter(_shift(images, max_shift))
  return tree.map_structure(
    lambda x: next(shifted) if _is_image(x) else x, observation
  )


def add_noise(
  sample: reverb.ReplaySample, deviations: views.Scales
) -> reverb.ReplaySample:
  """Returns a batch of transitions whose vectors have Gaussian noise.

  It is drawn anew for each observation and for each of their goals.

  Args:
    sample: batch of `acme.types.Transition`.
    deviations: standard deviations by key, float32 arrays of the observations'
      shapes, in their units; keys that are not observed are passed over. Empty
      for no noise.
  """
  if not deviations:
    return sample
  return _change(sample, lambda observation: noisy(observation, deviations))


def noisy(
  observation: Mapping[str, types.NestedTensor], deviations: views.Scales
) -> Mapping[str, types.NestedTensor]:
  """Returns an observation, and its goal if it has one, with Gaussian noise.

  Args:
    observation: batched tensors by key.
    deviations: as for `add_noise`.
  """
  changed = dict(observation)
  # In one order in every process, or a seed would not make a run repeatable.
  for key, vector in observation.items():
    if key in deviations:
      noise = deviations[key] * tf.random.normal(tf.shape(vector))
      changed[key] = vector + noise
  if specs_lib.GOAL in changed:
    changed[specs_lib.GOAL] = noisy(changed[specs_lib.GOAL], deviations)
  return changed


def _change(
  sample: reverb.ReplaySample,
  change: Callable[[types.NestedTensor], types.NestedTensor],
) -> reverb.ReplaySample:
  """Returns a batch of transitions with both observations changed."""
  data = sample.data._replace(
    observation=change(sample.data.observation),
    next_observation=change(sample.data.next_observation),
  )
  return sample._replace(data=data)


def _is_image(tensor: tf.Tensor) -> bool:
  return tensor.dtype == tf.uint8 and tensor.shape.rank == 4


def _shift(images: List[tf.Tensor], max_shift: int) -> List[tf.Tensor]:
  """Returns images, uint8[B, H, W, C] each, that are shifted alike."""
  channels = [image.shape[-1] for image in images]
  stacked = tf.concat(images, axis=-1)
  batch_size = tf.shape(stacked)[0]
  height, width, depth = stacked.shape[1:]
  rows, columns = [
    tf.clip_by_value(
      tf.range(size)
      + tf.random.uniform([batch_size, 1], -max_shift, max_shift + 1, tf.int32),
      0,
      size - 1,
    )
    for size in (height, width)
  ]
  # One lookup of whole pixels: a gather along each axis takes four times as long.
  pixels = (
    tf.range(batch_size)[:, tf.newaxis, tf.newaxis] * height
    + rows[:, :, tf.newaxis]
  ) * width + columns[:, tf.newaxis, :]
  shifted = tf.gather(tf.reshape(stacked, [-1, depth]), pixels)
  return tf.split(shifted, channels, axis=-1)
