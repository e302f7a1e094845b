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

import shutil
import threading
import time
from typing import Any, Callable, Optional
from unittest import mock

from acme.utils import counting
from acme.utils import loggers
import launchpad as lp
import numpy as np
import pytest
import tensorflow as tf

from acme_metamimic import waiting
from acme_metamimic.program import nodes
from acme_metamimic.program import variables
from tests.acme_metamimic import fakes


class _Learner:
  """Counts steps; may fail or never end one."""

  def __init__(self, fail_at: Optional[int] = None, block_at: int = -1):
    self.steps = 0
    self.saved_at: Optional[int] = None
    self.closed = False
    self._fail_at, self._block_at = fail_at, block_at

  def step(self) -> None:
    if self.steps == self._fail_at:
      raise FloatingPointError('not finite')
    if self.steps == self._block_at:
      threading.Event().wait()
    self.steps += 1
    time.sleep(0.01)

  def get_variables(self, names: Any) -> variables.Variables:
    return [[np.array(self.steps, np.float32)] for _ in names]

  def save(self) -> None:
    self.saved_at = self.steps

  def close(self) -> None:
    self.closed = True


class _Stop:
  """Stands in for Launchpad's stop of a program."""

  def __init__(self, monkeypatch):
    self.event = threading.Event()
    self._thread = threading.current_thread()
    monkeypatch.setattr(lp, 'wait_for_stop', self._wait)

  def _wait(self, timeout: Optional[float] = None) -> bool:
    # As Launchpad has it, whose other threads get an error.
    assert threading.current_thread() is self._thread
    return self.event.wait(timeout)

  def after(self, condition: Callable[[], bool]) -> None:
    def watch() -> None:
      while not condition():
        time.sleep(0.01)
      self.event.set()

    threading.Thread(target=watch, daemon=True).start()


@pytest.fixture
def stop(monkeypatch) -> _Stop:
  return _Stop(monkeypatch)


def test_counter_is_saved_and_logged_and_resumes(stop, tmp_path, monkeypatch):
  monkeypatch.setattr(nodes, '_LOG_SECONDS', 0.01)

  def make_node() -> nodes.CounterNode:
    return nodes.CounterNode(
      counting.Counter(), checkpoint_directory=str(tmp_path), logger=logger
    )

  logger = loggers.InMemoryLogger()
  node = make_node()
  child = counting.Counter(node, 'learner', time_delta=0.0)
  child.increment(steps=3)
  stop.after(lambda: len(list(logger.data)) > 1)
  # Its thread may not be ended by an exception while it waits for the stop.
  with mock.patch.object(lp, 'register_stop_handler') as register:
    node.run()
  register.assert_not_called()
  assert list(logger.data)[-1] == {'learner_steps': 3}

  # Once more as it stops, with what came after the last row.
  child.increment(steps=2)
  monkeypatch.setattr(nodes, '_LOG_SECONDS', 1000.0)
  node.run()
  assert list(logger.data)[-1] == {'learner_steps': 5}

  resumed = make_node()
  assert resumed.get_counts() == {'learner_steps': 5}
  assert resumed.increment(learner_steps=2) == {'learner_steps': 7}


def test_counter_that_cannot_be_saved_says_where(stop, tmp_path):
  node = nodes.CounterNode(
    counting.Counter(), checkpoint_directory=str(tmp_path)
  )
  shutil.rmtree(tmp_path / 'checkpoints')
  (tmp_path / 'checkpoints').write_text('No folder any more.')
  stop.event.set()
  with pytest.raises(OSError, match='No checkpoint could be written to'):
    node.run()


def test_learner_is_saved_when_the_program_stops(stop):
  learner = _Learner()
  stop.after(lambda: learner.steps > 3)
  nodes.LearnerNode(learner).run()
  assert learner.steps > 3
  assert learner.saved_at == learner.steps
  assert learner.closed


def test_policy_is_exported_once_the_learner_is_saved(stop):
  learner, saved_at = _Learner(), []
  stop.after(lambda: learner.steps > 3)
  nodes.LearnerNode(
    learner, export=lambda: saved_at.append(learner.saved_at)
  ).run()
  assert saved_at == [learner.steps]
  assert learner.closed


def test_learner_that_waits_for_data_is_saved_all_the_same(stop, monkeypatch):
  monkeypatch.setattr(nodes, '_STEP_SECONDS', 0.2)
  learner = _Learner(block_at=2)
  stop.after(lambda: learner.steps == 2)
  nodes.LearnerNode(learner).run()
  assert learner.saved_at == 2


def test_learner_takes_no_step_before_there_are_data(stop):
  learner, asked = _Learner(), []

  def has_data() -> bool:
    asked.append(learner.steps)
    return len(asked) > 2

  stop.after(lambda: learner.steps > 0)
  nodes.LearnerNode(learner, has_data=has_data).run()
  assert asked == [0, 0, 0]


def test_learner_says_that_it_waits_while_its_replay_answers(
  stop, monkeypatch, caplog
):
  monkeypatch.setattr(nodes, '_WATCH_SECONDS', 0.01)
  monkeypatch.setattr(nodes, '_STEP_SECONDS', 0.01)
  learner = _Learner(block_at=2)
  asked: list[int] = []
  # Three of five at least are of one wait: of a step, or of the one that blocks.
  stop.after(lambda: asked.count(2) >= 5)

  def has_data() -> bool:
    asked.append(learner.steps)
    return True

  nodes.LearnerNode(learner, has_data=has_data).run()
  asked_while_waiting = len(asked) - 1
  # After the first and second time, and not after the third.
  assert 2 <= caplog.text.count('No update') < asked_while_waiting
  assert 'samples_per_insert' in caplog.text
  assert learner.saved_at == 2


def test_learner_whose_replay_has_gone_does_not_wait_for_ever(
  stop, monkeypatch
):
  monkeypatch.setattr(nodes, '_WATCH_SECONDS', 0.01)
  monkeypatch.setattr(nodes, '_STEP_SECONDS', 0.01)
  learner = _Learner(block_at=2)

  def has_data() -> bool:
    if learner.steps == 2:
      raise waiting.NoAnswerError('there:1 has not answered')
    return True

  with pytest.raises(waiting.NoAnswerError, match='there:1'):
    nodes.LearnerNode(learner, has_data=has_data).run()
  assert not stop.event.is_set()


def test_error_of_the_learner_ends_the_node_without_saving(stop):
  learner = _Learner(fail_at=2)
  with pytest.raises(FloatingPointError, match='not finite'):
    nodes.LearnerNode(learner).run()
  assert learner.saved_at is None


def test_learner_answers_with_variables_once_a_step():
  node = nodes.LearnerNode(_Learner())
  source = variables.RemoteVariables(node)
  assert source.get_variables(['policy']) == [[0.0]]
  _, unchanged = node.get_newer(['policy'], source.version)
  assert unchanged is None
  node.step()
  assert source.get_variables(['policy']) == [[1.0]]


def test_evaluator_has_fresh_variables_each_round(stop):
  policy, seen = tf.Variable(0.0), []

  class Client:
    def update_and_wait(self) -> None:
      policy.assign_add(1.0)

  class Loop:
    def run_episode(self) -> dict:
      seen.append(float(policy))
      return {'episode_return': {'imitation': len(seen)}, 'steps': len(seen)}

  logger = fakes.RecordingLogger()
  node = nodes.EvaluatorNode(
    Loop(), Client(), logger, num_episodes=2, period_seconds=0.01
  )
  stop.after(lambda: len(logger.records) >= 2)
  node.run()
  assert seen[:4] == [1.0, 1.0, 2.0, 2.0]
  assert logger.records[0] == {'episode_return/imitation': 1.5, 'steps': 2.0}
  assert node.latest() == logger.records[-1]


class _Loop:
  """Takes what is done to be an actor."""

  def __init__(self, run: Callable[[], None]):
    self.run = run


def test_an_actor_that_waits_for_a_server_is_left_when_the_program_stops(stop):
  started = threading.Event()

  def wait() -> None:
    started.set()
    threading.Event().wait()

  stop.after(started.is_set)
  nodes.ActorNode(_Loop(wait)).run()


def test_error_of_an_actor_ends_its_node(stop):
  def fail() -> None:
    raise FloatingPointError('not finite')

  with pytest.raises(FloatingPointError, match='not finite'):
    nodes.ActorNode(_Loop(fail)).run()


def test_error_of_an_actor_after_the_stop_is_none(stop):
  def fail() -> None:
    stop.event.set()
    raise ConnectionError('The replay is gone.')

  nodes.ActorNode(_Loop(fail)).run()


def test_nested_values_are_flattened():
  nested = {'a': {'b': np.float32(1.0), 'c': {'d': 2}}, 'e': 3}
  assert nodes.flatten(nested) == {'a/b': 1.0, 'a/c/d': 2.0, 'e': 3.0}


def _run_limiter(stop, monkeypatch, counter, limits) -> threading.Event:
  """Runs a limiter until it stops the program; returns whether it did."""
  monkeypatch.setattr(nodes, '_LIMIT_SECONDS', 0.01)
  stopped = threading.Event()
  monkeypatch.setattr(lp, 'stop', stopped.set)
  nodes.LimiterNode(counter, limits).run()
  return stopped


@pytest.mark.parametrize('name', ['actor_steps', 'learner_walltime'])
def test_limiter_stops_the_program_at_the_first_limit(stop, monkeypatch, name):
  counter = counting.Counter()

  def count() -> None:
    for _ in range(8):
      time.sleep(0.01)
      counter.increment(**{name: 5})

  threading.Thread(target=count, daemon=True).start()
  limits = {'actor_steps': 20, 'learner_walltime': 20.0}
  assert _run_limiter(stop, monkeypatch, counter, limits).is_set()
  assert counter.get_counts()[name] >= 20


def test_limiter_ends_with_the_program(stop, monkeypatch):
  counter = counting.Counter()
  counter.increment(actor_steps=19)
  started = time.monotonic()
  stop.after(lambda: time.monotonic() - started > 0.1)
  stopped = _run_limiter(stop, monkeypatch, counter, {'actor_steps': 20})
  assert not stopped.is_set()


def test_limiter_counts_what_was_done_before_a_resume(stop, monkeypatch):
  counter = counting.Counter()
  counter.increment(actor_steps=30)
  stopped = _run_limiter(stop, monkeypatch, counter, {'actor_steps': 20})
  assert stopped.is_set()
