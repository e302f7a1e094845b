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

"""Tests of the builders."""

import dataclasses
from typing import Any, List

from acme import core
from acme.agents.tf.d4pg import agent as acme_d4pg
import numpy as np
import pytest
import reverb
import sonnet as snt
import tensorflow as tf

from acme_metamimic import builder as builder_lib
from acme_metamimic import config as config_lib
from acme_metamimic import networks
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.replay import provenance
from acme_metamimic.tf import optimizers
from tests.acme_metamimic import fakes

_SPEC = fakes.imitation_spec()


def _make_config(**kwargs: Any) -> config_lib.MetaMimicConfig:
  common: Any = {
    'batch_size': 4,
    'min_replay_size': 1,
    'max_replay_size': 100,
    'num_atoms': 11,
    **kwargs,
  }
  return config_lib.MetaMimicConfig(
    imitation=d4pg_config.D4PGConfig(
      replay_table_name='imitation', priority_exponent=0.6, **common
    ),
    task=d4pg_config.D4PGConfig(**common),
  )


def _make_pair() -> d4pg_builder.NetworkPair:
  pair = tuple(
    networks.make_task_networks(
      _SPEC, policy_layer_sizes=(4, 4), critic_layer_sizes=(4, 4), num_atoms=11
    )
    for _ in range(2)
  )
  for half in pair:
    half.init(specs_lib.task_spec(_SPEC))
  return pair


class _Memory:
  """Both tables on a server, and a client of it."""

  def __init__(self, builder: builder_lib.MetaMimicBuilder) -> None:
    self.tables = builder.make_replay_tables(_SPEC)
    self._server = reverb.Server(self.tables)
    self.client = reverb.Client(f'localhost:{self._server.port}')

  def items(self, table: str) -> List[reverb.ReplaySample]:
    size = self.client.server_info()[table].current_size
    return list(self.client.sample(table, 20 * size, emit_timesteps=False))


@pytest.fixture
def builder():
  return builder_lib.MetaMimicBuilder(_make_config())


def test_tables_follow_table_1(builder):
  imitation, task = [t.info for t in _Memory(builder).tables]
  assert imitation.name == 'imitation'
  assert imitation.sampler_options.prioritized.priority_exponent == 0.6
  assert imitation.remover_options.heap.min_heap
  assert task.name == 'task'
  assert task.sampler_options.uniform
  assert task.remover_options.fifo
  assert imitation.max_size == task.max_size == 100


@pytest.mark.parametrize('samples_per_insert', [None, 4.0])
def test_rate_limiter(samples_per_insert):
  config = d4pg_config.D4PGConfig(
    min_replay_size=50, samples_per_insert=samples_per_insert
  )
  (table,) = d4pg_builder.D4PGBuilder(config).make_replay_tables(
    specs_lib.task_spec(_SPEC)
  )
  limiter = table.info.rate_limiter_info
  assert limiter.min_size_to_sample == 50
  if samples_per_insert is None:
    # As far as the limiter goes, anything may be sampled or inserted.
    assert limiter.max_diff > 1e30
    assert limiter.min_diff < -1e30
  else:
    assert limiter.samples_per_insert == samples_per_insert
    # Sampling waits at 10 % more than its share, insertions never do.
    assert limiter.min_diff == pytest.approx(0.9 * 50 * samples_per_insert)
    assert limiter.max_diff > 1e30


def test_proportional_remover_has_room_above_its_capacity(builder):
  config = d4pg_config.D4PGConfig(
    replay_table_name='imitation',
    max_replay_size=2000,
    priority_exponent=0.6,
    remover='proportional',
    removal_exponent=-0.7,
    removal_period=25,
    updates_per_step=10,
  )
  half = d4pg_builder.D4PGBuilder(config)
  spec = specs_lib.imitation_spec(_SPEC)
  (table,) = half.make_replay_tables(spec)
  assert table.info.max_size == half.max_items == 2200
  memory = _Memory(builder)
  writer = half._make_priority_writer(memory.client)
  assert writer is not None
  removal = writer._removal
  assert removal is not None
  assert (removal._capacity, removal._exponent) == (2000, -0.7)
  # 25 updates are three calls of ten.
  assert removal._period == 3
  writer.close()


def test_imitation_adder_feeds_both_tables(builder):
  memory = _Memory(builder)
  fakes.add_episode(builder.imitation.make_adder(memory.client), imitation=True)
  imitation, task = memory.items('imitation'), memory.items('task')
  # An uninformed critic's loss, so that new items are sampled soon.
  np.testing.assert_allclose([i.info.priority for i in imitation], np.log(11))
  marks = np.array([i.info.priority for i in task])
  assert provenance.metrics(marks)['imitation_share'] == 1.0
  # Two observations of two vectors, with and without a goal of two; action,
  # reward and discount.
  assert len(imitation[0].data) == 2 * 4 + 3
  assert len(task[0].data) == 2 * 2 + 3


def test_imitation_adder_honours_each_halfs_returns():
  config = _make_config()
  config.imitation.n_step, config.imitation.discount = 2, 0.5
  config.task.n_step, config.task.discount = 4, 1.0
  builder = builder_lib.MetaMimicBuilder(config)
  memory = _Memory(builder)
  fakes.add_episode(builder.imitation.make_adder(memory.client), imitation=True)
  # After observation and action come reward and discount: the agent's discount
  # to the power of n - 1 at most.
  assert min(i.data[6] for i in memory.items('imitation')) == 0.5
  assert min(i.data[4] for i in memory.items('task')) == 1.0
  assert len(_unique_keys(memory.items('imitation'))) == 6 + 1
  assert len(_unique_keys(memory.items('task'))) == 6 + 3


def _unique_keys(items: List[reverb.ReplaySample]) -> set:
  return {item.info.key for item in items}


def test_task_adder_feeds_the_task_table(builder):
  memory = _Memory(builder)
  fakes.add_episode(builder.task.make_adder(memory.client), imitation=False)
  info = memory.client.server_info()
  assert info['task'].current_size > 0
  assert info['imitation'].current_size == 0


def test_prioritised_adder_of_one_half_alone():
  config = _make_config().imitation
  half = d4pg_builder.D4PGBuilder(config)
  server = reverb.Server(half.make_replay_tables(specs_lib.task_spec(_SPEC)))
  client = reverb.Client(f'localhost:{server.port}')
  fakes.add_episode(half.make_adder(client), imitation=False)
  (sample,) = client.sample('imitation', 1, emit_timesteps=False)
  assert sample.info.priority == pytest.approx(np.log(11))


@pytest.mark.slow
def test_learners_learn_from_their_tables(builder):
  memory = _Memory(builder)
  fakes.add_episode(builder.imitation.make_adder(memory.client), imitation=True)
  iterator = builder.task.make_dataset_iterator(memory.client)
  sample = next(iterator)
  assert sample.data.reward.shape == (4,)
  assert 'goal' not in sample.data.observation
  goal = next(builder.imitation.make_dataset_iterator(memory.client)).data
  assert goal.observation['goal']['body'].shape == (4, 3)

  logger = fakes.RecordingLogger()
  learner = builder.task.make_learner(
    _make_pair(), iterator, replay_client=memory.client, logger=logger
  )
  learner.step()
  assert np.isfinite(logger.records[0]['critic_loss'])
  # The task table has no priorities to write.
  assert learner._priority_writer is None


def test_learner_has_the_configs_optimizers():
  config = _make_config(policy_learning_rate=0.1, critic_learning_rate=0.2)
  critic_optimizer = snt.optimizers.SGD(1.0)
  config.task.critic_optimizer = critic_optimizer
  iterator = iter(tf.data.Dataset.range(1))
  learner = builder_lib.MetaMimicBuilder(config).task.make_learner(
    _make_pair(), iterator
  )
  assert isinstance(learner._policy_optimizer, optimizers.FusedAdam)
  assert learner._policy_optimizer.learning_rate == 0.1
  assert learner._critic_optimizer is critic_optimizer


class _Source(core.VariableSource):
  """Serves constants and counts the requests."""

  def __init__(self, variables: Any) -> None:
    self.num_requests = 0
    self._variables = variables

  def get_variables(self, names: List[str]) -> List[List[np.ndarray]]:
    assert names == ['policy']
    self.num_requests += 1
    return [[np.full(v.shape, 0.25, np.float32) for v in self._variables]]


def test_distant_actor_fetches_variables():
  builder = builder_lib.MetaMimicBuilder(_make_config(variable_update_period=5))
  policy = _make_pair()[0].make_policy(specs_lib.task_spec(_SPEC))
  source = _Source(policy.variables)
  actor = builder.task.make_actor(policy, variable_source=source)
  # It starts with the learner's variables.
  assert source.num_requests == 1
  for variable in policy.variables:
    np.testing.assert_array_equal(variable, np.full(variable.shape, 0.25))
  for _ in range(4):
    actor.update()
  assert source.num_requests == 1
  actor.update()
  actor.update(wait=True)
  assert source.num_requests == 2


def test_near_actor_shares_variables(builder):
  (online, _) = _make_pair()
  actor = builder.task.make_actor(
    online.make_policy(specs_lib.task_spec(_SPEC))
  )
  observation = fakes.FakeEnvironment(imitation=False).reset().observation
  before = actor.select_action(observation)
  for variable in online.policy_network.trainable_variables:
    variable.assign_add(tf.ones_like(variable))
  assert np.any(actor.select_action(observation) != before)


class _OtherLearner(core.Learner):
  """Another off-policy algorithm."""

  def __init__(self, networks: Any, dataset: Any) -> None:
    self.arguments = networks, dataset

  def step(self) -> None:
    pass

  def get_variables(self, names: List[str]) -> List[List[np.ndarray]]:
    return []


class _OtherBuilder(d4pg_builder.D4PGBuilder):
  def make_learner(self, networks: Any, dataset: Any, *_: Any, **__: Any):
    return _OtherLearner(networks, dataset)


def test_a_half_can_be_replaced():
  config = _make_config()
  builder = builder_lib.MetaMimicBuilder(
    config, task_builder=_OtherBuilder(config.task)
  )
  pair, dataset = _make_pair(), iter(tf.data.Dataset.range(1))
  learner = builder.task.make_learner(pair, dataset)
  assert isinstance(learner, _OtherLearner)
  assert learner.arguments == (pair, dataset)


def test_halves_are_acmes_builders(builder):
  assert isinstance(builder.imitation, acme_d4pg.D4PGBuilder)
  assert isinstance(builder.task, acme_d4pg.D4PGBuilder)


def test_an_imitation_half_can_be_replaced():
  class OtherImitation(builder_lib.ImitationBuilder):
    """Another algorithm for the imitation half."""

  config = _make_config()
  task = _OtherBuilder(config.task)
  imitation = OtherImitation(config.imitation, task)
  builder = builder_lib.MetaMimicBuilder(config, imitation_builder=imitation)
  assert builder.imitation is imitation
  assert builder.task is task


def test_an_imitation_half_that_feeds_another_task_half_is_refused():
  config = _make_config()
  imitation = builder_lib.ImitationBuilder(
    config.imitation, _OtherBuilder(config.task)
  )
  with pytest.raises(ValueError, match='table of another task builder'):
    builder_lib.MetaMimicBuilder(
      config,
      imitation_builder=imitation,
      task_builder=_OtherBuilder(config.task),
    )


def test_spec_that_does_not_fit_is_refused(builder):
  with pytest.raises(ValueError, match="without the key 'goal'"):
    builder.make_replay_tables(fakes.task_spec())


def test_half_with_another_config_is_refused():
  config = _make_config()
  other = dataclasses.replace(config.task, batch_size=5)
  with pytest.raises(ValueError, match=r'task_builder has .*config\.task'):
    builder_lib.MetaMimicBuilder(
      config, task_builder=d4pg_builder.D4PGBuilder(other)
    )
