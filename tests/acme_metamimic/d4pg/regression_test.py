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
"""Tests of the policy's regression to replayed actions."""

import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.d4pg import learning
from acme_metamimic.d4pg import regression
from acme_metamimic.replay import provenance
from tests.acme_metamimic import fakes
from tests.acme_metamimic.d4pg import learners

_BATCH = tree.map_structure(
  lambda x: tf.constant(x[: learners.BATCH_SIZE]), learners.SAMPLES
)
_LEARNING_RATE = 0.1


def _make_learner(networks, **kwargs) -> regression.RegressingD4PGLearner:
  return regression.RegressingD4PGLearner(
    **{
      **learners.arguments(networks),
      'clipping': False,
      # The critic's loss leaves everything where it is.
      'critic_optimizer': snt.optimizers.SGD(0.0),
      'policy_optimizer': snt.optimizers.SGD(_LEARNING_RATE),
      **kwargs,
    }
  )


def _expected(networks, weight: float, passes) -> tuple[list, float, float]:
  """Returns the policy's variables after an update, by plain autodiff."""
  online, _ = networks
  data = _BATCH.data
  observation = tf.stop_gradient(online.observation_network(data.observation))
  variables = online.policy_network.trainable_variables
  with tf.GradientTape() as tape:
    action = online.policy_network(observation)
    value = tf.reduce_mean(online.critic_network(observation, action).mean())
    squares = tf.reduce_sum(tf.square(action - data.action), axis=-1)
    term = tf.reduce_mean(passes * squares)
    loss = weight * term - value
  gradients = tape.gradient(loss, variables)
  new = [
    v.numpy() - _LEARNING_RATE * g.numpy()
    for v, g in zip(variables, gradients, strict=True)
  ]
  return new, float(term), float(tf.reduce_mean(passes))


def _better(networks) -> np.ndarray:
  online, _ = networks
  observation = online.observation_network(_BATCH.data.observation)
  own = online.critic_network(observation, online.policy_network(observation))
  replayed = online.critic_network(observation, _BATCH.data.action)
  return (replayed.mean() > own.mean()).numpy()


def _advantageous(networks) -> np.ndarray:
  online, _ = networks

  def value(observation):
    features = online.observation_network(observation)
    return online.critic_network(
      features, online.policy_network(features)
    ).mean()

  data = _BATCH.data
  discount = learners.DISCOUNT * data.discount
  after = data.reward + discount * value(data.next_observation)
  return (after > value(data.observation)).numpy()


@pytest.mark.parametrize(
  'name', ['better', 'better_or_imitation', 'advantage', 'all']
)
def test_an_update_is_that_of_the_loss(name):
  networks = learners.make_networks((8, 8))
  better = _better(networks)
  is_imitation = provenance.is_imitation(_BATCH.info.priority).numpy()
  passes = {
    'better': better,
    'better_or_imitation': better | is_imitation,
    'advantage': _advantageous(networks),
    'all': np.ones_like(better),
  }[name].astype(np.float32)
  expected, term, share = _expected(networks, 5.0, passes)
  learner = _make_learner(
    networks, regression_weight=5.0, regression_filter=name
  )
  learner.step()
  policy, _ = networks
  learners.assert_close(
    [v.numpy() for v in policy.policy_network.trainable_variables],
    expected,
    atol=1e-5,
  )
  (record,) = learner._logger.records
  assert record['regression_loss'] == pytest.approx(term, abs=1e-5)
  assert record['regression_share'] == pytest.approx(share)


def test_its_weight_falls_in_a_line():
  learner = _make_learner(
    learners.make_networks(),
    regression_weight=4.0,
    final_regression_weight=1.0,
    regression_decay_updates=3,
  )
  weights = []
  for _ in range(5):
    weights.append(float(learner._regression_weight(learner._num_steps)))
    learner.step()
  assert weights == pytest.approx([4.0, 3.0, 2.0, 1.0, 1.0])


def test_marks_tell_who_made_an_item():
  marks = [
    provenance.Mark(is_imitation=is_imitation)()
    for is_imitation in (True, False, True)
  ]
  told = provenance.is_imitation(tf.constant(marks, tf.float64)).numpy()
  assert told.tolist() == [True, False, True]


@pytest.mark.parametrize(
  ('weight', 'kind'),
  [
    (0.0, learning.D4PGLearner),
    (2.0, regression.RegressingD4PGLearner),
  ],
)
def test_the_builder_makes_it_where_the_config_asks_for_it(weight, kind):
  builder = d4pg_builder.D4PGBuilder(
    d4pg_config.D4PGConfig(regression_weight=weight)
  )
  dataset = fakes.make_iterator(learners.SAMPLES, learners.BATCH_SIZE)
  learner = builder.make_learner(learners.make_networks(), dataset)
  assert type(learner) is kind


@pytest.mark.parametrize(
  ('settings', 'message'),
  [
    ({'regression_filter': 'best'}, "regression_filter='best' is unknown"),
    ({'regression_weight': -1.0}, 'regression_weight=-1.0 must not be'),
    ({'regression_decay_updates': 0}, 'regression_decay_updates=0 must be'),
    (
      {'regression_filter': 'better_or_imitation', 'priority_exponent': 0.6},
      'sample uniformly, or use another filter',
    ),
  ],
)
def test_bad_settings_are_refused(settings, message):
  with pytest.raises(ValueError, match=message):
    d4pg_config.D4PGConfig(**settings)


@pytest.mark.slow
@pytest.mark.parametrize('uses_target_policy', [True, False])
def test_targets_are_of_the_actions_of_that_policy(uses_target_policy):
  assert uses_target_policy == learners.heeds_target_policy(
    lambda networks: _make_learner(
      networks, regression_weight=5.0, uses_target_policy=uses_target_policy
    )
  )
