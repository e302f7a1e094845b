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

The device's velocities move a target; the hand follows the target. So the hand
stands still where the person lets go, and does not drift under load.
"""

import dataclasses

import numpy as np

from environments import block_stacking
from environments import state_environment
from environments.block_stacking import resolved_rate
from environments.teleoperation import device

# Share of the last velocity in the next one: as the scripted demonstrators'.
_SMOOTHING = 0.5
_POSITION_GAIN = 4.0  # 1/s
# The target is never farther ahead of the hand than this, so that the hand obeys
# at once after it was held up.
_MAX_LEAD = 0.03  # m
_MAX_ANGLE = 1.0  # rad
# The target stays here: what the camera shows, the arm reaches, and where the
# fingers do not press on the table. (lower, upper) corners in m.
_WORKSPACE = ((-0.25, -0.25, 0.012), (0.25, 0.25, 0.4))

_OPEN, _CLOSE = -1.0, 1.0


@dataclasses.dataclass(frozen=True)
class Settings:
  """How the hand moves.

  Attributes:
    speed: of the hand at full deflection, in m/s; between those of the scripted
      demonstrators.
    angular_speed: at full deflection, in rad/s; below what the hand can follow.
    tilt: whether the hand tilts as the device does; by default it points down
      and only turns, which is all that stacking needs.

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
  """Turns commands into actions.

  Args:
    settings: how the hand moves.
  """

  def __init__(self, settings: Settings = Settings()):
    self._settings = settings

  def reset(self, environment: state_environment.StateEnvironment) -> None:
    """Begins at the hand's pose, with open fingers, after a reset."""
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
    """Where the point between the finger tips is to be: float64 [3], in m."""
    return self._position

  @property
  def closes(self) -> bool:
    """Whether the fingers close, or hold."""
    return self._fingers == _CLOSE

  def act(self, command: device.Command) -> np.ndarray:
    """Returns the next action: float32 [9], velocities in [-1, 1]."""
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
    """Moves the target; returns the velocity that it has moved with."""
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
  """Returns the rotation [3, 3] about a vector [3] by its length (rad)."""
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
