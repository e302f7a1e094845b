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
"""Tests of the position controller."""

import numpy as np
import pytest

from environments.block_stacking import features
from environments.teleoperation import controller
from environments.teleoperation import device

_FINGERS = (device.Event.FINGERS,)
_BODY = features.BODY_LAYOUT


def _command(
  translation=(0, 0, 0), rotation=(0, 0, 0), events=()
) -> device.Command:
  return device.Command(
    np.array(translation, float), np.array(rotation, float), events
  )


class _Arm:
  """The environment under a position controller."""

  def __init__(self, environment, settings=controller.Settings(), seed=0):
    environment.random_state.seed(seed)
    self._environment = environment
    self.body = environment.reset().observation['body']
    self.hand = controller.PositionController(settings)
    self.hand.reset(environment)

  def go(self, steps: int, command: device.Command = _command()) -> np.ndarray:
    """Returns the position of the hand after a number of steps."""
    for step in range(steps):
      if step == 1:
        command = command._replace(events=())
      action = self.hand.act(command)
      self._environment.action_spec().validate(action)
      self.body = self._environment.step(action).observation['body']
    return self.position

  @property
  def position(self) -> np.ndarray:
    return self.body[_BODY['hand_position']]

  @property
  def orientation(self) -> np.ndarray:
    columns = self.body[_BODY['hand_orientation']].reshape(3, 2)
    return np.column_stack((columns, np.cross(columns[:, 0], columns[:, 1])))


def test_hand_stands_still_where_the_person_lets_go(features):
  arm = _Arm(features)
  start = arm.position
  np.testing.assert_allclose(arm.go(40), start, atol=0.002)
  arm.go(10, _command((1, 0, 0)))
  moved = arm.go(10)
  np.testing.assert_allclose(arm.go(40), moved, atol=0.002)


@pytest.mark.parametrize('axis', range(3))
@pytest.mark.parametrize('sign', [-1, 1])
def test_hand_moves_as_far_as_the_device_says(features, axis, sign):
  arm = _Arm(features)
  start = arm.position
  wanted = sign * np.eye(3)[axis]
  arm.go(16, _command(wanted))
  # 0.8 s at 0.15 m/s; smoothing spreads it over the next steps.
  np.testing.assert_allclose(arm.go(20) - start, 0.12 * wanted, atol=0.004)


def test_half_deflection_is_half_the_speed(features):
  arm = _Arm(features, controller.Settings(speed=0.1))
  start = arm.position
  arm.go(20, _command((0.5, 0, 0)))
  np.testing.assert_allclose(arm.go(20) - start, (0.05, 0, 0), atol=0.004)


def test_hand_does_not_lag_behind(features):
  arm = _Arm(features)
  arm.go(15, _command((1, 0, 0)))
  np.testing.assert_allclose(arm.position, arm.hand.target, atol=0.01)


def test_hand_turns_counterclockwise(features):
  arm = _Arm(features)
  arm.go(20)
  before = arm.orientation
  arm.go(20, _command(rotation=(0, 0, 1)))
  arm.go(20)
  turn = arm.orientation @ before.T
  # 1 s at 0.8 rad/s.
  assert np.arctan2(turn[1, 0], turn[0, 0]) == pytest.approx(0.8, abs=0.03)
  np.testing.assert_allclose(arm.orientation[:, 2], (0, 0, -1), atol=0.03)


def test_hand_tilts_only_if_it_is_to(features):
  tilted = []
  for tilt in (False, True):
    arm = _Arm(features, controller.Settings(tilt=tilt))
    arm.go(10, _command(rotation=(1, 0, 0)))
    arm.go(20)
    tilted.append(np.arccos(-arm.orientation[2, 2]))
  # 0.5 s at 0.8 rad/s.
  np.testing.assert_allclose(tilted, (0.0, 0.4), atol=0.03)


def test_target_stays_above_the_table_and_obeys_at_once(features):
  arm = _Arm(features)
  arm.go(100, _command((0, 0, -1)))
  assert arm.hand.target[2] == pytest.approx(0.012)
  low = arm.position[2]
  assert low > 0.005
  arm.go(100, _command((0, 0, -1)))
  assert arm.go(10, _command((0, 0, 1)))[2] > low + 0.03


def test_target_does_not_run_away_from_a_hand_that_is_held_up(features):
  arm = _Arm(features)
  start = arm.position
  for _ in range(100):
    arm.hand.act(_command((0, 1, 0), (0, 0, 1)))  # Nothing moves.
  distance = np.linalg.norm(arm.hand.target - start)
  assert distance == pytest.approx(0.03, abs=1e-6)


def test_fingers_open_at_first_and_change_at_each_press(features):
  arm = _Arm(features)

  def fingers(events=()) -> float:
    action = arm.hand.act(_command(events=events))
    assert len(set(action[6:])) == 1
    return action[6]

  assert fingers() == -1
  assert fingers(_FINGERS) == 1
  assert arm.hand.closes
  assert fingers() == 1
  assert fingers(_FINGERS) == -1
  assert fingers(2 * _FINGERS) == -1
  fingers(_FINGERS)
  arm.hand.reset(features)
  assert fingers() == -1


def test_fingers_move(features):
  arm = _Arm(features)
  arm.go(20)
  opened = arm.body[_BODY['finger_position']]
  arm.go(20, _command(events=_FINGERS))
  assert np.all(arm.body[_BODY['finger_position']] > opened + 0.3)


@pytest.mark.parametrize('name', ['speed', 'angular_speed'])
@pytest.mark.parametrize('value', [0.0, -1.0, float('nan')])
def test_speeds_are_positive(name, value):
  with pytest.raises(ValueError, match=f'{name} is {value}'):
    controller.Settings(**{name: value})
