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
"""Tests of the learner whose policy learns a teacher's actions as well."""

import copy
import os

import pytest
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic import networks
from acme_metamimic import shipped
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.d4pg import teacher as teacher_lib
from acme_metamimic.tf import snapshots
from tests.acme_metamimic import fakes
from tests.acme_metamimic.d4pg import learners

_BATCH_SIZE, _LEARNING_RATE, _WEIGHT = 4, 0.1, 3.0
_SPEC = fakes.imitation_spec()


def _make_networks(**options):
  made = networks.make_imitation_networks(
    _SPEC,
    policy_layer_sizes=(8,),
    critic_layer_sizes=(8,),
    vmax=10.0,
    num_atoms=21,
    **{'policy_keys': ('body',), 'critic_keys': ('body', 'blocks'), **options},
  )
  made.init(specs_lib.imitation_spec(_SPEC))
  return made


@pytest.fixture(scope='module')
def path(tmp_path_factory) -> str:
  """A teacher that sees `blocks` alone."""
  policy = _make_networks(policy_keys=('blocks',)).make_policy(
    specs_lib.imitation_spec(_SPEC)
  )
  folder = tmp_path_factory.mktemp('policies') / 'imitation_policy'
  return snapshots.export_policy(policy, str(folder))


@pytest.fixture(scope='module')
def samples():
  return fakes.make_samples(
    specs_lib.imitation_spec(_SPEC), _BATCH_SIZE * learners.NUM_BATCHES
  )


def _make_learner(online, samples, path, **options):
  return teacher_lib.TaughtD4PGLearner(
    **{
      **learners.arguments((online, copy.deepcopy(online))),
      'dataset_iterator': fakes.make_iterator(samples, _BATCH_SIZE),
      'clipping': False,
      # The critic's loss leaves everything where it is.
      'critic_optimizer': snt.optimizers.SGD(0.0),
      'policy_optimizer': snt.optimizers.SGD(_LEARNING_RATE),
      'teacher': snapshots.LoadedPolicy(path),
      'teacher_weight': _WEIGHT,
      **options,
    }
  )


def test_an_update_is_that_of_both_losses(samples, path):
  online = _make_networks()
  learner = _make_learner(online, samples, path)
  data = tree.map_structure(
    lambda x: tf.constant(x[:_BATCH_SIZE]), samples.data
  )
  observation = data.next_observation
  goal = {'blocks': observation['goal']['blocks']}
  taught = tf.saved_model.load(path)(
    {'blocks': observation['blocks'], 'goal': goal}
  )
  policy = online.policy_network
  with tf.GradientTape() as tape:
    action = policy(observation)
    value = online.critic_network(observation, action).mean()
    squares = tf.reduce_sum(tf.square(action - taught), axis=-1)
    loss = tf.reduce_mean(_WEIGHT * squares - value)
  gradients = tape.gradient(loss, policy.trainable_variables)
  expected = [
    v.numpy() - _LEARNING_RATE * g.numpy()
    for v, g in zip(policy.trainable_variables, gradients, strict=True)
  ]
  learner.step()
  actual = [v.numpy() for v in policy.trainable_variables]
  learners.assert_close(actual, expected, atol=1e-5)
  (record,) = learner._logger.records
  mean = float(tf.reduce_mean(squares))
  assert record['teacher_loss'] == pytest.approx(mean, rel=1e-4)


def test_a_teacher_of_other_observations_is_named(samples, path):
  samples = tree.map_structure(lambda x: x, samples)
  for data in (samples.data.observation, samples.data.next_observation):
    for part in (data, data['goal']):
      del part['blocks']
  online = _make_networks(critic_keys=('body',))
  with pytest.raises(
    snapshots.PolicyError, match=r"takes 'blocks' as .*shows no such thing"
  ):
    _make_learner(online, samples, path)


def test_the_builder_makes_it_where_the_config_asks_for_it(samples, path):
  builder = d4pg_builder.D4PGBuilder(d4pg_config.D4PGConfig(teacher=path))
  online = _make_networks()
  learner = builder.make_learner(
    (online, copy.deepcopy(online)), fakes.make_iterator(samples, _BATCH_SIZE)
  )
  assert type(learner) is teacher_lib.TaughtD4PGLearner


def test_a_teacher_may_be_a_name_a_run_or_a_folder(path):
  folder = shipped.folder('features')
  imitation = snapshots.policy_path(folder, 'imitation')
  assert shipped.find_policy('features') == imitation
  assert shipped.find_policy(folder) == imitation
  task = snapshots.policy_path(folder, 'task')
  assert shipped.find_policy('features', 'task') == task
  assert shipped.find_policy(path) == path
  assert shipped.find_policy('~/none') == os.path.expanduser('~/none')


def test_what_is_no_teacher_is_named(tmp_path):
  config = d4pg_config.D4PGConfig(teacher=str(tmp_path / 'none'))
  online = _make_networks()
  with pytest.raises(snapshots.PolicyError, match=r'none.* is no policy that'):
    d4pg_builder.D4PGBuilder(config).make_learner(
      (online, copy.deepcopy(online)), iter(())
    )


def test_a_teacher_and_a_regression_exclude_each_other():
  with pytest.raises(ValueError, match=r'teacher=.*regression_weight=1'):
    d4pg_config.D4PGConfig(teacher='a', regression_weight=1.0)
