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
"""Tests of the random shifts of images, and of the noise on vectors."""

import numpy as np
import pytest
import tensorflow as tf

from acme_metamimic.tf import augmentation

_MAX_SHIFT = 2


def _images(seed: int, channels: int = 3) -> np.ndarray:
  rng = np.random.default_rng(seed)
  return rng.integers(0, 256, (6, 8, 10, channels), np.uint8)


def _shifted(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
  """Returns an image that is shifted, its edges repeated, another way."""
  p = _MAX_SHIFT
  padded = np.pad(image, [(p, p), (p, p), (0, 0)], mode='edge')
  height, width = image.shape[:2]
  return padded[p + rows : p + rows + height, p + columns : p + columns + width]


def test_all_images_of_an_observation_are_shifted_alike():
  observation = {
    'front': tf.constant(_images(0)),
    'vector': tf.constant(np.ones((6, 4), np.float32)),
    'goal': {'front': tf.constant(_images(1)), 'side': tf.constant(_images(2))},
  }
  shifts = range(-_MAX_SHIFT, _MAX_SHIFT + 1)
  found = set()
  for _ in range(20):
    result = augmentation.shift_images(observation, _MAX_SHIFT)
    np.testing.assert_array_equal(result['vector'], observation['vector'])
    for i in range(6):
      same = [
        (rows, columns)
        for rows in shifts
        for columns in shifts
        if all(
          np.array_equal(after[i], _shifted(before[i].numpy(), rows, columns))
          for after, before in (
            (result['front'], observation['front']),
            (result['goal']['front'], observation['goal']['front']),
            (result['goal']['side'], observation['goal']['side']),
          )
        )
      ]
      assert len(same) == 1
      found.update(same)
  assert len(found) > 20, 'Of 25 shifts nearly all are drawn.'


@pytest.mark.parametrize(
  'observation, found',
  [
    ({'body': np.zeros((2, 3), np.float32)}, 'none'),
    (
      {
        'a': np.zeros((2, 8, 8, 3), np.uint8),
        'b': np.zeros((2, 6, 6, 3), np.uint8),
      },
      r'\(6, 6\), \(8, 8\)',
    ),
  ],
)
def test_what_cannot_be_shifted_is_named(observation, found):
  tensors = {key: tf.constant(value) for key, value in observation.items()}
  with pytest.raises(ValueError, match=f'image_shift=2 needs .*{found}'):
    augmentation.shift_images(tensors, 2)


def test_noise_has_the_deviations_and_is_drawn_for_each():
  size = 20_000
  vector = tf.ones([size, 3])
  observation = {
    'body': vector,
    'other': vector,
    'goal': {'body': vector, 'image': tf.zeros([size, 1, 1, 1], tf.uint8)},
  }
  deviations = {
    'body': np.array([0.0, 0.1, 2.0], np.float32),
    'unseen': np.ones(2, np.float32),
  }
  result = augmentation.noisy(observation, deviations)
  for noisy in (result['body'], result['goal']['body']):
    noise = noisy.numpy() - 1.0
    np.testing.assert_allclose(noise.std(axis=0), [0.0, 0.1, 2.0], rtol=0.03)
    np.testing.assert_allclose(noise.mean(axis=0), 0.0, atol=0.05)
  own, goal = [
    x.numpy()[:, 2] for x in (result['body'], result['goal']['body'])
  ]
  assert abs(np.corrcoef(own, goal)[0, 1]) < 0.05
  np.testing.assert_array_equal(result['other'], vector)
  np.testing.assert_array_equal(
    result['goal']['image'], observation['goal']['image']
  )
  # What was given is as it was.
  np.testing.assert_array_equal(observation['goal']['body'], vector)


def test_noise_is_drawn_in_the_order_of_the_observation():
  vector = tf.zeros([4, 2])
  deviations = {key: np.ones(2, np.float32) for key in ('b', 'a', 'c')}

  def draw(deviations):
    tf.random.set_seed(0)
    return augmentation.noisy({k: vector for k in ('a', 'b', 'c')}, deviations)

  first = draw(deviations)
  again = draw(dict(sorted(deviations.items())))
  for key, noise in first.items():
    np.testing.assert_array_equal(noise, again[key])
  assert len({tuple(np.ravel(noise)) for noise in first.values()}) == 3
