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
"""A position controller, as the paper's demonstrators had (section 3.1).

The device's velocities move a target, and the hand follows the target. So the
hand stands still where the person lets go, and does not drift under load.
"""

import dataclasses

import numpy as np

from environments import block_stacking
from environments import state_environment
from environments.block_stacking import resolved_rate
from environments.teleoperation import device

# Share of the last velocity in the next one, as for the scripted demonstrators.
_SMOOTHING = 0.5
_POSITION_GAIN = 4.0  # 1/s
# Largest distance of the target to the hand, so that the hand obeys at once after
# it was held up.
_MAX_LEAD = 0.03  # m
_MAX_ANGLE = 1.0  # rad
# Lower and upper corner of the target's region in m: the camera shows it, the arm
# reaches it, and the fingers do not press on the table.
_WORKSPACE = ((-0.25, -0.25, 0.012), (0.25, 0.25, 0.4))

_OPEN, _CLOSE = -1.0, 1.0


@dataclasses.dataclass(frozen=True)
class Settings:
  """Settings of the position controller.

  Attributes:
    speed: speed of the hand at full deflection of the device, in m/s; the
      default is between those of the scripted demonstrators.
    angular_speed: angular speed of the hand at full deflection of the device, in
      rad/s; the default is below what the hand can follow.
    tilt: whether the hand tilts as the device does; otherwise it points down and
      only turns, which is all that stacking needs.

  Raises:
    ValueError: if a speed is not positive.
  """

  speed: float = 0.15
  angular_speed: float = 0.8
  tilt: bool = False

  def __post_init__(self) -> None:
    for name in ('speed', 'angular_speed'):
      if not getattr(self, name) > 0.0:
        raise ValueError(
          f'{name} is {getattr(self, name)}; it must be positive.'
        )


class PositionController:
  """Turns a device's commands into actions.

  Args:
    settings: speeds of the hand, and whether it tilts.
  """

  def __init__(self, settings: Settings = Settings()):
    self._settings = settings

  def reset(self, environment: state_environment.StateEnvironment) -> None:
    """Puts the target at the hand's pose and opens the fingers.

    Args:
      environment: the block-stacking environment, right after a reset.
    """
    self._hand = resolved_rate.ResolvedRate(environment)
    self._position = self._hand.position.copy()
    if self._settings.tilt:
      self._rotation = self._hand.rotation.copy()
    else:
      self._rotation = resolved_rate.pointing_down(self._hand.yaw)
    self._velocity = np.zeros(6)
    self._fingers = _OPEN

  @property
  def target(self) -> np.ndarray:
    """Target of the point between the finger tips in m, float64 [3]."""
    return self._position

  @property
  def closes(self) -> bool:
    """Whether the fingers close or hold a block."""
    return self._fingers == _CLOSE

  def act(self, command: device.Command) -> np.ndarray:
    """Returns the next action.

    Args:
      command: the device's command in this control step.

    Returns:
      Velocities of the six joints and three fingers, float32 [9] in [-1, 1].
    """
    if command.events.count(device.Event.FINGERS) % 2:
      self._fingers = _OPEN if self.closes else _CLOSE
    rotation = np.asarray(command.rotation)
    if not self._settings.tilt:
      rotation = rotation * (0.0, 0.0, 1.0)
    wanted = np.concatenate(
      (
        self._settings.speed * np.asarray(command.translation),
        self._settings.angular_speed * rotation,
      )
    )
    self._velocity = _SMOOTHING * self._velocity + (1.0 - _SMOOTHING) * wanted
    # The target's own velocity goes ahead of the correction: the hand does not
    # lag behind.
    linear = self._move(self._velocity[:3])
    self._turn(self._velocity[3:])
    error = self._position - self._hand.position
    angular = self._hand.angular_velocity_towards(self._rotation)
    twist = np.concatenate((linear + _POSITION_GAIN * error, angular))
    return self._hand.action(twist, self._fingers)

  def _move(self, velocity: np.ndarray) -> np.ndarray:
    """Moves the target and returns its velocity in m/s, float64 [3]."""
    before, step = self._position, block_stacking.CONTROL_TIMESTEP
    lead = before + velocity * step - self._hand.position
    ahead = self._hand.position + resolved_rate.clip_norm(lead, _MAX_LEAD)
    # Where an episode starts outside, the target may stay but not go farther.
    lower = np.minimum(_WORKSPACE[0], before)
    upper = np.maximum(_WORKSPACE[1], before)
    self._position = np.clip(ahead, lower, upper)
    moved = (self._position - before) / step
    # Pulled back by the hand: no velocity of the person's.
    return resolved_rate.clip_norm(moved, float(np.linalg.norm(velocity)))

  def _turn(self, velocity: np.ndarray) -> None:
    """Turns the target, unless it is too far ahead of the hand."""
    turned = (
      _rotation(velocity * block_stacking.CONTROL_TIMESTEP) @ self._rotation
    )
    angle = _angle(turned, self._hand.rotation)
    if angle < max(_MAX_ANGLE, _angle(self._rotation, self._hand.rotation)):
      self._rotation = turned


def _rotation(vector: np.ndarray) -> np.ndarray:
  """Returns the rotation [3, 3] about a vector [3] by its length in rad."""
  angle = np.linalg.norm(vector)
  if angle == 0.0:
    return np.eye(3)
  x, y, z = vector / angle
  cross = np.array(((0.0, -z, y), (z, 0.0, -x), (-y, x, 0.0)))
  return (
    np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross
  )


def _angle(first: np.ndarray, second: np.ndarray) -> float:
  """Returns the angle between two rotations [3, 3], in rad."""
  return float(np.arccos(np.clip((np.sum(first * second) - 1) / 2, -1.0, 1.0)))
