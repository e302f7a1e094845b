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
"""Tests of what decides whether a block is grasped and stacked."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from environments import block_stacking
from environments import demonstrations
from environments.block_stacking import features
from experiments.domains import grasp_details

_DETAILS = grasp_details.details(block_stacking.HALF_SIZE)
# Fingers, speeds of hand and block, hand to block, block to block, turn.
_ENDS = np.cumsum([3, 3, 3, 3, 3, 2])
_FINGERS, _, _, _, _BLOCK_TO_BLOCK, _TURN = (
  slice(start, end) for start, end in zip((0, *_ENDS), _ENDS)
)


def _of(demonstration: demonstrations.Demonstration) -> np.ndarray:
  """Returns the details of a demonstration's frames, float32[T, 17]."""
  vectors = {
    key: tf.constant(demonstration.observations[key], tf.float32)
    for key in _DETAILS.keys
  }
  return _DETAILS.features(vectors).numpy()


def _columns(rotation: np.ndarray) -> tf.Tensor:
  """Returns a rotation as observations have it, float32[1, 6]."""
  return tf.constant(rotation[:, :2].reshape(1, 6), tf.float32)


def _about_z(angle: float) -> np.ndarray:
  c, s = np.cos(angle), np.sin(angle)
  return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


# Pointing down: a half turn about the world's first axis.
_DOWN = np.diag([1.0, -1.0, -1.0])


def _cube_rotations() -> list[np.ndarray]:
  """Returns the 24 rotations that take a cube to itself."""
  rotations = []
  for order in itertools.permutations(range(3)):
    for signs in itertools.product((1.0, -1.0), repeat=3):
      rotation = np.eye(3)[list(order)] * np.array(signs)[:, None]
      if np.linalg.det(rotation) > 0.0:
        rotations.append(rotation)
  return rotations


@pytest.mark.parametrize('degrees', [0.0, 10.0, 45.0, -30.0, 80.0])
def test_a_turn_below_the_hand_is_four_times_its_angle(degrees):
  angle = np.deg2rad(degrees)
  hand, block = _DOWN @ _about_z(0.3), _DOWN @ _about_z(0.3 + angle)
  turn = grasp_details.quarter_turn(_columns(hand), _columns(block))
  expected = [[np.cos(4.0 * angle), np.sin(4.0 * angle)]]
  np.testing.assert_allclose(turn, expected, atol=1e-5)


def test_a_turn_is_that_of_a_cube():
  random_state = np.random.RandomState(0)
  hand, block = (np.linalg.qr(random_state.randn(3, 3))[0] for _ in range(2))
  hand, block = (r * np.linalg.det(r) for r in (hand, block))
  expected = grasp_details.quarter_turn(_columns(hand), _columns(block))
  rotations = _cube_rotations()
  assert len(rotations) == 24
  for rotation in rotations:
    alike = grasp_details.quarter_turn(
      _columns(hand), _columns(block @ rotation)
    )
    np.testing.assert_allclose(alike, expected, atol=1e-5)
  # And no other one's.
  other = grasp_details.quarter_turn(
    _columns(hand), _columns(block @ _about_z(0.4))
  )
  assert np.abs(other - expected).max() > 0.1


def test_demonstrators_stand_square_to_the_block_as_they_lift(training_set):
  for demonstration in training_set:
    height = demonstration.observations['blocks'][:, 2]
    lift = np.argmax(height > height[0] + 0.01)
    assert lift >= 12
    before = _of(demonstration)[lift - 12 : lift, _TURN]
    # Within six degrees.
    assert np.all(before[:, 0] > np.cos(np.deg2rad(4 * 6.0)))


def test_details_are_near_zero_where_blocks_are_stacked(training_set):
  for demonstration in training_set:
    details = _of(demonstration)
    assert np.abs(details[-1, _BLOCK_TO_BLOCK]).max() < 0.6
    # At a bound where the blocks are a decimetre apart.
    assert np.abs(details[0, _BLOCK_TO_BLOCK]).max() > 0.99
    assert details[:, _FINGERS].min() < -0.9
    assert details[:, _FINGERS].max() > 0.4


def test_details_are_of_the_parts_that_they_are_to_be_of():
  layouts = {'body': features.BODY_LAYOUT, 'blocks': features.BLOCKS_LAYOUT}
  vectors = {'body': np.zeros((1, 36)), 'blocks': np.zeros((1, 30))}
  # Centre, scale, and a value that no other part has.
  stacked = np.array([0.0, 0.0, -2.0 * block_stacking.HALF_SIZE])
  expected = []
  for key, name, value, centre, scale in (
    ('body', 'finger_position', 0.7, 0.75, 5.0),
    ('body', 'hand_velocity', 0.03, 0.0, 5.0),
    ('blocks', 'top_velocity', -0.05, 0.0, 5.0),
    ('blocks', 'hand_to_top', 0.005, 0.0, 50.0),
    ('blocks', 'top_to_bottom', -0.04, stacked, 50.0),
  ):
    vectors[key][:, layouts[key][name]] = value
    expected.append(np.tanh(scale * (value - np.broadcast_to(centre, 3))))
  details = _DETAILS.features(
    {key: tf.constant(value, tf.float32) for key, value in vectors.items()}
  )
  np.testing.assert_allclose(
    details[0, : _ENDS[-2]], np.concatenate(expected), rtol=1e-4
  )


def test_half_a_centimetre_is_told_apart():
  vectors = {
    key: np.zeros((2, size), np.float32)
    for key, size in (('body', 36), ('blocks', 30))
  }
  part = features.BLOCKS_LAYOUT['top_to_bottom']
  vectors['blocks'][:, part] = [0.0, 0.0, -2.0 * block_stacking.HALF_SIZE]
  vectors['blocks'][1, part.start] = 0.005
  details = _DETAILS.features(
    {key: tf.constant(value) for key, value in vectors.items()}
  ).numpy()
  np.testing.assert_array_equal(details[0, _BLOCK_TO_BLOCK], 0.0)
  assert details[1, _BLOCK_TO_BLOCK][0] == pytest.approx(np.tanh(0.25))
