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
"""Tests of what drives one half: a thread that acts and learns."""

import threading
import time
from typing import Any, Callable

import dm_env
import numpy as np
import pytest

from experiments import acting
from tests.acme_metamimic import fakes
from tests.experiments import training_fakes

_EPISODE_LENGTH = 10


class _Counting(dm_env.Environment):
  """Episode k has k steps, each worth k; in one stream or in two."""

  def __init__(self, streams: bool):
    self._streams = streams
    self._length = self._steps = 0

  def reset(self):
    self._length += 1
    self._steps = 0
    return dm_env.restart(np.zeros(1, np.float32))

  def step(self, action):
    self._steps += 1
    last = self._steps == self._length
    reward: Any = np.float32(self._length)
    if self._streams:
      reward = {'imitation': reward, 'task': np.float32(100.0)}
    return dm_env.TimeStep(
      dm_env.StepType.LAST if last else dm_env.StepType.MID,
      reward,
      np.float32(1.0),
      np.zeros(1, np.float32),
    )

  def observation_spec(self):
    return dm_env.specs.Array((1,), np.float32)

  def action_spec(self):
    return dm_env.specs.Array((2,), np.float32)

  def reward_spec(self):
    spec = dm_env.specs.Array((), np.float32)
    return {'imitation': spec, 'task': spec} if self._streams else spec


def _wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
  deadline = time.monotonic() + seconds
  while not condition():
    assert time.monotonic() < deadline, 'It took too long.'
    time.sleep(0.005)


def _stop(actor: acting.Actor) -> None:
  actor.stop()
  actor.join(timeout=20.0)
  assert not actor.is_alive()


def test_logger_keeps_the_latest_values():
  logger = acting.LatestLogger()
  assert np.isnan(logger.get('loss'))
  logger.write({'loss': np.float32(2.0)})
  logger.write({'loss': np.float32(0.5)})
  assert logger.get('loss') == 0.5
  assert np.isnan(logger.get('other'))


def test_logger_counts_from_its_first_value():
  logger = acting.LatestLogger()
  assert logger.since_first('steps') == 0.0
  for steps in (1000, 1010, 1040):
    logger.write({'steps': steps})
  assert logger.since_first('steps') == 40.0
  assert logger.get('steps') == 1040.0


@pytest.mark.parametrize('streams', [False, True])
def test_means_are_those_of_the_latest_episodes(monkeypatch, streams):
  monkeypatch.setattr(acting, '_WINDOW', 2)
  # Four episodes: 1 + 2 + 3 + 4 steps.
  actor = acting.Actor(
    'counting',
    _Counting(streams),
    training_fakes.Idle(),
    lambda: actor.steps < 10,
  )
  if streams:
    assert np.isnan(actor.mean_step_reward('imitation'))
  else:
    assert np.isnan(actor.mean_return())
  actor.start()
  _wait_until(lambda: actor.steps == 10)
  _stop(actor)
  assert actor.error is None
  if streams:
    assert actor.mean_step_reward('imitation') == (3 * 3 + 4 * 4) / (3 + 4)
    assert actor.mean_step_reward('task') == 100.0
  else:
    assert actor.mean_return() == (3 * 3 + 4 * 4) / 2


def test_actor_waits_until_it_may_start():
  permission = threading.Event()
  actor = acting.Actor(
    'waiting',
    fakes.FakeEnvironment(False),
    training_fakes.Idle(),
    permission.is_set,
  )
  actor.start()
  time.sleep(0.2)
  assert actor.steps == 0
  permission.set()
  _wait_until(lambda: actor.steps > 0)
  _stop(actor)
  # Whole episodes.
  assert actor.steps % _EPISODE_LENGTH == 0


def test_paused_actor_rests_between_two_episodes():
  actor = acting.Actor(
    'resting', fakes.FakeEnvironment(False), training_fakes.Idle()
  )
  actor.start()
  _wait_until(lambda: actor.steps > 0)
  with actor.paused():
    steps = actor.steps
    assert steps % _EPISODE_LENGTH == 0
    time.sleep(0.2)
    assert actor.steps == steps
  _wait_until(lambda: actor.steps > steps)
  _stop(actor)


def test_paused_actor_can_be_stopped():
  actor = acting.Actor(
    'resting', fakes.FakeEnvironment(False), training_fakes.Idle()
  )
  actor.start()
  with actor.paused():
    _stop(actor)


def test_waiting_actor_can_be_stopped():
  actor = acting.Actor(
    'waiting',
    fakes.FakeEnvironment(False),
    training_fakes.Idle(),
    lambda: False,
  )
  actor.start()
  _stop(actor)
  assert actor.steps == 0


def test_actor_keeps_its_error():
  def fail():
    raise ArithmeticError('broken')

  actor = acting.Actor(
    'failing', fakes.FakeEnvironment(False), training_fakes.Idle(fail)
  )
  actor.start()
  actor.join(timeout=20.0)
  assert isinstance(actor.error, ArithmeticError)
