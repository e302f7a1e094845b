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

"""Tests of the noise against closed form and against Acme's."""

import numpy as np
import pytest
import tensorflow as tf

from acme_metamimic import networks
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.d4pg import exploration
from tests.acme_metamimic import fakes

_SPEC = fakes.imitation_spec()


@pytest.fixture(scope='module')
def made():
  made = networks.make_imitation_networks(
    _SPEC, policy_layer_sizes=(8, 8), critic_layer_sizes=(8, 8)
  )
  made.init(_SPEC)
  return made


@pytest.fixture(scope='module')
def observations():
  """Returns a batch of one observation many times."""
  observation = fakes.FakeEnvironment(imitation=True).reset().observation
  return tf.nest.map_structure(
    lambda value: tf.repeat(value[None], 4000, axis=0), observation
  )


def test_each_component_has_a_standard_deviation_of_its_own(made, observations):
  tf.random.set_seed(0)
  config = d4pg_config.D4PGConfig(sigmas=(0.2, 0.05))
  mean = made.make_policy(_SPEC)(observations).numpy()
  # Far enough from the limits not to be clipped.
  assert np.max(np.abs(mean)) < 0.2
  noise = exploration.make_policy(made, _SPEC, config)(observations) - mean
  np.testing.assert_allclose(np.std(noise, axis=0), [0.2, 0.05], rtol=0.05)
  np.testing.assert_allclose(np.mean(noise, axis=0), 0.0, atol=0.02)
  assert abs(np.corrcoef(noise, rowvar=False)[0, 1]) < 0.1


def test_component_without_noise_and_limits_of_the_spec(made, observations):
  config = d4pg_config.D4PGConfig(sigmas=(0.0, 3.0))
  mean = made.make_policy(_SPEC)(observations).numpy()
  noisy = exploration.make_policy(made, _SPEC, config)(observations).numpy()
  np.testing.assert_array_equal(noisy[:, 0], mean[:, 0])
  assert (np.min(noisy[:, 1]), np.max(noisy[:, 1])) == (-1.0, 1.0)


def test_one_sigma_for_all_is_acmes_noise(made, observations):
  actions = []
  for policy in (
    exploration.make_policy(made, _SPEC, d4pg_config.D4PGConfig(sigma=0.4)),
    made.make_policy(_SPEC, sigma=0.4),
  ):
    tf.random.set_seed(1)
    actions.append(policy(observations).numpy())
  np.testing.assert_array_equal(*actions)


def test_no_sigmas_are_not_taken_for_the_default(made):
  config = d4pg_config.D4PGConfig(sigmas=())
  with pytest.raises(ValueError, match=r'sigmas=\(\)'):
    exploration.make_policy(made, _SPEC, config)


def test_number_of_sigmas_must_be_that_of_the_action(made):
  config = d4pg_config.D4PGConfig(sigmas=(0.1, 0.2, 0.3))
  with pytest.raises(ValueError, match=r'sigmas=\(0\.1.*shape is \(2,\)'):
    exploration.make_policy(made, _SPEC, config)


def test_noise_is_correlated_in_time_where_asked_and_as_large(made):
  tf.random.set_seed(0)
  config = d4pg_config.D4PGConfig(
    sigmas=(0.2, 0.05), noise_correlations=(0.0, 0.8)
  )
  observation = tf.nest.map_structure(
    lambda value: tf.constant(value)[None],
    fakes.FakeEnvironment(imitation=True).reset().observation,
  )
  policy = exploration.make_policy(made, _SPEC, config)
  act = tf.function(policy)
  mean = made.make_policy(_SPEC)(observation).numpy()
  noise = np.concatenate([act(observation) for _ in range(6000)]) - mean
  # The second's 6000 values count as some 700 independent ones.
  np.testing.assert_allclose(np.std(noise, axis=0), [0.2, 0.05], rtol=0.1)
  # An autoregressive process of first order: 0.8, 0.8 ** 2 and so on.
  for lag, expected in ((1, 0.8), (2, 0.64), (5, 0.33)):
    measured = [
      np.corrcoef(column[:-lag], column[lag:])[0, 1] for column in noise.T
    ]
    np.testing.assert_allclose(measured, [0.0, expected], atol=0.08)
  # An actor fetches what the learner has, by position.
  assert len(policy.variables) == len(made.make_policy(_SPEC).variables)


def test_environments_that_act_together_have_noise_of_their_own(made):
  tf.random.set_seed(0)
  config = d4pg_config.D4PGConfig(sigma=0.1, noise_correlations=(0.9, 0.9))
  observation = fakes.FakeEnvironment(imitation=True).reset().observation
  policy = exploration.make_policy(made, _SPEC, config)
  mean = made.make_policy(_SPEC)

  def noise(number: int) -> np.ndarray:
    observations = tf.nest.map_structure(
      lambda value: tf.stack([tf.constant(value)] * number), observation
    )
    act = tf.function(policy, autograph=False)
    drawn = np.array([act(observations) for _ in range(1000)])
    return drawn - mean(observations).numpy()

  for number in (2, 3):
    first = noise(number)[:, :, 0]
    assert first.shape == (1000, number)
    # Some 50 independent values each.
    assert np.abs(np.corrcoef(first.T)[0, 1]) < 0.5
    for column in first.T:
      assert np.corrcoef(column[:-1], column[1:])[0, 1] > 0.8


def test_one_sigma_and_correlations(made):
  tf.random.set_seed(0)
  config = d4pg_config.D4PGConfig(sigma=0.1, noise_correlations=(0.9, 0.9))
  observation = tf.nest.map_structure(
    lambda value: tf.constant(value)[None],
    fakes.FakeEnvironment(imitation=True).reset().observation,
  )
  policy = exploration.make_policy(made, _SPEC, config)
  noise = [policy(observation) - made.make_policy(_SPEC)(observation)]
  noise += [policy(observation) - made.make_policy(_SPEC)(observation)]
  # sqrt(1 - 0.81) of a new one's size, in each component.
  assert np.all(np.abs(noise[1] - noise[0]) < 0.1 * 4 * 0.44)
  assert np.all(noise[1] != noise[0])


def test_number_of_correlations_must_be_that_of_the_action(made):
  config = d4pg_config.D4PGConfig(noise_correlations=(0.5,))
  with pytest.raises(ValueError, match=r'noise_correlations=\(0\.5,\).*\(2,\)'):
    exploration.make_policy(made, _SPEC, config)
