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


def _expected(
  networks, regression_weight: float, trains_torso: bool
) -> tuple[list, float]:
  """Returns the policy's variables after an update, by plain autodiff."""
  online, target = networks
  # A regression takes all at the online network, as it needs it anyway.
  torso = (
    online.observation_network
    if regression_weight or trains_torso
    else target.observation_network
  )
  variables = _variables(online, trains_torso)
  with tf.GradientTape() as tape:
    ends = [
      torso(observation)
      if trains_torso
      else tf.stop_gradient(torso(observation))
      for observation in (_DATA.observation, _DATA.next_observation)
    ]
    actions = [online.policy_network(end) for end in ends]
    squares = tf.reduce_sum(tf.square(actions[0] - actions[1]), axis=-1)
    distances = tf.reduce_sum(tf.square(actions[0] - _DATA.action), axis=-1)
    # A regression takes the gradient where the replayed action was chosen.
    at = 0 if regression_weight else 1
    value = online.critic_network(
      tf.stop_gradient(ends[at]), actions[at]
    ).mean()
    loss = tf.reduce_mean(
      _WEIGHT * squares + regression_weight * distances - value
    )
  gradients = tape.gradient(loss, variables)
  new = [
    v.numpy() - _LEARNING_RATE * g.numpy()
    for v, g in zip(variables, gradients, strict=True)
  ]
  return new, float(tf.reduce_mean(squares))


def _variables(online, trains_torso: bool) -> list:
  """Returns what the policy loss trains."""
  torso = online.observation_network.trainable_variables if trains_torso else ()
  return [*online.policy_network.trainable_variables, *torso]


def _make_learner(networks, regression_weight: float, **kwargs):
  arguments = {
    **learners.arguments(networks),
    'clipping': False,
    # The critic's loss leaves everything where it is.
    'critic_optimizer': snt.optimizers.SGD(0.0),
    'policy_optimizer': snt.optimizers.SGD(_LEARNING_RATE),
    **kwargs,
  }
  if not regression_weight:
    return learning.D4PGLearner(**arguments)
  return regression.RegressingD4PGLearner(
    regression_weight=regression_weight,
    regression_filter=d4pg_config.ALL,
    **arguments,
  )


@pytest.mark.parametrize('trains_torso', [False, True])
@pytest.mark.parametrize('regression_weight', [0.0, 5.0])
def test_an_update_is_that_of_the_loss(regression_weight, trains_torso):
  online, _ = learners.make_networks((8, 8))
  _, target = learners.make_networks((8, 8))
  networks = (online, target)
  expected, squares = _expected(networks, regression_weight, trains_torso)
  learner = _make_learner(
    networks,
    regression_weight,
    smoothness_weight=_WEIGHT,
    policy_trains_torso=trains_torso,
  )
  # The first update would copy the online networks to their targets.
  learner._num_steps.assign(1)
  learner.step()
  learners.assert_close(
    [v.numpy() for v in _variables(online, trains_torso)], expected, atol=1e-5
  )
  (record,) = learner._logger.records
  assert record['smoothness_loss'] == pytest.approx(squares, rel=1e-4)


@pytest.mark.parametrize('regression_weight', [0.0, 5.0])
def test_without_a_weight_there_is_no_such_loss(regression_weight):
  learner = _make_learner(learners.make_networks(), regression_weight)
  learner.step()
  (record,) = learner._logger.records
  assert 'smoothness_loss' not in record


@pytest.mark.parametrize('regression_weight', [0.0, 0.01])
def test_actions_come_together_by_the_weight_of_the_config(regression_weight):
  tf.random.set_seed(0)
  networks = learners.make_networks((8, 8))
  distances = []
  for weight in (0.0, 3.0):
    pair = copy.deepcopy(networks)
    config = d4pg_config.D4PGConfig(
      smoothness_weight=weight,
      regression_weight=regression_weight,
      policy_learning_rate=1e-2,
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
  assert distances[0] > 0.01
  assert distances[1] < 0.3 * distances[0]


@pytest.mark.parametrize('weight', [-0.1, float('nan'), float('inf')])
def test_a_weight_that_is_none_is_refused(weight):
  with pytest.raises(ValueError, match=f'smoothness_weight={weight} must not'):
    d4pg_config.D4PGConfig(smoothness_weight=weight)
