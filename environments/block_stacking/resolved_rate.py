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
"""Resolved-rate control of the hand: Cartesian velocities to actions.

A velocity of the hand is turned into velocities of the joints by damped least
squares. The scripted demonstrators and teleoperation both move the arm with it.
"""

import mujoco
import numpy as np

from environments import state_environment

# Damping of the least squares (rad/s per m/s): keeps joint velocities bounded
# where the arm is stretched.
_DAMPING = 0.05
_ORIENTATION_GAIN = 4.0  # 1/s
_MAX_ANGULAR_SPEED = 1.2  # rad/s


class ResolvedRate:
  """Moves the point between the finger tips with a given velocity.

  Args:
    environment: the block-stacking environment; it must have been reset.
  """

  def __init__(self, environment: state_environment.StateEnvironment):
    self._physics = environment.physics
    task = environment.task
    self._site = self._physics.bind(task.hand.pinch_site)
    self._dofs = self._physics.bind(task.arm.joints).dofadr
    self._max_velocity = self._physics.bind(task.arm.actuators).ctrlrange[:, 1]

  @property
  def position(self) -> np.ndarray:
    """Position of the point between the finger tips in m, float64 [3]."""
    return self._site.xpos

  @property
  def rotation(self) -> np.ndarray:
    """The hand's axes as columns, float64 [3, 3].

    Fingers close along the first; the third one points out of the hand.
    """
    return self._site.xmat.reshape(3, 3)

  @property
  def yaw(self) -> float:
    """Direction in which the fingers close, in the plane of the table (rad)."""
    axis = self.rotation[:, 0]
    return float(np.arctan2(axis[1], axis[0]))

  def angular_velocity_towards(self, rotation: np.ndarray) -> np.ndarray:
    """Returns the angular velocity that turns the hand to an orientation.

    Args:
      rotation: the wanted axes of the hand as columns, float64 [3, 3].

    Returns:
      The angular velocity in rad/s, float64 [3]. It is proportional to the sine
      of the angle that is left, and bounded.
    """
    error = 0.5 * np.cross(self.rotation.T, rotation.T).sum(axis=0)
    return clip_norm(_ORIENTATION_GAIN * error, _MAX_ANGULAR_SPEED)

  def action(self, twist: np.ndarray, fingers: float) -> np.ndarray:
    """Returns the action that moves the hand with a velocity.

    Args:
      twist: linear (m/s) and angular (rad/s) velocity of the hand, float64 [6].
      fingers: velocity of the fingers in [-1, 1]; -1 opens, 1 closes.

    Returns:
      The action, float32 [9] in [-1, 1]. If a joint would be too fast, all are
      slowed down alike, so that the direction is kept.
    """
    arm = self._joint_velocities(twist) / self._max_velocity
    arm /= max(1.0, np.abs(arm).max())
    return np.concatenate((arm, np.full(3, fingers))).astype(np.float32)

  def _joint_velocities(self, twist: np.ndarray) -> np.ndarray:
    """Returns joint velocities in rad/s, float64 [6], by damped least squares."""
    model, data = self._physics.model.ptr, self._physics.data.ptr
    jacobian = np.empty((6, model.nv))
    mujoco.mj_jacSite(
      model, data, jacobian[:3], jacobian[3:], self._site.element_id
    )
    jacobian = jacobian[:, self._dofs]
    square = jacobian @ jacobian.T + _DAMPING**2 * np.eye(6)
    return jacobian.T @ np.linalg.solve(square, twist)


def pointing_down(yaw: float) -> np.ndarray:
  """Returns the rotation of a hand that points at the table, float64 [3, 3].

  Args:
    yaw: direction in which the fingers close, in rad.
  """
  cos, sin = np.cos(yaw), np.sin(yaw)
  return np.array(((cos, sin, 0.0), (sin, -cos, 0.0), (0.0, 0.0, -1.0)))


def clip_norm(vector: np.ndarray, limit: float) -> np.ndarray:
  """Returns the vector, shortened to the limit if it is longer."""
  norm = np.linalg.norm(vector)
  return vector * (limit / norm) if norm > limit else vector
