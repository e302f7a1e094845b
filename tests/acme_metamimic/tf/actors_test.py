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

"""Tests of the actor against Acme's."""

from acme.agents.tf import actors as acme_actors
import numpy as np
import pytest
import tensorflow as tf

from acme_metamimic import networks
from acme_metamimic.tf import actors
from tests.acme_metamimic import fakes

_SPEC = fakes.imitation_spec()


@pytest.fixture
def made():
  tf.random.set_seed(0)
  made = networks.make_imitation_networks(
    _SPEC, policy_layer_sizes=(8, 8), critic_layer_sizes=(8, 8)
  )
  made.init(_SPEC)
  # The policy starts near zero, where all observations look alike.
  for variable in made.policy_network.trainable_variables:
    variable.assign_add(tf.random.normal(variable.shape))
  return made


def _make_observations(num_observations):
  environment = fakes.FakeEnvironment(imitation=True, episode_length=100)
  environment.reset()
  action = np.zeros(2, np.float32)
  return [environment.step(action).observation for _ in range(num_observations)]


def test_acts_as_acmes_actor(made):
  policy = made.make_policy(_SPEC)
  ours = actors.FeedForwardActor(policy)
  acmes = acme_actors.FeedForwardActor(policy)
  for observation in _make_observations(5):
    action = ours.select_action(observation)
    assert action.shape == (2,)
    assert action.dtype == np.float32
    # With oneDNN the two graphs round their matrix products differently.
    np.testing.assert_allclose(
      action, acmes.select_action(observation), rtol=1e-6, atol=2e-6
    )


def test_follows_the_variables(made):
  actor = actors.FeedForwardActor(made.make_policy(_SPEC))
  (observation,) = _make_observations(1)
  before = actor.select_action(observation)
  made.policy_network.trainable_variables[0].assign_add(
    tf.ones_like(made.policy_network.trainable_variables[0])
  )
  assert np.any(actor.select_action(observation) != before)


def test_noise_is_drawn_anew_and_clipped(made):
  actor = actors.FeedForwardActor(made.make_policy(_SPEC, sigma=0.5))
  (observation,) = _make_observations(1)
  sampled = np.array([actor.select_action(observation) for _ in range(50)])
  assert len(np.unique(sampled, axis=0)) > 10
  assert np.max(np.abs(sampled)) <= 1.0


def test_structure_does_not_depend_on_the_order_of_keys(made):
  actor = actors.FeedForwardActor(made.make_policy(_SPEC))
  (observation,) = _make_observations(1)
  action = actor.select_action(observation)
  reversed_order = dict(reversed(observation.items()))
  np.testing.assert_array_equal(actor.select_action(reversed_order), action)
