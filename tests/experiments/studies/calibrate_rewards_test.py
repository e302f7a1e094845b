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

"""Tests of the calibration of equation 2 on distances that are known."""

import numpy as np
import pytest

from environments import demonstrations as demonstrations_lib
from environments import rewards
from environments.block_stacking import features
from experiments.studies import calibrate_rewards

_MOVING, _STILL = 30, 20


def _demonstration(offset: float) -> demonstrations_lib.Demonstration:
  """Moves by 0.01 a step, then rests stacked."""
  steps = _MOVING + _STILL
  position = np.minimum(np.arange(steps + 1), _MOVING) * 0.01 + offset
  return demonstrations_lib.Demonstration(
    observations={'body': position.astype(np.float32)[:, None]},
    states=np.zeros((steps + 1, 1)),
    actions=np.zeros((steps, 1), np.float32),
    rewards=np.repeat([0.0, 1.0], (_MOVING, _STILL)).astype(np.float32),
    demonstrator='known',
    seed=0,
  )


def test_distances_of_known_frames():
  distances = calibrate_rewards.measure(
    [_demonstration(0.0), _demonstration(100.0)], 'body', np.array([10.0])
  )
  for values in distances.values():
    # Frames 5 to 29 of two demonstrations: none of the rest.
    assert values.shape == (50,)
  np.testing.assert_array_equal(distances[calibrate_rewards.SAME], 0.0)
  np.testing.assert_allclose(
    distances[calibrate_rewards.LATE], (10 * 0.01) ** 2, rtol=1e-2
  )
  np.testing.assert_allclose(
    distances[calibrate_rewards.LATER], (10 * 0.05) ** 2, rtol=1e-2
  )
  np.testing.assert_allclose(distances[calibrate_rewards.OTHER], 1e6, rtol=1e-2)


def test_every_and_seed():
  dataset = [_demonstration(0.0), _demonstration(1.0)]
  runs = [
    calibrate_rewards.measure(dataset, 'body', None, every=4, seed=seed)
    for seed in (0, 0, 1)
  ]
  other = [run[calibrate_rewards.OTHER] for run in runs]
  assert len(other[0]) == 2 * 7
  np.testing.assert_array_equal(other[0], other[1])
  assert not np.array_equal(other[0], other[2])


def test_one_demonstration_is_refused():
  with pytest.raises(
    ValueError, match=r'There are 1 demonstrations; .*least 2'
  ):
    calibrate_rewards.measure([_demonstration(0.0)], 'body', None)


def test_scales_meet_both_demands():
  distances = {
    calibrate_rewards.LATE: np.full(5, 0.01),
    calibrate_rewards.OTHER: np.full(5, 4.0),
  }
  found = calibrate_rewards.scales(distances)
  # exp(-4 s) = 0.1 and exp(-0.01 s) = 0.9.
  assert found.lowest == pytest.approx(-np.log(0.1) / 4, rel=0.03)
  assert found.highest == pytest.approx(-np.log(0.9) / 0.01, rel=0.03)
  assert found.suggestion == pytest.approx(
    np.sqrt(found.lowest * found.highest)
  )


def test_table_has_a_row_for_each_pair_and_one_for_the_scales():
  distances = calibrate_rewards.measure(
    [_demonstration(0.0), _demonstration(100.0)], 'body', None
  )
  rows = list(
    calibrate_rewards.table('body', distances, rewards.RewardTerm(1.0, 2.0))
  )
  assert len(rows) == 5
  assert all(row.count('|') == 6 for row in rows)
  assert '| same frame | 0 | 1.00 | 1.00 |' in rows[0]
  assert '| 2 |' in rows[-1]


def test_pixel_terms_are_the_papers():
  terms = features.pixel_reward_terms()
  assert {k: t.coefficient for k, t in terms.items()} == {
    'image': 15.0,
    'body': 2.0,
  }
  assert terms['image'].weights is None
  black = np.zeros((128, 128, 3), np.uint8)
  body = np.zeros(36, np.float32)
  same: dict[str, np.ndarray] = {'image': black, 'body': body}
  assert rewards.imitation_reward(same, same, terms) == 1.0
  # All pixels off by a tenth: a mean square of (26 / 255)^2.
  grey: dict[str, np.ndarray] = {'image': black + np.uint8(26), 'body': body}
  expected = (15 * np.exp(-88.0 * (26 / 255) ** 2) + 2) / 17
  assert rewards.imitation_reward(grey, same, terms) == pytest.approx(expected)
