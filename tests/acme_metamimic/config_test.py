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

"""Tests of the configurations."""

import dataclasses
import re
from typing import Any

import pytest
import sonnet as snt

from acme_metamimic import config
from acme_metamimic.d4pg import config as d4pg_config


def test_defaults_are_table_1():
  defaults = config.MetaMimicConfig()
  for half in (defaults.imitation, defaults.task):
    assert half.vmin == 0
    assert half.vmax == 100
    assert half.num_atoms == 101
    assert half.n_step == 5
    assert 5e-5 <= half.policy_learning_rate <= 2e-4
    assert 5e-5 <= half.critic_learning_rate <= 2e-4
    assert half.batch_size == 64
    assert half.target_update_period == 100
    assert half.discount == 0.99
    assert half.max_replay_size == 1e6
  assert defaults.num_imitation_actors == 256
  assert defaults.num_task_actors == 256
  # Prioritised against uniform sampling.
  assert defaults.imitation.priority_exponent == 0.6
  assert defaults.imitation.importance_sampling_exponent == 0.4
  assert defaults.task.priority_exponent == 0
  assert defaults.task.importance_sampling_exponent == 0
  assert defaults.imitation.replay_table_name == 'imitation'
  assert defaults.task.replay_table_name == 'task'


def test_halves_of_two_agents_are_not_shared():
  one, other = config.MetaMimicConfig(), config.MetaMimicConfig()
  one.imitation.n_step = 3
  one.task.n_step = 3
  assert other.imitation.n_step == other.task.n_step == 5


@pytest.mark.parametrize(
  ('updates_per_step', 'updates_per_observation', 'expected'),
  [(1, 1.0, 1.0), (10, 1.0, 10.0), (10, 0.1, 100.0), (1, 4.0, 0.25)],
)
def test_observations_per_step(
  updates_per_step, updates_per_observation, expected
):
  half = d4pg_config.D4PGConfig(
    updates_per_step=updates_per_step,
    updates_per_observation=updates_per_observation,
  )
  assert half.observations_per_step == pytest.approx(expected)


@pytest.mark.parametrize(
  ('field', 'value'),
  [
    ('batch_size', 0),
    ('prefetch_size', 0),
    ('target_update_period', 0),
    ('min_replay_size', 0),
    ('n_step', 0),
    ('n_step', 2.5),
    ('updates_per_step', 0),
    ('variable_update_period', 0),
    ('num_parallel_samplers', 0),
    ('policy_learning_rate', 0.0),
    ('critic_learning_rate', -1e-4),
    ('critic_learning_rate', float('nan')),
    ('updates_per_observation', 0.0),
    ('checkpoint_period_minutes', 0.0),
    ('priority_exponent', -0.6),
    ('importance_sampling_exponent', -0.4),
    ('sigma', -0.3),
    ('sigmas', (0.3, -0.1)),
    ('sigmas', (float('nan'),)),
    ('noise_correlations', (0.5, 1.0)),
    ('noise_correlations', (-0.1,)),
    ('remover', 'fifo'),
    ('removal_exponent', 0.4),
    ('removal_period', 0),
    ('discount', 1.1),
    ('discount', -0.1),
    ('samples_per_insert', 0.0),
    ('num_atoms', 1),
    ('max_replay_size', 63),
    ('replay_table_name', ''),
  ],
)
def test_bad_value_is_named(field, value):
  with pytest.raises(ValueError, match=re.escape(f'{field}={value!r}')):
    d4pg_config.D4PGConfig(**{field: value})


def test_empty_support_is_refused():
  with pytest.raises(ValueError, match=r'vmin=1\.0 must be below vmax=1\.0'):
    d4pg_config.D4PGConfig(vmin=1.0, vmax=1.0)


def test_table_too_small_to_be_sampled_is_refused():
  with pytest.raises(ValueError, match='min_replay_size=1000 items: raise'):
    d4pg_config.D4PGConfig(max_replay_size=999)


def test_ratio_that_the_agent_cannot_keep_is_refused():
  with pytest.raises(ValueError, match='make one a multiple of the other'):
    d4pg_config.D4PGConfig(updates_per_step=10, updates_per_observation=4.0)


def test_one_table_for_both_halves_is_refused():
  with pytest.raises(ValueError, match="replay_table_name='task'"):
    config.MetaMimicConfig(imitation=d4pg_config.D4PGConfig())


def test_prioritised_task_table_is_refused():
  with pytest.raises(ValueError, match=r'task\.priority_exponent=0\.6'):
    config.MetaMimicConfig(task=d4pg_config.D4PGConfig(priority_exponent=0.6))


@pytest.mark.parametrize('field', ['num_imitation_actors', 'num_task_actors'])
def test_no_actors_are_refused(field):
  arguments: Any = {field: 0}
  with pytest.raises(ValueError, match=f'{field}=0'):
    config.MetaMimicConfig(**arguments)


@pytest.mark.parametrize('field', ['policy_optimizer', 'critic_optimizer'])
def test_one_optimizer_for_both_halves_is_refused(field):
  task = d4pg_config.D4PGConfig(**{field: snt.optimizers.Adam(1e-4)})
  imitation = dataclasses.replace(task, replay_table_name='imitation')
  with pytest.raises(ValueError, match='give each half its own'):
    config.MetaMimicConfig(imitation=imitation, task=task)
