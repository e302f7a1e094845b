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
"""Tests of the rewards against values computed by hand."""

import math

import hypothesis
from hypothesis import strategies
from hypothesis.extra import numpy as hypothesis_numpy
import numpy as np
import pytest

from environments import rewards

_HALF = 0.025
_THRESHOLDS = rewards.StageThresholds()
_EPSILON = 1e-9

# One edge, 0.05 m, lies between the centres; the hand is away.
_STACKED = rewards.StackingState(
  hand_position=np.array((0.1, 0.0, 0.3)),
  top_position=np.array((0.02, -0.03, 0.075)),
  bottom_position=np.array((0.02, -0.03, 0.025)),
  top_velocity=np.zeros(3),
  held=False,
)
# Both blocks on the table, the hand far away.
_APART = rewards.StackingState(
  hand_position=np.array((0.0, 0.0, 0.3)),
  top_position=np.array((0.1, 0.0, 0.025)),
  bottom_position=np.array((-0.1, 0.0, 0.025)),
  top_velocity=np.zeros(3),
  held=False,
)


def _moved(vector: np.ndarray, *offset: float) -> np.ndarray:
  return vector + np.array(offset)


def _hand_beside_top(distance: float, **changes) -> rewards.StackingState:
  """Returns a state with the blocks apart and the hand at a distance (m)."""
  state = _APART._replace(**changes)
  return state._replace(
    hand_position=_moved(state.top_position, 0, distance, 0)
  )


def test_values_of_the_stages_are_the_papers():
  stages = (
    rewards.NOTHING,
    rewards.REACHED,
    rewards.LIFTED,
    rewards.STACKED,
  )
  assert stages == (0.0, 0.125, 0.25, 1.0)


def test_nothing_when_the_hand_is_far():
  assert rewards.stage_reward(_APART, _HALF) == 0.0


@pytest.mark.parametrize(
  ('distance', 'expected'),
  [
    (0.0, 0.125),
    (_THRESHOLDS.reach_distance - _EPSILON, 0.125),
    (_THRESHOLDS.reach_distance + _EPSILON, 0.0),
  ],
)
def test_reached_within_the_distance(distance, expected):
  assert rewards.stage_reward(_hand_beside_top(distance), _HALF) == expected


def test_distance_is_euclidean():
  # 3-4-5: neither of the two components alone reaches 0.05 m.
  offset = np.array((0.03, 0.0, 0.04)) * (1 - 1e-6)
  state = _APART._replace(hand_position=_APART.top_position + offset)
  assert rewards.stage_reward(state, _HALF) == 0.125
  state = _APART._replace(hand_position=_APART.top_position + 1.01 * offset)
  assert rewards.stage_reward(state, _HALF) == 0.0


def test_the_bottom_block_does_not_count_as_reached():
  state = _APART._replace(hand_position=_APART.bottom_position)
  assert rewards.stage_reward(state, _HALF) == 0.0


@pytest.mark.parametrize(
  ('height', 'expected'),
  [
    (_THRESHOLDS.lift_height - _EPSILON, 0.125),
    (_THRESHOLDS.lift_height + _EPSILON, 0.25),
    (0.5, 0.25),
  ],
)
@pytest.mark.parametrize('held', [False, True])
def test_lifted_from_the_height_on(height, expected, held):
  top = np.array((0.1, 0.0, _HALF + height))
  state = _hand_beside_top(0.01, top_position=top, held=held)
  assert rewards.stage_reward(state, _HALF) == expected


def test_a_block_in_the_air_away_from_the_hand_is_nothing():
  top = np.array((0.1, 0.0, 0.3))
  state = _hand_beside_top(0.06, top_position=top)
  assert rewards.stage_reward(state, _HALF) == 0.0


def test_stacked():
  assert rewards.stage_reward(_STACKED, _HALF) == 1.0


def test_stacked_wherever_the_hand_is():
  state = _STACKED._replace(hand_position=_STACKED.top_position)
  assert rewards.stage_reward(state, _HALF) == 1.0


def test_a_held_block_is_not_stacked():
  far = _STACKED._replace(held=True)
  assert rewards.stage_reward(far, _HALF) == 0.0
  # In the hand it is a lifted one.
  near = far._replace(hand_position=_STACKED.top_position)
  assert rewards.stage_reward(near, _HALF) == 0.25


@pytest.mark.parametrize(
  'direction', [(1, 0), (0, -1), (-0.6, 0.8)], ids=['x', 'y', 'oblique']
)
@pytest.mark.parametrize(
  ('slack', 'expected'), [(-_EPSILON, 1.0), (_EPSILON, 0.0)]
)
def test_stacked_within_half_a_block_and_the_tolerance(
  direction, slack, expected
):
  distance = _HALF + _THRESHOLDS.alignment_tolerance + slack
  x, y = distance * np.array(direction)
  state = _STACKED._replace(top_position=_moved(_STACKED.top_position, x, y, 0))
  assert rewards.stage_reward(state, _HALF) == expected


@pytest.mark.parametrize('side', [-1, 1], ids=['below', 'above'])
@pytest.mark.parametrize(
  ('slack', 'expected'), [(-_EPSILON, 1.0), (_EPSILON, 0.0)]
)
def test_stacked_at_the_right_height(side, slack, expected):
  z = side * (_THRESHOLDS.height_tolerance + slack)
  state = _STACKED._replace(top_position=_moved(_STACKED.top_position, 0, 0, z))
  assert rewards.stage_reward(state, _HALF) == expected


def test_the_other_block_on_top_is_not_stacked():
  state = _STACKED._replace(
    top_position=_STACKED.bottom_position, bottom_position=_STACKED.top_position
  )
  assert rewards.stage_reward(state, _HALF) == 0.0


@pytest.mark.parametrize(
  ('slack', 'expected'), [(-_EPSILON, 1.0), (_EPSILON, 0.0)]
)
def test_stacked_when_still(slack, expected):
  speed = _THRESHOLDS.still_speed + slack
  velocity = speed * np.array((2.0, -1.0, 2.0)) / 3.0
  state = _STACKED._replace(top_velocity=velocity)
  assert rewards.stage_reward(state, _HALF) == expected


def test_thresholds_themselves_count():
  # Powers of two, so that nothing is rounded.
  thresholds = rewards.StageThresholds(
    reach_distance=1 / 16,
    lift_height=1 / 32,
    alignment_tolerance=1 / 128,
    height_tolerance=1 / 128,
    still_speed=1 / 16,
  )
  half = 1 / 32
  state = rewards.StackingState(
    hand_position=np.array((1 / 16, 0, half)),
    top_position=np.array((0, 0, half)),
    bottom_position=np.array((1.0, 0, half)),
    top_velocity=np.zeros(3),
    held=False,
  )
  assert rewards.stage_reward(state, half, thresholds) == 0.125
  up = np.array((0, 0, 1 / 32))
  state = state._replace(
    hand_position=state.hand_position + up, top_position=state.top_position + up
  )
  assert rewards.stage_reward(state, half, thresholds) == 0.25
  state = rewards.StackingState(
    hand_position=np.ones(3),
    top_position=np.array((half + 1 / 128, 0, 3 * half + 1 / 128)),
    bottom_position=np.array((0, 0, half)),
    top_velocity=np.array((0, 1 / 16, 0)),
    held=False,
  )
  assert rewards.stage_reward(state, half, thresholds) == 1.0


def test_thresholds_and_size_are_used():
  strict = _THRESHOLDS._replace(reach_distance=0.01)
  assert rewards.stage_reward(_hand_beside_top(0.02), _HALF, strict) == 0.0
  assert rewards.stage_reward(_STACKED, 0.04) == 0.0
  state = _STACKED._replace(top_position=np.array((0.02, -0.03, 0.12)))
  state = state._replace(bottom_position=np.array((0.02, -0.03, 0.04)))
  assert rewards.stage_reward(state, 0.04) == 1.0


def test_squared_distance_of_vectors_is_the_weighted_sum():
  observation = np.array((1.0, 2.0, 3.0), np.float32)
  goal = np.array((0.0, 4.0, 3.5), np.float32)
  weights = np.array((1.0, 0.5, 2.0), np.float32)
  # 1 * 1 + 0.25 * 4 + 4 * 0.25.
  assert rewards.squared_distance(observation, goal, weights) == 3.0


def test_squared_distance_without_weights_is_the_mean():
  observation = np.array((1.0, 2.0, 3.0, 0.0), np.float32)
  goal = np.array((0.0, 4.0, 3.0, 1.0), np.float32)
  assert rewards.squared_distance(observation, goal, None) == 1.5


def test_squared_distance_of_images_is_in_the_unit_interval():
  black = np.zeros((4, 4, 3), np.uint8)
  white = np.full((4, 4, 3), 255, np.uint8)
  # Unsigned numbers must not wrap round, in either direction.
  assert rewards.squared_distance(black, white, None) == 1.0
  assert rewards.squared_distance(white, black, None) == 1.0
  half = black.copy()
  half[:2] = 51
  assert rewards.squared_distance(half, black, None) == pytest.approx(0.02)


def test_imitation_reward_of_one_term():
  terms = {'body': rewards.RewardTerm(3.0, 2.0, np.ones(2, np.float32))}
  observation = {'body': np.array((0.5, 0.0), np.float32)}
  goal = {'body': np.array((0.0, 0.5), np.float32)}
  value = rewards.imitation_reward(observation, goal, terms)
  assert value == pytest.approx(math.exp(-2.0 * 0.5))


def test_imitation_reward_weighs_its_terms():
  # The paper's coefficients, 15 for pixels and 2 for joints (Table 1).
  terms = {
    'image': rewards.RewardTerm(15.0, 4.0),
    'body': rewards.RewardTerm(2.0, 0.5, np.ones(1, np.float32)),
  }
  observation: dict[str, np.ndarray] = {
    'image': np.full((2, 2, 3), 102, np.uint8),
    'body': np.array((2.0,), np.float32),
    'other': np.ones(3, np.float32),
  }
  goal: dict[str, np.ndarray] = {
    'image': np.zeros((2, 2, 3), np.uint8),
    'body': np.array((1.0,), np.float32),
    'other': np.zeros(3, np.float32),
  }
  expected = (15 * math.exp(-4 * 0.4**2) + 2 * math.exp(-0.5)) / 17
  value = rewards.imitation_reward(observation, goal, terms)
  assert value == pytest.approx(expected)


_VECTORS = hypothesis_numpy.arrays(
  np.float32, 3, elements=strategies.floats(-1e3, 1e3, width=32)
)


@hypothesis.given(_VECTORS, _VECTORS, strategies.floats(0.01, 100.0))
def test_imitation_reward_is_in_the_unit_interval(one, other, coefficient):
  terms = {
    'a': rewards.RewardTerm(coefficient, 2.0, np.ones(3, np.float32)),
    'b': rewards.RewardTerm(1.0, 0.1),
  }
  frame, goal = {'a': one, 'b': other}, {'a': other, 'b': one}
  value = rewards.imitation_reward(frame, goal, terms)
  assert 0.0 <= value <= 1.0
  assert value == rewards.imitation_reward(goal, frame, terms)
  assert rewards.imitation_reward(frame, frame, terms) == pytest.approx(1.0)
