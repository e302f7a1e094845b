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
"""Tests of the policy loss of actions that change within a transition."""

import copy

import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.d4pg import learning
from acme_metamimic.d4pg import regression
from tests.acme_metamimic import fakes
from tests.acme_metamimic.d4pg import learners

_DATA = tree.map_structure(
  lambda x: tf.constant(x[: learners.BATCH_SIZE]), learners.SAMPLES
).data
_LEARNING_RATE = 0.1
_WEIGHT = 0.7


def _expected(networks, regression_weight: float) -> tuple[list, float]:
  """Returns the policy's variables after an update, by plain autodiff."""
  online, _ = networks
  before, after = (
    tf.stop_gradient(online.observation_network(observation))
    for observation in (_DATA.observation, _DATA.next_observation)
  )
  variables = online.policy_network.trainable_variables
  with tf.GradientTape() as tape:
    first, last = online.policy_network(before), online.policy_network(after)
    squares = tf.reduce_sum(tf.square(first - last), axis=-1)
    distances = tf.reduce_sum(tf.square(first - _DATA.action), axis=-1)
    # A regression takes the gradient where the replayed action was chosen.
    at = (before, first) if regression_weight else (after, last)
    loss = tf.reduce_mean(
      _WEIGHT * squares
      + regression_weight * distances
      - online.critic_network(*at).mean()
    )
  gradients = tape.gradient(loss, variables)
  new = [
    v.numpy() - _LEARNING_RATE * g.numpy()
    for v, g in zip(variables, gradients, strict=True)
  ]
  return new, float(tf.reduce_mean(squares))


@pytest.mark.parametrize('regression_weight', [0.0, 5.0])
def test_an_update_is_that_of_the_loss(regression_weight):
  networks = learners.make_networks((8, 8))
  expected, squares = _expected(networks, regression_weight)
  arguments = {
    **learners.arguments(networks),
    'clipping': False,
    # The critic's loss leaves everything where it is.
    'critic_optimizer': snt.optimizers.SGD(0.0),
    'policy_optimizer': snt.optimizers.SGD(_LEARNING_RATE),
    'smoothness_weight': _WEIGHT,
  }
  if regression_weight:
    learner = regression.RegressingD4PGLearner(
      regression_weight=regression_weight,
      regression_filter=d4pg_config.ALL,
      **arguments,
    )
  else:
    learner = learning.D4PGLearner(**arguments)
  learner.step()
  policy, _ = networks
  learners.assert_close(
    [v.numpy() for v in policy.policy_network.trainable_variables],
    expected,
    atol=1e-5,
  )
  (record,) = learner._logger.records
  assert record['smoothness_loss'] == pytest.approx(squares, rel=1e-4)


def test_actions_come_together_by_the_weight_of_the_config():
  networks = learners.make_networks((8, 8))
  distances = []
  for weight in (0.0, 3.0):
    pair = copy.deepcopy(networks)
    config = d4pg_config.D4PGConfig(
      smoothness_weight=weight, policy_learning_rate=1e-2
    )
    iterator = fakes.make_iterator(learners.SAMPLES, learners.BATCH_SIZE)
    learner = d4pg_builder.D4PGBuilder(config).make_learner(pair, iterator)
    for _ in range(20):
      learner.step()
    first, last = (
      learner.evaluation_policy(observation).numpy()
      for observation in (_DATA.observation, _DATA.next_observation)
    )
    distances.append(np.mean(np.square(first - last)))
  assert distances[1] < 0.3 * distances[0]


@pytest.mark.parametrize('weight', [-0.1, float('nan')])
def test_a_weight_that_is_none_is_refused(weight):
  with pytest.raises(ValueError, match=f'smoothness_weight={weight} must not'):
    d4pg_config.D4PGConfig(smoothness_weight=weight)
