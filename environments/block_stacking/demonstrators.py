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

"""Scripted demonstrators that stack blocks by resolved-rate control in phases.

They take the place of the paper's two persons with a SpaceNavigator (section
3.1). A Cartesian velocity of the hand is turned into joint velocities by damped
least squares. Their actions are recorded for checks alone: MetaMimic learns from
the observations.
"""

import dataclasses
import sys
from typing import Callable, Mapping, NamedTuple, Optional

import numpy as np

from environments import state_environment
from environments.block_stacking import resolved_rate

# Correlation of the hand's tremor from one step to the next (0.5 s at 20 Hz).
_NOISE_CORRELATION = 0.9

_OPEN, _HOLD, _CLOSE = -1.0, 0.0, 1.0
_UP = np.array((0.0, 0.0, 1.0))


@dataclasses.dataclass(frozen=True)
class Style:
  """The style of motion of a scripted demonstrator.

  Attributes:
    name: name of the demonstrator.
    speed: mean speed of the hand between targets, in m/s.
    speed_spread: half the range of the speed over episodes, relative to its
      mean.
    noise: standard deviation of the hand's tremor, in m/s.
    hover_height: mean height of the finger tips above the block before the
      grasp, in m.
    carry_height: mean height of the lifted block above the other one, in m.
    pause: mean number of control steps that the hand rests on arrival; drawn
      anew for each phase and episode.
    quarter_turns: number of turns by 90 degrees from the nearest grasp, which
      decides which faces of the block are held.
    rest: number of control steps that are recorded after the hand has
      withdrawn; None rests until the end of the episode.
    bow: mean sideways bow of the paths to the blocks, relative to the distance
      that is left; its sign is the side.
    smoothing: share of the last velocity in the next one, in [0, 1): the
      inertia of a hand.
    gain: position gain in 1/s; a smaller one slows the hand down earlier.
  """

  name: str
  speed: float
  speed_spread: float = 0.15
  noise: float = 0.01
  hover_height: float = 0.09
  carry_height: float = 0.06
  pause: int = 0
  quarter_turns: int = 0
  rest: Optional[int] = 15
  bow: float = 0.0
  smoothing: float = 0.5
  gain: float = 4.0


# Pairs of demonstrators: one to train on and one, slower and less steady, to
# validate on (section 3.1). The first pair keeps episodes short, the second has the paper's
# returns, 355 and 285 (section 3.2), in 550 steps; see docs/demonstrators.md.
PAPER_TRAINING, PAPER_VALIDATION = 'steady', 'hesitant'
STYLES: Mapping[str, Style] = {
  style.name: style
  for style in (
    Style('brisk', speed=0.2),
    Style(
      'careful', speed=0.15, noise=0.02, hover_height=0.11, carry_height=0.08
    ),
    Style(
      PAPER_TRAINING,
      speed=0.115,
      pause=5,
      rest=None,
      bow=0.25,
      smoothing=0.8,
      gain=2.0,
    ),
    Style(
      PAPER_VALIDATION,
      speed=0.11,
      speed_spread=0.25,
      noise=0.015,
      hover_height=0.12,
      carry_height=0.08,
      pause=9,
      quarter_turns=1,
      rest=None,
      bow=-0.35,
      smoothing=0.85,
      gain=2.0,
    ),
  )
}


class _Pose(NamedTuple):
  """A target for the hand.

  Attributes:
    position: position of the point between the finger tips in m, float64 [3].
    yaw: direction in which the fingers close, in rad.
  """

  position: np.ndarray
  yaw: float


class _Phase(NamedTuple):
  """A part of the motion.

  Attributes:
    name: name of the phase.
    target: function that returns the pose that the hand moves to.
    fingers: velocity of the fingers in [-1, 1]; -1 opens, 1 closes.
    speed: speed of the hand, relative to the episode's.
    tolerance: distance in m at which the target counts as reached; infinite for
      phases that end by time.
    min_steps: smallest number of control steps in the phase.
    max_steps: largest number of control steps in the phase, without the pause.
    pause: number of control steps that the hand rests after its arrival.
  """

  name: str
  target: Callable[[], _Pose]
  fingers: float
  speed: float
  tolerance: float
  min_steps: int
  max_steps: int
  pause: int = 0


class ScriptedDemonstrator:
  """Stacks the blocks by reach, descend, grasp, lift, carry, place, release.

  Args:
    style: style of motion.
    seed: seed of the variation over episodes and of the tremor.
  """

  def __init__(self, style: Style, seed: Optional[int] = None):
    self._style = style
    self._random_state = np.random.RandomState(seed)

  @property
  def style(self) -> Style:
    """Style of motion of the demonstrator."""
    return self._style

  def reset(self, environment: state_environment.StateEnvironment) -> None:
    """Plans an episode.

    Args:
      environment: the block-stacking environment, right after a reset.
    """
    self._physics = environment.physics
    self._task = environment.task
    spread = self._style.speed_spread
    self._speed = self._style.speed * self._random_state.uniform(
      1.0 - spread, 1.0 + spread
    )
    self._noise = np.zeros(3)
    self._command = np.zeros(6)
    self._hand = resolved_rate.ResolvedRate(environment)
    bind = self._physics.bind
    self._top = bind(self._task.top.geom)
    self._bottom = bind(self._task.bottom.geom)
    self._yaw = self._grasp_yaw()
    self._phases = self._plan()
    self._phase = 0
    self._steps_in_phase = self._steps_at_target = 0

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
    inertia = self._style.smoothing
    self._command = inertia * self._command + (1.0 - inertia) * twist
    return self._hand.action(self._command, phase.fingers)

  def _advance(self) -> None:
    """Goes on to the next phase if the current one has ended."""
    if self.done:
      return
    phase = self._phases[self._phase]
    error = np.linalg.norm(phase.target().position - self._hand.position)
    arrived = bool(error <= phase.tolerance)
    self._steps_at_target += int(arrived)
    if self._steps_in_phase >= phase.max_steps + phase.pause or (
      arrived
      and self._steps_in_phase >= phase.min_steps
      and self._steps_at_target > phase.pause
    ):
      self._phase += 1
      self._steps_in_phase = self._steps_at_target = 0

  def _plan(self) -> list[_Phase]:
    """Returns the phases of an episode."""
    style, half = self._style, self._task.half_size
    hover = style.hover_height * self._random_state.uniform(0.85, 1.15)
    carry = style.carry_height * self._random_state.uniform(0.85, 1.15)
    above_top, above_bottom = self._above_top, self._above_bottom
    above_start = self._above_start
    stacked = 2 * half + 0.001
    rest = sys.maxsize if style.rest is None else style.rest
    grasp_height = self._random_state.uniform(-0.002, 0.006)
    phases = [
      _Phase('reach', self._bowed(above_top(hover)), _OPEN, 1.0, 0.015, 1, 200),
      _Phase('descend', above_top(grasp_height), _OPEN, 0.7, 0.006, 1, 80),
      # Fewer steps than about 20 lift before the fingers hold.
      _Phase('grasp', above_start(0.0), _CLOSE, 0.3, np.inf, 22, 22),
      _Phase('lift', above_start(0.03), _CLOSE, 0.7, 0.01, 1, 40),
      _Phase(
        'carry',
        self._bowed(above_bottom(stacked + carry)),
        _CLOSE,
        1.0,
        0.01,
        1,
        200,
      ),
      _Phase('place', above_bottom(stacked), _CLOSE, 0.5, 0.003, 4, 80),
      _Phase('release', above_start(0.0), _OPEN, 0.3, np.inf, 14, 14),
      _Phase('withdraw', above_start(hover), _OPEN, 0.7, 0.015, 1, 60),
      _Phase('rest', above_start(0.0), _HOLD, 0.3, np.inf, rest, rest),
    ]
    return [phase._replace(pause=self._draw_pause(phase)) for phase in phases]

  def _above_top(self, height: float) -> Callable[[], _Pose]:
    """Returns a target above the block that is to be lifted, in m."""
    return lambda: _Pose(self._top.xpos + height * _UP, self._yaw)

  def _above_bottom(self, height: float) -> Callable[[], _Pose]:
    """Returns a target that holds the lifted block above the other one."""

    def target() -> _Pose:
      # Where the *block* is wanted, however it sits between the fingers.
      offset = self._hand.position - self._top.xpos
      return _Pose(self._bottom.xpos + offset + height * _UP, self._yaw)

    return target

  def _above_start(self, height: float) -> Callable[[], _Pose]:
    """Returns a target above the hand's position at the start of its phase."""
    start: Optional[np.ndarray] = None

    def target() -> _Pose:
      nonlocal start
      if start is None:
        start = self._hand.position.copy()
      return _Pose(start + height * _UP, self._yaw)

    return target

  def _draw_pause(self, phase: _Phase) -> int:
    """Returns the number of control steps that the hand rests on arrival.

    It is zero in phases that end by time.
    """
    if not self._style.pause or np.isinf(phase.tolerance):
      return 0
    return round(self._style.pause * self._random_state.uniform(0.0, 2.0))

  def _bowed(self, target: Callable[[], _Pose]) -> Callable[[], _Pose]:
    """Returns a target that the hand approaches on a bow, not straight."""
    if not self._style.bow:
      return target
    bow = self._style.bow * self._random_state.uniform(0.5, 1.5)

    def aim() -> _Pose:
      pose = target()
      x, y, _ = pose.position - self._hand.position
      return pose._replace(position=pose.position + bow * np.array((-y, x, 0)))

    return aim

  def _grasp_yaw(self) -> float:
    """Returns the yaw of the grasp in rad, from the nearest face of the block."""
    axis = self._top.xmat.reshape(3, 3)[:, 0]
    block_yaw = np.arctan2(axis[1], axis[0])
    quarter = np.pi / 2
    difference = block_yaw - self._hand.yaw
    turn = (difference + quarter / 2) % quarter - quarter / 2
    return self._hand.yaw + turn + self._style.quarter_turns * quarter

  def _twist_towards(self, target: _Pose, speed: float) -> np.ndarray:
    """Returns the hand's velocity [6]: linear (m/s) and angular (rad/s)."""
    velocity = resolved_rate.clip_norm(
      self._style.gain * (target.position - self._hand.position), speed
    )
    self._noise = _NOISE_CORRELATION * self._noise + np.sqrt(
      1.0 - _NOISE_CORRELATION**2
    ) * self._random_state.normal(scale=self._style.noise, size=3)
    # The tremor fades where the hand slows down, as a person's does.
    velocity += self._noise * np.linalg.norm(velocity) / self._speed
    angular = self._hand.angular_velocity_towards(
      resolved_rate.pointing_down(target.yaw)
    )
    return np.concatenate((velocity, angular))
