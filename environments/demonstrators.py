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

"""Scripted demonstrators that stack: resolved-rate control in phases.

They take the place of the paper's two persons with a SpaceNavigator (section
3.1): a Cartesian velocity of the hand is turned into joint velocities by damped
least squares. Their actions are recorded for checks alone, MetaMimic learns
from the observations.
"""

import dataclasses
from typing import Callable, Mapping, NamedTuple, Optional

import mujoco
import numpy as np

from environments import state_environment

# Damping of the least squares (rad/s per m/s): keeps joint velocities bounded
# where the arm is stretched.
_DAMPING = 0.05
_POSITION_GAIN = 4.0  # 1/s
_ORIENTATION_GAIN = 4.0  # 1/s
_MAX_ANGULAR_SPEED = 1.2  # rad/s
# Share of the last command in the next one: a hand has inertia.
_SMOOTHING = 0.5
# Correlation of the hand's tremor from one step to the next (0.5 s at 20 Hz).
_NOISE_CORRELATION = 0.9

_OPEN, _HOLD, _CLOSE = -1.0, 0.0, 1.0


@dataclasses.dataclass(frozen=True)
class Style:
  """How a demonstrator moves.

  Attributes:
    name: of the demonstrator.
    speed: of the hand on its way, in m/s.
    speed_spread: relative range of the speed from episode to episode.
    noise: standard deviation of the tremor, in m/s.
    hover_height: of the finger tips above the block before the grasp, in m.
    carry_height: of the lifted block above the other one, in m.
    pause: steps of rest between phases.
    quarter_turns: turns of the grasp by 90 degrees: which faces are held.
    rest: steps that are recorded after the hand has withdrawn.
  """

  name: str
  speed: float
  speed_spread: float = 0.15
  noise: float = 0.01
  hover_height: float = 0.09
  carry_height: float = 0.06
  pause: int = 0
  quarter_turns: int = 0
  rest: int = 15


# Two persons: one brisk, one slower, less steady and with wider arcs. Training
# uses the first, validation the second (section 3.1).
STYLES: Mapping[str, Style] = {
  style.name: style
  for style in (
    Style('brisk', speed=0.2),
    Style(
      'careful', speed=0.15, noise=0.02, hover_height=0.11, carry_height=0.08
    ),
  )
}


class _Pose(NamedTuple):
  """Where the finger tips are to be: position (m) and yaw (rad)."""

  position: np.ndarray
  yaw: float


class _Phase(NamedTuple):
  """A part of the motion: a target, the fingers, and when it ends."""

  name: str
  target: Callable[[], _Pose]
  fingers: float
  speed: float  # Relative to the style's.
  tolerance: float  # m; infinite for phases that end by time.
  min_steps: int
  max_steps: int


class ScriptedDemonstrator:
  """Stacks the blocks by reach, descend, grasp, lift, carry, place, release.

  Args:
    style: how it moves.
    seed: of the variation from episode to episode and of the tremor.
  """

  def __init__(self, style: Style, seed: Optional[int] = None):
    self._style = style
    self._random_state = np.random.RandomState(seed)

  @property
  def style(self) -> Style:
    """How it moves."""
    return self._style

  def reset(self, environment: state_environment.StateEnvironment) -> None:
    """Looks at the environment, which was reset, and plans an episode."""
    self._physics = environment.physics
    self._task = environment.task
    spread = self._style.speed_spread
    self._speed = self._style.speed * self._random_state.uniform(
      1.0 - spread, 1.0 + spread
    )
    self._noise = np.zeros(3)
    self._command = np.zeros(6)
    self._site = self._physics.bind(self._task.hand.pinch_site)
    bind = self._physics.bind
    self._top = bind(self._task.top.geom)
    self._bottom = bind(self._task.bottom.geom)
    self._dofs = bind(self._task.arm.joints).dofadr
    self._max_velocity = bind(self._task.arm.actuators).ctrlrange[:, 1]
    self._yaw = self._grasp_yaw()
    self._phases = self._plan()
    self._phase = 0
    self._steps_in_phase = 0

  @property
  def phase(self) -> str:
    """Name of the current phase; 'done' after the last."""
    if self.done:
      return 'done'
    return self._phases[self._phase].name

  @property
  def done(self) -> bool:
    """Whether the motion has been carried out."""
    return self._phase >= len(self._phases)

  def act(self) -> np.ndarray:
    """Returns the next action: float32 [9], velocities in [-1, 1]."""
    self._advance()
    if self.done:
      return np.zeros(9, np.float32)
    phase = self._phases[self._phase]
    self._steps_in_phase += 1
    twist = self._twist_towards(phase.target(), phase.speed * self._speed)
    self._command = _SMOOTHING * self._command + (1.0 - _SMOOTHING) * twist
    arm = self._joint_velocities(self._command) / self._max_velocity
    arm /= max(1.0, np.abs(arm).max())
    return np.concatenate((arm, np.full(3, phase.fingers))).astype(np.float32)

  def _advance(self) -> None:
    """Goes on to the next phase where the current one has ended."""
    if self.done:
      return
    phase = self._phases[self._phase]
    error = np.linalg.norm(phase.target().position - self._site.xpos)
    arrived = error <= phase.tolerance
    if self._steps_in_phase >= phase.max_steps or (
      arrived and self._steps_in_phase >= phase.min_steps
    ):
      self._phase += 1
      self._steps_in_phase = 0

  def _plan(self) -> list[_Phase]:
    """Returns the phases of an episode."""
    style, half = self._style, self._task.half_size
    hover = style.hover_height * self._random_state.uniform(0.85, 1.15)
    carry = style.carry_height * self._random_state.uniform(0.85, 1.15)
    up = np.array((0.0, 0.0, 1.0))
    grasped = {}

    def over_top(height: float) -> Callable[[], _Pose]:
      return lambda: _Pose(self._top.xpos + height * up, self._yaw)

    def over_bottom(height: float) -> Callable[[], _Pose]:
      # Where the *block* is wanted, however it sits between the fingers.
      def target() -> _Pose:
        offset = self._site.xpos - self._top.xpos
        return _Pose(self._bottom.xpos + offset + height * up, self._yaw)

      return target

    def at_rest(key: str, height: float) -> Callable[[], _Pose]:
      # Relative to where the hand was when the phase began.
      def target() -> _Pose:
        if key not in grasped:
          grasped[key] = self._site.xpos.copy()
        return _Pose(grasped[key] + height * up, self._yaw)

      return target

    stacked, pause = 2 * half + 0.001, style.pause
    grasp_height = self._random_state.uniform(-0.002, 0.006)
    return [
      _Phase('reach', over_top(hover), _OPEN, 1.0, 0.015, 1 + pause, 200),
      _Phase('descend', over_top(grasp_height), _OPEN, 0.7, 0.006, 1, 80),
      # Fewer steps than about 20 lift before the fingers hold.
      _Phase('grasp', at_rest('grasp', 0.0), _CLOSE, 0.3, np.inf, 22, 22),
      _Phase('lift', at_rest('lift', 0.03), _CLOSE, 0.7, 0.01, 1, 40),
      _Phase(
        'carry', over_bottom(stacked + carry), _CLOSE, 1.0, 0.01, 1 + pause, 200
      ),
      _Phase('place', over_bottom(stacked), _CLOSE, 0.5, 0.003, 4, 80),
      _Phase('release', at_rest('release', 0.0), _OPEN, 0.3, np.inf, 14, 14),
      _Phase('withdraw', at_rest('withdraw', hover), _OPEN, 0.7, 0.015, 1, 60),
      _Phase(
        'rest', at_rest('rest', 0.0), _HOLD, 0.3, np.inf, style.rest, style.rest
      ),
    ]

  def _grasp_yaw(self) -> float:
    """Returns the yaw of a face of the block nearest to the hand's own."""
    axis = self._top.xmat.reshape(3, 3)[:, 0]
    block_yaw = np.arctan2(axis[1], axis[0])
    quarter = np.pi / 2
    difference = block_yaw - self._hand_yaw()
    turn = (difference + quarter / 2) % quarter - quarter / 2
    return self._hand_yaw() + turn + self._style.quarter_turns * quarter

  def _hand_yaw(self) -> float:
    """Direction in which the fingers close, in the plane of the table."""
    axis = self._site.xmat.reshape(3, 3)[:, 0]
    return float(np.arctan2(axis[1], axis[0]))

  def _twist_towards(self, target: _Pose, speed: float) -> np.ndarray:
    """Returns the hand's velocity [6]: linear (m/s) and angular (rad/s)."""
    velocity = _clip_norm(
      _POSITION_GAIN * (target.position - self._site.xpos), speed
    )
    self._noise = _NOISE_CORRELATION * self._noise + np.sqrt(
      1.0 - _NOISE_CORRELATION**2
    ) * self._random_state.normal(scale=self._style.noise, size=3)
    # The tremor fades where the hand slows down, as a person's does.
    velocity += self._noise * np.linalg.norm(velocity) / self._speed
    rotation = self._site.xmat.reshape(3, 3)
    cos, sin = np.cos(target.yaw), np.sin(target.yaw)
    # Fingers close along x; z points down.
    wanted = np.array(((cos, sin, 0.0), (sin, -cos, 0.0), (0.0, 0.0, -1.0)))
    error = 0.5 * np.cross(rotation.T, wanted.T).sum(axis=0)
    angular = _clip_norm(_ORIENTATION_GAIN * error, _MAX_ANGULAR_SPEED)
    return np.concatenate((velocity, angular))

  def _joint_velocities(self, twist: np.ndarray) -> np.ndarray:
    """Returns joint velocities [6] in rad/s by damped least squares."""
    model, data = self._physics.model.ptr, self._physics.data.ptr
    jacobian = np.empty((6, model.nv))
    mujoco.mj_jacSite(
      model, data, jacobian[:3], jacobian[3:], self._site.element_id
    )
    jacobian = jacobian[:, self._dofs]
    square = jacobian @ jacobian.T + _DAMPING**2 * np.eye(6)
    return jacobian.T @ np.linalg.solve(square, twist)


def _clip_norm(vector: np.ndarray, limit: float) -> np.ndarray:
  norm = np.linalg.norm(vector)
  return vector * (limit / norm) if norm > limit else vector
