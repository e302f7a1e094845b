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
"""Tests of the learner that shifts the images of what it samples."""

import copy

import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf

from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from tests.acme_metamimic import fakes
from tests.acme_metamimic.d4pg import learners


class ImageTorso(snt.Module):
  """A torso that sees the images alone."""

  def __init__(self) -> None:
    super().__init__()
    self._linear = snt.Linear(6)

  def __call__(self, observation):
    images = tf.cast(observation['image'], tf.float32) / 255.0
    return self._linear(tf.reshape(images, [-1, 8 * 8 * 3]))


def _networks():
  online, _ = learners.make_networks()
  online.observation_network = ImageTorso()
  online.observation_network({'image': np.zeros((1, 8, 8, 3), np.uint8)})
  return online, copy.deepcopy(online)


def _samples(images: np.ndarray):
  """Returns the samples with images, before and after."""
  data = learners.SAMPLES.data
  return learners.SAMPLES._replace(
    data=data._replace(
      observation={**data.observation, 'image': images},
      next_observation={**data.next_observation, 'image': images},
    )
  )


def _updated(pair, images, image_shift):
  """Returns the networks' variables after an update."""
  networks = copy.deepcopy(pair)
  tf.random.set_seed(0)
  learner = learners.make_learner(
    networks,
    dataset_iterator=fakes.make_iterator(_samples(images), learners.BATCH_SIZE),
    image_shift=image_shift,
  )
  learner.step()
  return learners.variables(networks)


def test_it_learns_from_shifted_images():
  rng = np.random.default_rng(0)
  size = learners.BATCH_SIZE * learners.NUM_BATCHES
  images = rng.integers(0, 256, (size, 8, 8, 3), np.uint8)
  plain = np.broadcast_to(images[:, :1, :1], images.shape).copy()
  networks = _networks()
  # A shift of an image of one colour is that image.
  expected = _updated(networks, plain, 0)
  learners.assert_close(_updated(networks, plain, 2), expected, rtol=1e-5)
  # Of others it is not.
  pairs = zip(*(_updated(networks, images, shift) for shift in (0, 2)))
  assert max(np.max(np.abs(a - b)) for a, b in pairs) > 1e-5


def test_the_builder_hands_it_on_and_names_what_has_no_images():
  config = d4pg_config.D4PGConfig(image_shift=2)
  builder = d4pg_builder.D4PGBuilder(config)
  iterator = fakes.make_iterator(learners.SAMPLES, learners.BATCH_SIZE)
  learner = builder.make_learner(learners.make_networks(), iterator)
  with pytest.raises(ValueError, match='image_shift=2 needs images'):
    learner.step()


@pytest.mark.parametrize('image_shift', [-1, 0.5])
def test_a_shift_that_is_none_is_refused(image_shift):
  with pytest.raises(ValueError, match=f'image_shift={image_shift} must be'):
    d4pg_config.D4PGConfig(image_shift=image_shift)
