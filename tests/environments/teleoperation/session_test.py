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
"""Tests of recording sessions, with devices that act by a script."""

from typing import Callable, Iterable, Iterator, Optional

import numpy as np
import pytest

from environments import block_stacking
from environments import demonstrations
from environments import state_environment
from environments.teleoperation import controller
from environments.teleoperation import device
from environments.teleoperation import session

_RECORD, _DISCARD, _REDO, _QUIT, _FINGERS = (
  device.Event(name)
  for name in ('record', 'discard', 'redo', 'quit', 'fingers')
)


def _move(*translation: float, events=(), yaw: float = 0.0) -> device.Command:
  if not translation:
    translation = (0.0, 0.0, 0.0)
  return device.Command(
    np.array(translation), np.array((0.0, 0.0, yaw)), tuple(events)
  )


def _press(*events: device.Event) -> device.Command:
  return _move(events=events)


class _Script:
  """A device that gives commands one after the other, then quits."""

  def __init__(self, commands: Iterable[device.Command]):
    self._commands = iter(commands)

  def read(self) -> device.Command:
    return next(self._commands, _press(_QUIT))

  def close(self) -> None:
    pass


class _View:
  def __init__(self, num_steps: int = 10**9):
    self._steps_left = num_steps

  def show(self) -> bool:
    self._steps_left -= 1
    return self._steps_left >= 0


class _Clock:
  """A clock that advances in `sleep` and when it is told to."""

  def __init__(self) -> None:
    self.now = 100.0
    self.slept: list[float] = []

  def __call__(self) -> float:
    return self.now

  def sleep(self, seconds: float) -> None:
    self.slept.append(seconds)
    self.now += seconds


class _Result:
  """The results of a scripted session."""

  def __init__(
    self,
    environment,
    commands: Iterable[device.Command],
    keep: Optional[Callable[[demonstrations.Demonstration], object]] = None,
    view: Optional[_View] = None,
    seed: int = 5,
  ):
    self.takes: list[demonstrations.Demonstration] = []
    self.said: list[str] = []
    self.clock = _Clock()
    self.session = session.Session(
      environment,
      _Script(commands),
      controller.PositionController(),
      keep or self.takes.append,
      demonstrator='anna',
      seed=seed,
      view=view or _View(),
      pacer=session.Pacer(clock=self.clock, sleep=self.clock.sleep),
      say=self.said.append,
    )
    self.summary = self.session.run()

  def heard(self, text: str) -> bool:
    return any(text in line for line in self.said)


def _take(steps: int, *events: device.Event) -> list[device.Command]:
  """Begins a take and moves for some steps; then presses the keys."""
  moves = [_move(1.0, 0.5, 0.0)] * (steps - 1)
  return [_press(_RECORD), *moves, _press(*events)]


@pytest.fixture(scope='module')
def short_episodes() -> Iterator[state_environment.StateEnvironment]:
  environment = block_stacking.load(('body', 'blocks'), episode_length=10)
  yield environment
  environment.close()


def test_kept_take_is_a_demonstration_that_replays(features):
  result = _Result(features, _take(20, _RECORD))
  (take,) = result.takes
  assert len(take) == 20
  assert take.demonstrator == 'anna'
  assert take.seed == 5
  assert set(take.observations) == {'body', 'blocks'}
  assert take.rewards.dtype == take.actions.dtype == np.float32
  assert np.any(take.actions[:, :6])
  features.reset_to(take.states[0])
  for step, action in enumerate(take.actions, start=1):
    timestep = features.step(action)
    np.testing.assert_array_equal(features.get_state(), take.states[step])
    np.testing.assert_array_equal(
      timestep.observation['blocks'], take.observations['blocks'][step]
    )
  assert result.summary == session.Summary(1, 0, 0)
  assert result.session.phase == session.Phase.QUIT
  assert result.heard('Kept 20 steps, NOT stacked')


def test_takes_begin_at_the_starts_of_their_seeds(features):
  result = _Result(features, [*_take(3, _RECORD), *_take(4, _RECORD)])
  assert [len(take) for take in result.takes] == [3, 4]
  for take, seed in zip(result.takes, (5, 6)):
    assert take.seed == seed
    features.random_state.seed(seed)
    features.reset()
    np.testing.assert_array_equal(features.get_state(), take.states[0])


def test_nothing_moves_before_a_take(features):
  idle = [_move(1.0, 1.0, 1.0)] * 5
  with_idling = _Result(features, idle + _take(3, _RECORD)).takes[0]
  without = _Result(features, _take(3, _RECORD)).takes[0]
  np.testing.assert_array_equal(with_idling.states, without.states)


def test_discard_goes_on_to_another_start(features):
  result = _Result(features, [*_take(6, _DISCARD), *_take(3, _RECORD)])
  (take,) = result.takes
  assert take.seed == 6
  assert result.summary == session.Summary(1, 1, 0)


def test_discard_before_a_take_skips_the_start(features):
  result = _Result(features, [_press(_DISCARD), *_take(3, _RECORD)])
  assert result.takes[0].seed == 6
  assert result.summary == session.Summary(1, 0, 0)


def test_redo_goes_back_to_the_same_start(features):
  result = _Result(features, [*_take(6, _REDO), *_take(3, _RECORD)])
  (take,) = result.takes
  fresh = _Result(features, _take(3, _RECORD)).takes[0]
  assert take.seed == 5
  np.testing.assert_array_equal(take.states, fresh.states)
  np.testing.assert_array_equal(take.actions, fresh.actions)
  assert result.summary == session.Summary(1, 1, 0)


def test_quit_drops_the_unfinished_take_alone(features):
  result = _Result(features, [*_take(3, _RECORD), *_take(6, _QUIT)])
  assert len(result.takes) == 1
  assert result.summary == session.Summary(1, 1, 0)


def test_closed_view_quits(features):
  result = _Result(features, _take(50, _RECORD), view=_View(num_steps=7))
  assert result.takes == []
  assert result.summary == session.Summary(0, 1, 0)


def test_take_that_is_too_short_goes_on(features):
  result = _Result(
    features, [_press(_RECORD), _press(_RECORD), _press(_RECORD)]
  )
  # The first step is taken at once, so that the second press is too early.
  assert result.heard('The take has 1 step(s), too few to keep')
  assert [len(take) for take in result.takes] == [2]


@pytest.mark.parametrize(
  'event,seeds', [(_RECORD, [5]), (_DISCARD, []), (_REDO, [])]
)
def test_end_of_the_episode_waits_for_a_decision(short_episodes, event, seeds):
  moves = [_move(0.0, 0.0, 1.0)] * 20
  result = _Result(short_episodes, [_press(_RECORD), *moves, _press(event)])
  assert result.heard('The time is up')
  assert [take.seed for take in result.takes] == seeds
  assert all(len(take) == 10 for take in result.takes)
  assert result.summary.discarded == 1 - len(seeds)


@pytest.mark.parametrize(
  'error',
  [
    OSError(28, 'No space left on device'),
    demonstrations.DatasetError('No space left on device'),
  ],
)
def test_take_that_cannot_be_stored_is_not_lost(features, error):
  stored: list[demonstrations.Demonstration] = []

  def keep(take: demonstrations.Demonstration) -> str:
    if not errors:
      stored.append(take)
      return 'here'
    raise errors.pop()

  errors = [error]
  script = [*_take(6, _RECORD), _press(), _press(_RECORD)]
  result = _Result(features, script, keep=keep)
  assert result.heard('could not be stored')
  assert result.heard('No space left on device')
  assert [len(take) for take in stored] == [6]
  assert result.summary == session.Summary(1, 0, 0)


def test_divergence_drops_the_take(features, monkeypatch):
  step = features.step

  def diverge(action: np.ndarray):
    timestep = step(action)
    return timestep._replace(
      step_type=type(timestep.step_type).LAST, discount=np.float32(0.0)
    )

  monkeypatch.setattr(features, 'step', diverge)
  result = _Result(features, [_press(_RECORD), _press(_RECORD)])
  assert result.heard('physics diverged')
  assert result.takes == []
  assert result.summary.kept == 0


def test_control_steps_are_50_ms_apart(features):
  result = _Result(features, _take(20, _RECORD))
  # 21 commands and the last one, which quits; nothing takes time here.
  assert result.clock.now - 100.0 == pytest.approx(22 * 0.05)


def test_pacer_makes_up_for_work_but_not_for_long_halts():
  clock = _Clock()
  pacer = session.Pacer(0.05, clock, clock.sleep)
  clock.now += 0.02
  pacer.wait()
  assert clock.now == pytest.approx(100.05)
  clock.now += 0.06  # A little late: caught up with the next step.
  pacer.wait()
  assert pacer.late_steps == 0
  pacer.wait()
  assert clock.now == pytest.approx(100.15)
  clock.now += 3.0
  pacer.wait()
  assert pacer.late_steps == 1
  pacer.wait()
  assert clock.now == pytest.approx(103.2)


class _Person:
  """Commands that stack the blocks, from their observed positions."""

  def __init__(self, environment: state_environment.StateEnvironment):
    self._environment = environment

  def commands(self) -> Iterator[device.Command]:
    yield _press(_RECORD)
    bind, task = self._environment.physics.bind, self._environment.task
    top, bottom = bind(task.top.geom), bind(task.bottom.geom)
    hand = bind(task.hand.pinch_site)

    def above(block, height, carried=False):
      offset = hand.xpos - top.xpos if carried else np.zeros(3)
      return block.xpos + offset + np.array((0.0, 0.0, height)) - hand.xpos

    def turn() -> float:
      yaws = [np.arctan2(m[3], m[0]) for m in (top.xmat, hand.xmat)]
      quarter = np.pi / 2
      return (yaws[0] - yaws[1] + quarter / 2) % quarter - quarter / 2

    def go(error, tolerance, align=False):
      for _ in range(120):
        aligned = not align or abs(turn()) < 0.05
        if np.linalg.norm(error()) < tolerance and aligned:
          break
        yaw = 3.0 * turn() if align else 0.0
        yield _move(
          *np.clip(20.0 * error(), -1, 1), yaw=float(np.clip(yaw, -1, 1))
        )

    def wait(steps):
      yield from [_press(_FINGERS), *[_press()] * (steps - 1)]

    yield from go(lambda: above(top, 0.09), 0.01, align=True)
    yield from go(lambda: above(top, 0.0), 0.003, align=True)
    yield from wait(24)
    start = hand.xpos.copy()
    yield from go(lambda: start + (0, 0, 0.1) - hand.xpos, 0.015)
    yield from go(lambda: above(bottom, 0.1, True), 0.01)
    yield from go(lambda: above(bottom, 0.051, True), 0.003)
    yield from wait(14)
    start = hand.xpos.copy()
    yield from go(lambda: start + (0, 0, 0.1) - hand.xpos, 0.015)
    yield _press(_RECORD)


# Not 2, where a finger meets the other block.
@pytest.mark.parametrize('seed', [0, 1, 3])
def test_person_can_stack(features, seed):
  result = _Result(features, _Person(features).commands(), seed=seed)
  (take,) = result.takes
  assert take.rewards[-1] == 1.0
  for text in ('reached', 'lifted', 'stacked', ', stacked'):
    assert result.heard(text)
