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

"""Tests of the learner, against Acme's own and eager computations."""

import threading

from acme.agents.tf import d4pg
from acme.tf import losses as acme_losses
from acme.utils import counting
import numpy as np
import pytest
import reverb
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.replay import priorities
from acme_metamimic.tf import optimizers
from tests.acme_metamimic.d4pg import learners
from tests.acme_metamimic.replay import item_writers


@pytest.mark.slow
@pytest.mark.parametrize(
  (
    'updates_per_step',
    'clipping',
    'ours',
    'acmes',
    'learning_rate',
    'tolerance',
  ),
  [
    pytest.param(
      *(1, True, snt.optimizers.SGD, snt.optimizers.SGD, 0.3, 3e-6),
      marks=pytest.mark.slow,
    ),
    (4, False, snt.optimizers.SGD, snt.optimizers.SGD, 0.3, 3e-6),
    # Adam divides by the gradient's size, which blows rounding up.
    (8, True, optimizers.FusedAdam, snt.optimizers.Adam, 3e-3, 2e-5),
  ],
)
def test_updates_equal_acmes(
  updates_per_step, clipping, ours, acmes, learning_rate, tolerance
):
  networks, acme_pair = (
    learners.make_networks((8, 8)),
    learners.make_networks((8, 8)),
  )
  learners.copy_variables(networks, acme_pair)
  initial = learners.variables(networks)
  learner = learners.make_learner(
    networks,
    clipping=clipping,
    updates_per_step=updates_per_step,
    policy_optimizer=ours(learning_rate),
    critic_optimizer=ours(learning_rate),
  )
  acme_learner = d4pg.D4PGLearner(
    **learners.arguments(acme_pair),
    clipping=clipping,
    policy_optimizer=acmes(learning_rate),
    critic_optimizer=acmes(learning_rate),
    checkpoint=False,
  )

  for _ in range(8 // updates_per_step):
    learner.step()
  for _ in range(8):
    acme_learner.step()

  learners.assert_close(
    learners.variables(networks),
    learners.variables(acme_pair),
    atol=tolerance,
  )
  # All of them have moved, those of the observation network among them.
  for before, after in zip(initial, learners.variables(networks), strict=True):
    assert np.max(np.abs(before - after)) > 10 * tolerance
  records = learner._logger.records
  acme_records = acme_learner._logger.records
  for name in ('critic_loss', 'policy_loss'):
    np.testing.assert_allclose(
      np.mean([record[name] for record in records]),
      np.mean([record[name] for record in acme_records]),
      rtol=1e-4,
    )
  assert records[-1]['steps'] == acme_records[-1]['steps'] == 8


def test_importance_weights_scale_the_critics_gradient():
  networks = learners.make_networks()
  online, _ = networks
  beta, learning_rate = 0.4, 0.1
  batch = tree.map_structure(
    lambda x: tf.constant(x[: learners.BATCH_SIZE]),
    learners.SAMPLES,
  )
  # Schaul et al. (2016), section 3.4, with N and P(i) as Reverb reports them.
  weights = (
    len(learners.SAMPLES.info.key) * batch.info.probability.numpy()
  ) ** -beta
  weights = (weights / weights.max()).astype(np.float32)
  assert weights.min() < 0.9
  variables = (
    *online.observation_network.trainable_variables,
    *online.critic_network.trainable_variables,
  )
  with tf.GradientTape() as tape:
    o_tm1 = online.observation_network(batch.data.observation)
    with tape.stop_recording():
      o_t = online.observation_network(batch.data.next_observation)
      q_t = online.critic_network(o_t, online.policy_network(o_t))
    td_losses = acme_losses.categorical(
      online.critic_network(o_tm1, batch.data.action),
      batch.data.reward,
      learners.DISCOUNT * batch.data.discount,
      q_t,
    )
    loss = tf.reduce_mean(weights * td_losses)
  gradients = tape.gradient(loss, variables)
  expected = [
    v.numpy() - learning_rate * g.numpy()
    for v, g in zip(variables, gradients, strict=True)
  ]

  learner = learners.make_learner(
    networks,
    clipping=False,
    importance_sampling_exponent=beta,
    critic_optimizer=snt.optimizers.SGD(learning_rate),
  )
  learner.step()

  learners.assert_close([v.numpy() for v in variables], expected, atol=1e-6)
  np.testing.assert_allclose(
    learner._logger.records[0]['critic_loss'], loss, rtol=1e-5
  )


def _fill_table(num_items: int) -> reverb.Server:
  config = d4pg_config.D4PGConfig(
    priority_exponent=0.6,
    batch_size=num_items,
    min_replay_size=1,
    replay_table_name='imitation',
  )
  (table,) = d4pg_builder.D4PGBuilder(config).make_replay_tables(learners.SPEC)
  server = reverb.Server([table])
  client = reverb.Client(f'localhost:{server.port}')
  with item_writers.make_writer(client) as writer:
    for i in range(num_items):
      writer.append(
        tree.map_structure(lambda x, i=i: x[i], learners.SAMPLES.data)
      )
      item = tree.map_structure(lambda x: x[-1], writer.history)
      writer.create_item('imitation', 100.0, item)
    writer.flush()
  return server


def test_priorities_in_the_table_are_the_losses():
  num_items = 32
  networks = learners.make_networks()
  server = _fill_table(num_items)
  client = reverb.Client(f'localhost:{server.port}')
  dataset = reverb.TrajectoryDataset.from_table_signature(
    client.server_address, 'imitation', num_items
  ).batch(num_items)
  transitions = tree.map_structure(
    lambda x: tf.constant(x[:num_items]), learners.SAMPLES.data
  )
  expected = learners.td_losses(networks, transitions).numpy()
  assert np.max(np.abs(expected - 100.0)) > 1.0

  writer = priorities.PriorityWriter(client, 'imitation')
  learner = learners.make_learner(
    networks,
    dataset_iterator=iter(dataset),
    priority_writer=writer,
    importance_sampling_exponent=0.4,
  )
  learner.step()
  assert writer.flush(timeout=10.0)
  learner.close()

  updated = {}
  for sample in client.sample(
    'imitation', 20 * num_items, emit_timesteps=False
  ):
    if sample.info.priority != 100.0:
      # Rewards are continuous and so tell the items apart.
      reward = tree.unflatten_as(
        learners.SAMPLES.data, list(sample.data)
      ).reward
      index = int(np.argmin(np.abs(transitions.reward - reward)))
      updated[index] = sample.info.priority
  assert len(updated) > num_items // 4
  for index, priority in updated.items():
    np.testing.assert_allclose(priority, expected[index], rtol=1e-5)
  server.stop()


def test_lost_priorities_are_logged():
  entered, release = threading.Event(), threading.Event()

  class SlowClient:
    server_address = 'there:1'

    def mutate_priorities(self, *_, **__):
      entered.set()
      release.wait(10.0)

  writer = priorities.PriorityWriter(SlowClient(), 'imitation', max_pending=1)
  learner = learners.make_learner(priority_writer=writer)
  learner.step()
  assert entered.wait(10.0)
  # The first call is being sent, so that the others wait in the queue of one.
  for _ in range(3):
    learner.step()
  release.set()
  learner.close()

  records = learner._logger.records
  dropped = [record['priority_writes_dropped'] for record in records]
  assert dropped == [0, 0, 1, 2]
  assert {record['priority_writes_failed'] for record in records} == {0}


def test_step_counts_updates_and_averages_losses():
  networks = learners.make_networks()
  twin = learners.make_networks()
  learners.copy_variables(networks, twin)
  counter = counting.Counter()
  learner = learners.make_learner(networks, updates_per_step=4, counter=counter)
  single = learners.make_learner(twin)

  learner.step()
  learner.step()
  for _ in range(8):
    single.step()

  assert counter.get_counts()['steps'] == 8
  records, single_records = learner._logger.records, single._logger.records
  assert len(records) == 2
  # Nothing of priorities, as none are written.
  assert not [name for name in records[0] if name.startswith('priority')]
  for name in (
    'critic_loss',
    'policy_loss',
    'q_mean',
    'critic_gradient_norm',
    'policy_gradient_norm',
  ):
    for i in range(2):
      np.testing.assert_allclose(
        records[i][name],
        np.mean([r[name] for r in single_records[4 * i : 4 * i + 4]]),
        rtol=1e-3,
      )


def test_step_is_traced_once():
  networks = learners.make_networks()
  torso = networks[0].observation_network
  learner = learners.make_learner(networks, updates_per_step=2)
  learner.step()
  num_calls = torso.num_calls
  learner.step()
  learner.step()
  assert torso.num_calls == num_calls


def test_actors_see_the_target_networks():
  networks = learners.make_networks()
  learner = learners.make_learner(networks)
  for _ in range(2):
    learner.step()
  (policy,) = learner.get_variables(['policy'])
  target = networks[1]
  expected = (
    *target.observation_network.variables,
    *target.policy_network.variables,
  )
  learners.assert_close(policy, [v.numpy() for v in expected])


def test_iterator_that_tensorflow_cannot_read_is_refused():
  with pytest.raises(ValueError, match=r'pass iter\(tf.data.Dataset\)'):
    learners.make_learner(dataset_iterator=iter([learners.SAMPLES]))


def test_no_updates_per_step_are_refused():
  with pytest.raises(ValueError, match='updates_per_step=0'):
    learners.make_learner(updates_per_step=0)
