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
"""Tests of the resolved-rate control of the hand."""

import numpy as np
import pytest

from environments.block_stacking import features
from environments.block_stacking import resolved_rate

_BODY = features.BODY_LAYOUT


@pytest.fixture
def hand(features) -> resolved_rate.ResolvedRate:
  features.random_state.seed(0)
  features.reset()
  return resolved_rate.ResolvedRate(features)


def test_pose_is_the_observed_one(features, hand):
  body = features.step(np.zeros(9)).observation['body']
  np.testing.assert_allclose(
    hand.position, body[_BODY['hand_position']], rtol=1e-6
  )
  columns = body[_BODY['hand_orientation']].reshape(3, 2)
  np.testing.assert_allclose(hand.rotation[:, :2], columns, atol=1e-6)
  assert hand.yaw == pytest.approx(
    np.arctan2(columns[1, 0], columns[0, 0]), abs=1e-6
  )


@pytest.mark.parametrize('axis', range(3))
def test_hand_moves_with_the_velocity(features, hand, axis):
  velocity = 0.05 * np.eye(3)[axis]
  start = hand.position.copy()
  for _ in range(20):
    features.step(hand.action(np.append(velocity, np.zeros(3)), 0.0))
  # After 1 s; damping, gravity and the joints' own lag cost a part.
  np.testing.assert_allclose(hand.position - start, velocity, atol=0.015)


def test_hand_turns_with_the_angular_velocity(features, hand):
  before = hand.yaw
  for _ in range(20):
    features.step(hand.action(np.array((0, 0, 0, 0, 0, 0.3)), 0.0))
  assert hand.yaw - before == pytest.approx(0.3, abs=0.04)


def test_fast_motions_are_slowed_down_alike(features, hand):
  twist = np.array((0.1, 0.05, -0.08, 0.2, 0.0, 0.1))
  slow = hand.action(twist, 0.5)
  fast = hand.action(1000 * twist, 0.5)
  features.action_spec().validate(fast)
  assert np.abs(fast[:6]).max() == 1.0
  np.testing.assert_allclose(
    fast[:6], slow[:6] / np.abs(slow[:6]).max(), rtol=1e-5
  )
  np.testing.assert_array_equal(fast[6:], np.full(3, 0.5, np.float32))


@pytest.mark.parametrize('yaw', [-2.0, 0.0, 0.7])
def test_hand_turns_to_point_down(features, hand, yaw):
  yaw += hand.yaw
  wanted = resolved_rate.pointing_down(yaw)
  np.testing.assert_allclose(wanted @ wanted.T, np.eye(3), atol=1e-12)
  assert np.linalg.det(wanted) == pytest.approx(1.0)
  for _ in range(100):
    angular = hand.angular_velocity_towards(wanted)
    assert np.linalg.norm(angular) <= 1.2 + 1e-9
    features.step(hand.action(np.append(np.zeros(3), angular), 0.0))
  np.testing.assert_allclose(hand.rotation, wanted, atol=0.02)


def test_clip_norm():
  vector = np.array((3.0, 0.0, 4.0))
  np.testing.assert_array_equal(resolved_rate.clip_norm(vector, 5.0), vector)
  np.testing.assert_allclose(
    resolved_rate.clip_norm(vector, 1.0), (0.6, 0.0, 0.8)
  )
  np.testing.assert_array_equal(
    resolved_rate.clip_norm(np.zeros(3), 0.0), np.zeros(3)
  )
