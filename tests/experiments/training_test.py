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
import threading
import time
import types
from typing import Any

from acme import core
import numpy as np
import pytest

import acme_metamimic
from acme_metamimic import networks
from experiments import evaluation
from experiments import presets
from experiments import reporting
from experiments import training
from tests.acme_metamimic import fakes
from tests.experiments import training_fakes

_EPISODE_LENGTH = 10


@pytest.fixture(scope='module')
def environments(training_set, validation_set) -> training.Environments:
  """Acts in fast stand-ins; evaluates in the real ones."""
  return training.Environments(
    imitation=fakes.FakeEnvironment(True, _EPISODE_LENGTH),
    task=fakes.FakeEnvironment(False, _EPISODE_LENGTH),
    training=presets.make_imitation_environment(
      training_set, 0, training=False
    ),
    validation=presets.make_imitation_environment(
      validation_set, 0, training=False
    ),
    task_evaluation=presets.make_task_environment(0, episode_length=5),
  )


@pytest.fixture
def make_trainer(environments, tmp_path, monkeypatch):
  """Makes a trainer of two idle halves."""
  monkeypatch.setattr(training, '_POLL_SECONDS', 0.02)
  monkeypatch.setattr(training, '_WAIT_SECONDS', 0.001)

  def make(
    imitation: core.Actor | None = None,
    task: core.Actor | None = None,
    share: float = 1.0,
  ) -> tuple[training.Trainer, reporting.Curves]:
    agent: Any = types.SimpleNamespace(
      imitation=imitation or training_fakes.Idle(),
      task=task or training_fakes.Idle(),
      imitation_policy=lambda _: np.zeros(9, np.float32),
      task_policy=lambda _: np.zeros(9, np.float32),
    )
    curves = reporting.Curves(
      str(tmp_path / 'curves.csv'), training.CURVE_COLUMNS
    )
    logs = {half: training.LatestLogger() for half in ('imitation', 'task')}
    trainer = training.Trainer(
      agent,
      logs,
      environments,
      curves,
      task_steps_per_imitation_step=share,
      evaluation_episodes=1,
    )
    return trainer, curves

  return make


def _are_stopped(trainer: training.Trainer) -> bool:
  return not any(actor.is_alive() for actor in trainer._actors.values())


def test_trains_for_the_given_time_and_evaluates_at_the_end(make_trainer):
  trainer, curves = make_trainer()
  calls: list[int] = []
  started = time.monotonic()
  trainer.run(0.5 / 60, 1.0, on_evaluation=lambda: calls.append(len(curves)))
  assert time.monotonic() - started >= 0.5
  assert calls == [1]
  assert curves.column('minutes')[0] >= 0.5 / 60
  assert _are_stopped(trainer)


def test_evaluates_after_each_period(make_trainer):
  trainer, curves = make_trainer()

  def stop_after_two():
    if len(curves) == 2:
      raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    trainer.run(5.0, 0.2 / 60, stop_after_two)
  first, second = curves.column('minutes')
  assert first >= 0.2 / 60
  # From the end of an evaluation on.
  assert second - first >= 0.2 / 60
  steps = curves.column('imitation_environment_steps')
  assert 0 < steps[0] < steps[1]


def test_task_half_waits_for_its_share(make_trainer):
  trainer, curves = make_trainer(share=0.3)
  trainer.run(1.0 / 60, 1.0)
  leader = curves.column('imitation_environment_steps')[-1]
  follower = curves.column('task_environment_steps')[-1]
  # An episode is finished once it was begun.
  assert follower <= 0.3 * leader + _EPISODE_LENGTH
  # It waited, but went on.
  assert follower > _EPISODE_LENGTH


def test_point_holds_what_was_measured(make_trainer, environments):
  trainer, curves = make_trainer()
  trainer.run(0.2 / 60, 1.0)
  for name in ('training', 'validation'):
    expected = evaluation.follow(
      getattr(environments, name), lambda _: np.zeros(9, np.float32), 0
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
    trainer.run(5.0, 5.0)
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
    trainer.run(0.2 / 60, 5.0)
  assert len(curves) == 0


def test_interrupt_stops_the_threads_and_keeps_the_curves(make_trainer):
  trainer, curves = make_trainer()

  def interrupt():
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    trainer.run(5.0, 0.0, on_evaluation=interrupt)
  assert _are_stopped(trainer)
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
  logs = {half: training.LatestLogger() for half in ('imitation', 'task')}
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
  training_set, validation_set, tmp_path
):
  acting = presets.make_imitation_environment(training_set, 0, training=True)
  environments = training.Environments(
    imitation=acting,
    task=presets.make_task_environment(0, episode_length=20),
    training=presets.make_imitation_environment(
      training_set, 0, training=False
    ),
    validation=presets.make_imitation_environment(
      validation_set, 0, training=False
    ),
    task_evaluation=presets.make_task_environment(0, episode_length=20),
  )
  agent, logs = _tiny_agent(presets.make_spec(acting))
  path = tmp_path / 'curves.csv'
  curves = reporting.Curves(str(path), training.CURVE_COLUMNS)
  trainer = training.Trainer(
    agent,
    logs,
    environments,
    curves,
    task_steps_per_imitation_step=0.5,
    evaluation_episodes=1,
  )

  # Tracing takes its time on a busy machine: until both have learned.
  def stop_once_learned():
    losses = [curves.column(f'{half}_critic_loss')[-1] for half in logs]
    if np.all(np.isfinite(losses)):
      raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt):
    trainer.run(3.0, 1.0 / 60, stop_once_learned)
  agent.close()
  with open(path, newline='') as file:
    points = list(csv.DictReader(file))
  assert tuple(points[0]) == training.CURVE_COLUMNS
  last = {name: float(value) for name, value in points[-1].items()}
  assert all(np.isfinite(value) for value in last.values()), last
  for half in ('imitation', 'task'):
    assert last[f'{half}_environment_steps'] > 50
    assert last[f'{half}_updates'] > 0
    assert last[f'{half}_critic_loss'] > 0.0
  assert 0.0 < last['train_imitation_reward'] <= 1.0
