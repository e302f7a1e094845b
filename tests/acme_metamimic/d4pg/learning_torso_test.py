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

"""Tests of which loss trains the observation network."""

import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic.tf import optimizers
from tests.acme_metamimic.d4pg import learners


@pytest.mark.parametrize('policy_trains_torso', [False, True])
def test_torso_is_trained_by_the_losses_chosen(policy_trains_torso):
  networks = learners.make_networks((8, 8))
  online, _ = networks
  batch = tree.map_structure(
    lambda x: tf.constant(x[: learners.BATCH_SIZE]), learners.SAMPLES.data
  )
  torso = online.observation_network.trainable_variables
  learning_rate = 0.1
  # The targets equal the online networks in the first update.
  with tf.GradientTape() as tape:
    o_t = online.observation_network(batch.next_observation)
    action = online.policy_network(o_t)
    fixed = tf.stop_gradient(action)
    with tf.GradientTape() as action_tape:
      action_tape.watch(fixed)
      q_value = online.critic_network(tf.stop_gradient(o_t), fixed).mean()
    # Ascends Q along the action alone, not along what the critic sees.
    dqda = tf.stop_gradient(action_tape.gradient(q_value, fixed))
    loss = -tf.reduce_mean(tf.reduce_sum(dqda * action, axis=-1))
  gradients = tape.gradient(loss, torso)
  assert all(np.max(np.abs(g)) > 1e-4 for g in gradients)
  before = [v.numpy() for v in torso]

  # The critic's loss leaves everything where it is.
  learner = learners.make_learner(
    networks,
    clipping=False,
    policy_trains_torso=policy_trains_torso,
    critic_optimizer=snt.optimizers.SGD(0.0),
    policy_optimizer=snt.optimizers.SGD(learning_rate),
  )
  learner.step()

  expected = [
    b - policy_trains_torso * learning_rate * g.numpy()
    for b, g in zip(before, gradients, strict=True)
  ]
  learners.assert_close([v.numpy() for v in torso], expected, atol=1e-7)


@pytest.mark.slow
def test_optimizers_that_share_the_torso_resume(tmp_path):
  def make(networks, skip=0):
    return learners.make_learner(
      networks,
      skip,
      policy_trains_torso=True,
      checkpoint_directory=str(tmp_path),
      policy_optimizer=optimizers.FusedAdam(1e-2),
      critic_optimizer=optimizers.FusedAdam(1e-2),
    )

  networks, resumed_networks = (
    learners.make_networks(),
    learners.make_networks(),
  )
  learner = make(networks)
  learner.step()
  assert learner.save()
  learner.step()
  resumed = make(resumed_networks, skip=1)
  resumed.step()
  learners.assert_close(
    learners.variables(resumed_networks),
    learners.variables(networks),
    rtol=0,
  )


@pytest.mark.slow
@pytest.mark.parametrize('uses_target_policy', [True, False])
def test_targets_are_of_the_actions_of_that_policy(uses_target_policy):
  assert uses_target_policy == learners.heeds_target_policy(
    lambda networks: learners.make_learner(
      networks, uses_target_policy=uses_target_policy
    )
  )
