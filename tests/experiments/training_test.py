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
"""Tests of training in threads: shares, errors, interrupts, and the curves."""

import csv
import dataclasses
import re
import threading
import time
import types
from typing import Any, Callable

import acme
from acme import core
from acme import wrappers
import numpy as np
import pytest

import acme_metamimic
from acme_metamimic import networks
from experiments import acting
from experiments import evaluation
from experiments import reporting
from experiments import schedule
from experiments import training
from experiments.domains import block_stacking as stacking_lib
from experiments.domains import domain as domain_lib
from tests.acme_metamimic import fakes
from tests.experiments import training_fakes

_EPISODE_LENGTH = 10


# That of the features preset.
_DOMAIN = stacking_lib.BlockStacking()


def _minutes(minutes: float) -> schedule.Budget:
  return schedule.Budget(minutes=minutes)


def _make_evaluator(
  training_set, validation_set, episode_length: int
) -> evaluation.Evaluator:
  """Evaluates one episode of each kind."""
  return evaluation.Evaluator(
    _DOMAIN.follow(training_set, domain_lib.TRAINING, seed=0),
    _DOMAIN.follow(validation_set, domain_lib.VALIDATION, seed=0),
    dataclasses.replace(
      _DOMAIN, task_episode_length=episode_length
    ).make_task_environment(None, domain_lib.VALIDATION, seed=0),
    episodes=1,
  )


@pytest.fixture(scope='module')
def evaluator(training_set, validation_set) -> evaluation.Evaluator:
  """Evaluates in the real environments, while fast stand-ins are acted in."""
  return _make_evaluator(training_set, validation_set, episode_length=5)


@pytest.fixture
def make_trainer(evaluator, tmp_path, monkeypatch):
  """Makes a trainer of two idle halves."""
  monkeypatch.setattr(training, '_POLL_SECONDS', 0.02)
  monkeypatch.setattr(acting, '_WAIT_SECONDS', 0.001)

  def make(
    imitation: core.Actor | None = None,
    task: core.Actor | None = None,
    share: float = 1.0,
    progress: schedule.Progress = schedule.Progress(),
    task_phase: schedule.TaskPhase = schedule.TaskPhase(),
    source: core.Actor | None = None,
    drop_task_items: Callable[[], None] = lambda: None,
  ) -> tuple[training.Trainer, reporting.Curves]:
    agent: Any = types.SimpleNamespace(
      imitation=imitation or training_fakes.Idle(),
      make_imitation_source=lambda sigma: source or training_fakes.Idle(),
      task=task or training_fakes.Idle(),
      drop_task_items=drop_task_items,
      imitation_policy=lambda _: np.zeros(9, np.float32),
      task_policy=lambda _: np.zeros(9, np.float32),
    )
    curves = reporting.Curves(
      str(tmp_path / 'curves.csv'), training.curve_columns(evaluator.columns)
    )
    logs = {half: acting.LatestLogger() for half in ('imitation', 'task')}
    trainer = training.Trainer(
      agent,
      logs,
      {
        'imitation': fakes.FakeEnvironment(True, _EPISODE_LENGTH),
        'source': fakes.FakeEnvironment(True, _EPISODE_LENGTH),
        'task': fakes.FakeEnvironment(False, _EPISODE_LENGTH),
      },
      curves,
      evaluator,
      task_steps_per_imitation_step=share,
      task_phase=task_phase,
      progress=progress,
    )
    return trainer, curves

  return make


def _are_stopped(trainer: training.Trainer) -> bool:
  return not any(actor.is_alive() for actor in trainer._actors.values())


def test_trains_for_the_given_time_and_evaluates_at_the_end(make_trainer):
  trainer, curves = make_trainer()
  calls: list[int] = []
  started = time.monotonic()
  trainer.run(
    _minutes(0.5 / 60), 1.0, on_evaluation=lambda: calls.append(len(curves))
  )
  assert time.monotonic() - started >= 0.5
  assert calls == [1]
  assert curves.column('minutes')[0] >= 0.5 / 60
  assert _are_stopped(trainer)


def test_evaluates_after_each_period(make_trainer, monkeypatch):
  trainer, _ = make_trainer()
  times: list[float] = []

  def evaluate():
    times.append(trainer._minutes() * 60)
    time.sleep(0.1)

  def stop_after_three():
    if len(times) == 3:
      raise KeyboardInterrupt

  monkeypatch.setattr(trainer, '_evaluate', evaluate)
  with pytest.raises(KeyboardInterrupt):
    trainer.run(_minutes(5.0), 0.2 / 60, stop_after_three)
  assert times[0] >= 0.2
  # From the end of one evaluation to the next.
  assert np.all(np.diff(times) >= 0.3)


def test_evaluation_has_the_cores_to_itself(make_trainer, monkeypatch):
  trainer, _ = make_trainer()
  steps: list[int] = []

  def evaluate():
    for _ in range(2):
      steps.append(sum(actor.steps for actor in trainer._actors.values()))
      time.sleep(0.1)

  monkeypatch.setattr(trainer, '_evaluate', evaluate)
  trainer.run(_minutes(0.9 / 60), 0.3 / 60)
  during, before_end = steps[:2], steps[-1]
  assert during[0] == during[1] > 0
  # They went on afterwards.
  assert before_end > during[0]


def test_task_half_waits_for_its_share(make_trainer):
  trainer, curves = make_trainer(share=0.3)
  trainer.run(_minutes(1.0 / 60), 1.0)
  leader = curves.column('imitation_environment_steps')[-1]
  follower = curves.column('task_environment_steps')[-1]
  # An episode is finished once it was begun.
  assert follower <= 0.3 * leader + _EPISODE_LENGTH
  # It waited, but went on.
  assert follower > _EPISODE_LENGTH


def test_point_holds_what_was_measured(make_trainer, evaluator):
  trainer, curves = make_trainer()
  trainer.run(_minutes(0.2 / 60), 1.0)
  for name in ('training', 'validation'):
    expected = evaluation.follow(
      getattr(evaluator, name), lambda _: np.zeros(9, np.float32), 0
    )
    for key in evaluation.OneShotMetrics.names():
      assert curves.column(f'{name}_{key}')[0] == getattr(expected, key)
  # Uniform rewards in ten steps.
  assert 0.2 < curves.column('train_imitation_reward')[0] < 0.8
  assert 2.0 < curves.column('task_actor_return')[0] < 8.0
  # The idle halves do not learn.
  assert np.isnan(curves.column('task_critic_loss')[0])


@pytest.mark.parametrize('half', ['imitation', 'task'])
def test_error_of_a_half_is_raised_with_its_cause(make_trainer, half):
  def fail():
    raise FloatingPointError('not finite')

  trainer, curves = make_trainer(**{half: training_fakes.Idle(fail)})
  with pytest.raises(RuntimeError, match=f'The {half} half') as error:
    trainer.run(_minutes(5.0), 5.0)
  assert isinstance(error.value.__cause__, FloatingPointError)
  assert _are_stopped(trainer)
  assert len(curves) == 0


def test_error_in_the_last_episode_is_raised(make_trainer):
  stopping = threading.Event()

  def fail_at_the_end():
    stopping.wait(timeout=20.0)
    raise FloatingPointError('not finite')

  trainer, curves = make_trainer(task=training_fakes.Idle(fail_at_the_end))
  stop = trainer._actors['task'].stop

  def stop_and_tell():
    stop()
    stopping.set()

  trainer._actors['task'].stop = stop_and_tell
  with pytest.raises(RuntimeError, match='The task half'):
    trainer.run(_minutes(0.2 / 60), 5.0)
  assert len(curves) == 0


def test_interrupt_stops_the_threads_and_keeps_the_curves(make_trainer):
  trainer, curves = make_trainer()

  def interrupt():
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    trainer.run(_minutes(5.0), 0.0, on_evaluation=interrupt)
  assert _are_stopped(trainer)
  assert len(curves) == 1


def test_budget_of_steps_ends_the_run(make_trainer):
  trainer, curves = make_trainer()
  trainer.run(schedule.Budget(actor_steps=200), 5.0)
  steps = curves.column('imitation_environment_steps')[-1]
  assert 200 <= steps == trainer.progress.imitation_steps


def test_budget_of_updates_ends_the_run(make_trainer):
  trainer, curves = make_trainer()
  log = trainer._logs['imitation']

  def learn():
    count = np.nan_to_num(log.get('imitation_learner_steps'))
    log.write({'imitation_learner_steps': count + 1})
    time.sleep(0.0005)

  trainer._actors['imitation']._loop._actor = training_fakes.Idle(learn)
  trainer.run(schedule.Budget(imitation_updates=100), 5.0)
  assert curves.column('imitation_updates')[-1] >= 100


def test_first_limit_that_is_reached_ends_the_run(make_trainer):
  trainer, _ = make_trainer()
  started = time.monotonic()
  trainer.run(schedule.Budget(60.0, 10**9, 100), 5.0)
  assert time.monotonic() - started < 30.0


def test_what_came_before_a_resume_counts(make_trainer):
  before = schedule.Progress(
    minutes=10.0, imitation_steps=1000, task_steps=2000
  )
  trainer, curves = make_trainer(progress=before)
  started = time.monotonic()
  trainer.run(_minutes(10.0 + 0.3 / 60), 5.0)
  assert 0.3 <= time.monotonic() - started < 30.0
  (minutes,) = curves.column('minutes')
  assert 10.0 + 0.3 / 60 <= minutes <= trainer.progress.minutes < 10.5
  progress = trainer.progress
  assert progress.imitation_steps > before.imitation_steps
  # It was ahead of its share, and waited.
  assert progress.task_steps == before.task_steps
  assert curves.column('imitation_environment_steps')[-1] > 1000
  assert curves.column('task_environment_steps')[-1] == 2000


def test_updates_before_a_resume_count_until_there_are_new_ones(make_trainer):
  before = schedule.Progress(imitation_updates=500, task_updates=50)
  trainer, curves = make_trainer(progress=before)
  # As it was at the evaluation before an interrupt, some updates behind.
  curves.append(
    dict.fromkeys(curves._columns, 0.0)
    | {'imitation_updates': 400.0, 'task_updates': 40.0}
  )
  trainer.run(schedule.Budget(imitation_updates=500), 5.0)
  assert curves.column('imitation_updates')[-1] == 500.0
  assert curves.column('task_updates')[-1] == 50.0
  assert trainer.progress.imitation_updates == 500
  assert trainer.progress.task_updates == 50


def test_updates_of_a_run_that_did_not_count_them_are_the_curves(make_trainer):
  trainer, curves = make_trainer(progress=schedule.Progress(minutes=1.0))
  curves.append(
    dict.fromkeys(curves._columns, 0.0)
    | {'imitation_updates': 400.0, 'task_updates': 40.0}
  )
  trainer.run(schedule.Budget(imitation_updates=400), 5.0)
  assert curves.column('imitation_updates')[-1] == 400.0
  assert trainer.progress.task_updates == 40


def test_budget_that_was_used_up_before_ends_a_resume_at_once(make_trainer):
  before = schedule.Progress(imitation_steps=1000)
  trainer, curves = make_trainer(progress=before)
  trainer.run(schedule.Budget(actor_steps=500), 5.0)
  # Whole episodes that the threads had begun.
  assert trainer.progress.imitation_steps <= 1000 + 20 * _EPISODE_LENGTH
  assert len(curves) == 1


def _tiny_agent(spec) -> tuple[acme_metamimic.MetaMimic, dict]:
  common: dict[str, Any] = {
    'batch_size': 8,
    'min_replay_size': 50,
    'num_atoms': 11,
    'vmax': 10.0,
    'discount': 0.9,
    'updates_per_step': 2,
  }
  sizes: dict[str, Any] = {
    'policy_layer_sizes': (8,),
    'critic_layer_sizes': (8,),
    'num_atoms': 11,
    'vmax': 10.0,
  }
  logs = {half: acting.LatestLogger() for half in ('imitation', 'task')}
  agent = acme_metamimic.MetaMimic(
    spec,
    networks.make_imitation_networks(spec, **sizes),
    networks.make_task_networks(spec, **sizes),
    acme_metamimic.MetaMimicConfig(
      imitation=acme_metamimic.D4PGConfig(
        replay_table_name='imitation', **common
      ),
      task=acme_metamimic.D4PGConfig(**common),
    ),
    logger_factory=lambda label: logs[label.removesuffix('_learner')],
  )
  return agent, logs


@pytest.mark.slow
def test_every_column_is_filled_by_a_learning_agent(
  training_set, validation_set, tmp_path, capsys
):
  acting = _DOMAIN.follow(training_set, domain_lib.ACTOR, seed=0)
  evaluator = _make_evaluator(training_set, validation_set, episode_length=20)
  agent, logs = _tiny_agent(acme.make_environment_spec(acting))
  path = tmp_path / 'curves.csv'
  columns = training.curve_columns(evaluator.columns)
  curves = reporting.Curves(str(path), columns)
  trainer = training.Trainer(
    agent,
    logs,
    {
      'imitation': acting,
      'task': wrappers.SinglePrecisionWrapper(evaluator.task),
    },
    curves,
    evaluator,
    task_steps_per_imitation_step=0.5,
  )

  # Tracing takes its time on a busy machine: until both have learned.
  def stop_once_learned():
    losses = [curves.column(f'{half}_critic_loss')[-1] for half in logs]
    if np.all(np.isfinite(losses)):
      raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    trainer.run(_minutes(3.0), 1.0 / 60, stop_once_learned)
  agent.close()
  with open(path, newline='') as file:
    points = list(csv.DictReader(file))
  assert tuple(points[0]) == columns
  last = {name: float(value) for name, value in points[-1].items()}
  # Nothing was stacked, and no torso predicts anything.
  assert np.isnan(last.pop('task_policy_first_stacked'))
  for half in logs:
    assert np.isnan(last.pop(f'{half}_auxiliary_error_cm'))
  lines = capsys.readouterr().out.splitlines()
  assert re.match(
    r'After \d.\d minutes: task return on training demonstrations \d', lines[-1]
  )
  assert re.search(r'Time of acting: .*learn \d+ %', lines[-1])
  assert all(np.isfinite(value) for value in last.values()), last
  for half in ('imitation', 'task'):
    assert last[f'{half}_environment_steps'] > 50
    assert last[f'{half}_updates'] > 0
    assert last[f'{half}_critic_loss'] > 0.0
  assert 0.0 < last['train_imitation_reward'] <= 1.0


class _Recording(training_fakes.Idle):
  """Notes who begins an episode, in a list that actors share."""

  def __init__(self, name: str, episodes: list[str]):
    super().__init__()
    self._name, self._episodes = name, episodes

  def observe_first(self, timestep) -> None:
    self._episodes.append(self._name)
    super().observe_first(timestep)


def _recorded(make_trainer, **options: Any):
  """Returns a trainer and the list of who began episodes, and what happened."""
  happened: list[str] = []
  trainer, curves = make_trainer(
    imitation=_Recording('imitation', happened),
    task=_Recording('task', happened),
    source=_Recording('source', happened),
    drop_task_items=lambda: happened.append('dropped'),
    **options,
  )
  return trainer, curves, happened


def test_the_task_half_has_its_phase_to_itself(make_trainer):
  phase = schedule.TaskPhase(
    after_share=0.4,
    source_steps=5 * _EPISODE_LENGTH,
    source_steps_per_task_step=0.5,
  )
  trainer, curves, happened = _recorded(make_trainer, task_phase=phase)
  trainer.run(_minutes(0.8 / 60), 1.0)
  change = happened.index('dropped')
  assert happened.count('dropped') == 1
  assert set(happened[:change]) == {'imitation'}
  later = happened[change + 1 :]
  assert set(later) == {'source', 'task'}
  # The imitation actor first makes its five episodes alone.
  assert 'task' not in later[:5]
  sources, tasks = later.count('source'), later.count('task')
  assert abs(sources - 5 - 0.5 * tasks) <= 3
  progress = trainer.progress
  assert progress.source_steps == sources * _EPISODE_LENGTH
  assert progress.imitation_steps == ((change + sources) * _EPISODE_LENGTH)
  assert curves.column('imitation_environment_steps')[-1] == (
    progress.imitation_steps
  )
  assert curves.column('task_environment_steps')[-1] == tasks * _EPISODE_LENGTH


def test_a_resume_goes_on_in_the_task_phase(make_trainer):
  phase = schedule.TaskPhase(after_share=0.5, source_steps=100)
  trainer, _, happened = _recorded(
    make_trainer,
    task_phase=phase,
    progress=schedule.Progress(
      minutes=0.6,
      imitation_steps=1000,
      task_steps=200,
      source_steps=300,
      task_phase_minutes=0.1,
    ),
  )
  trainer.run(_minutes(0.6 + 0.3 / 60), 1.0)
  # What the table held is not dropped another time.
  assert set(happened) == {'source', 'task'}
  assert trainer.progress.imitation_steps > 1000
  assert trainer.progress.source_steps == (
    trainer.progress.imitation_steps - 700
  )


def test_a_longer_budget_first_goes_on_with_the_first_part(make_trainer):
  trainer, _, happened = _recorded(
    make_trainer,
    task_phase=schedule.TaskPhase(after_share=0.5, source_steps=30),
    # Of one second, half of it in the task phase.
    progress=schedule.Progress(
      minutes=1.0 / 60,
      imitation_steps=1000,
      task_steps=200,
      source_steps=300,
      task_phase_minutes=0.5 / 60,
    ),
  )
  trainer.run(_minutes(2.0 / 60), 1.0)
  change = happened.index('dropped')
  assert set(happened[:change]) == {'imitation'}
  later = happened[change + 1 :]
  assert 'imitation' not in later
  # It makes the steps before the task half's anew.
  assert later[:3] == ['source'] * 3
  assert 'task' in later
  # All that the first part, of a second now, has left; late on a busy machine.
  progress = trainer.progress
  assert progress.task_phase_minutes > 0.8 / 60
  assert progress.task_phase_minutes < progress.minutes - 0.95 / 60


def test_the_task_phase_begins_at_a_number_of_updates():
  phase = schedule.TaskPhase(after_imitation_updates=100)
  assert phase.exists
  assert not schedule.TaskPhase().exists
  budget = schedule.Budget(minutes=10.0)
  assert [phase.begins(1e9, budget, n) for n in (np.nan, 99, 100)] == [
    False,
    False,
    True,
  ]
  both = schedule.TaskPhase(after_share=0.5, after_imitation_updates=9)
  assert both.begins(5.0, budget, 0)
  assert both.begins(0.0, budget, 9)
  assert not both.begins(4.9, budget, 8)
  assert not both.begins(4.9, schedule.Budget(), 8)
  assert not schedule.TaskPhase().begins(1e9, budget, 1e9)


def test_a_budget_ends_by_the_updates_of_the_task_learner(make_trainer):
  trainer, _ = make_trainer()
  trainer._logs['task'].write({'task_learner_steps': 50})
  trainer.run(schedule.Budget(task_updates=50), 1.0)
