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

"""Tests for the losses."""

from typing import Callable, Tuple

from acme.tf import losses as acme_losses
from acme.tf import networks
import numpy as np
import pytest
import tensorflow as tf

from acme_metamimic.d4pg import losses

# (vmin, vmax, num_atoms): the paper's (Table 1), the shortest, and an odd one.
SUPPORTS = [(0.0, 100.0, 101), (-1.0, 1.0, 2), (-7.3, 11.1, 51)]


def _distribution(
  support: Tuple[float, float, int], logits: tf.Tensor
) -> networks.DiscreteValuedDistribution:
  vmin, vmax, num_atoms = support
  values = tf.linspace(vmin, vmax, num_atoms)
  return networks.DiscreteValuedDistribution(values, logits=logits)


def _inputs(
  support: Tuple[float, float, int], batch_size: int = 512, seed: int = 0
) -> Tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
  """Logits, rewards and discounts whose targets cover the support and more."""
  vmin, vmax, num_atoms = support
  random_state = np.random.RandomState(seed)
  logits = [3 * random_state.randn(batch_size, num_atoms) for _ in range(2)]
  reward = random_state.uniform(1.5 * vmin - 1, 1.5 * vmax + 1, batch_size)
  discount = random_state.uniform(0, 1, batch_size)
  # The cases in which a target coincides with atoms: a terminal step, and the
  # identity.
  reward[: batch_size // 4] = vmin + (vmax - vmin) * random_state.randint(
    0, num_atoms, batch_size // 4
  ) / (num_atoms - 1)
  discount[: batch_size // 4] = 0.0
  reward[-8:], discount[-8:] = 0.0, 1.0
  arrays = (logits[0], logits[1], reward, discount)
  return tuple(tf.constant(array, tf.float32) for array in arrays)


def _loss_and_gradient(
  loss_fn: Callable[..., tf.Tensor],
  support: Tuple[float, float, int],
  inputs: Tuple[tf.Tensor, ...],
) -> Tuple[tf.Tensor, tf.Tensor]:
  online, target, reward, discount = inputs
  with tf.GradientTape() as tape:
    tape.watch(online)
    loss = loss_fn(
      _distribution(support, online),
      reward,
      discount,
      _distribution(support, target),
    )
  return loss, tape.gradient(loss, online)


@pytest.mark.parametrize('support', SUPPORTS)
@pytest.mark.parametrize('traced', [False, True])
def test_equals_acmes_loss_and_gradient(support, traced):
  inputs = _inputs(support)
  run = tf.function(_loss_and_gradient) if traced else _loss_and_gradient
  loss, gradient = run(losses.categorical_loss, support, inputs)
  expected, expected_gradient = run(acme_losses.categorical, support, inputs)

  assert loss.shape == expected.shape == (512,)
  np.testing.assert_allclose(loss, expected, rtol=2e-6, atol=2e-5)
  # A position on the support is rounded to about num_atoms * 1e-7 atoms.
  np.testing.assert_allclose(gradient, expected_gradient, atol=1e-5)


def test_equals_float64_projection_atom_by_atom():
  support = (0.0, 10.0, 11)
  online, target, reward, discount = _inputs(support, batch_size=32, seed=1)
  loss = losses.categorical_loss(
    _distribution(support, online),
    reward,
    discount,
    _distribution(support, target),
  )

  def softmax(logits):
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()

  for i in range(32):
    projected = np.zeros(11)
    probabilities = softmax(target[i].numpy().astype(np.float64))
    for atom, probability in enumerate(probabilities):
      value = np.clip(float(reward[i]) + float(discount[i]) * atom, 0, 10)
      low = int(np.floor(value))
      projected[low] += probability * (low + 1 - value)
      if value > low:
        projected[low + 1] += probability * (value - low)
    log_q = np.log(softmax(online[i].numpy().astype(np.float64)))
    np.testing.assert_allclose(loss[i], -projected @ log_q, rtol=1e-5)


def test_gradient_flows_into_the_online_logits_only():
  support = SUPPORTS[0]
  online, target, reward, discount = _inputs(support)
  with tf.GradientTape() as tape:
    tape.watch([online, target, reward, discount])
    loss = losses.categorical_loss(
      _distribution(support, online),
      reward,
      discount,
      _distribution(support, target),
    )
  gradients = tape.gradient(loss, [online, target, reward, discount])
  assert gradients[0] is not None
  assert gradients[1:] == [None, None, None]


def test_uses_no_tensor_of_all_pairs_of_atoms():
  support, batch_size = SUPPORTS[0], 64
  num_atoms = support[-1]

  @tf.function
  def traced(inputs):
    return _loss_and_gradient(losses.categorical_loss, support, inputs)

  graph = traced.get_concrete_function(_inputs(support, batch_size)).graph
  sizes = [
    output.shape.num_elements() or 0
    for operation in graph.get_operations()
    for output in operation.outputs
    if output.shape.is_fully_defined()
  ]
  assert max(sizes) <= 2 * batch_size * num_atoms


@pytest.mark.parametrize('name', ['reward', 'discount', 'online', 'target'])
def test_nan_reaches_the_loss_of_its_sample_only(name):
  support = SUPPORTS[0]
  inputs = _inputs(support, batch_size=8)
  index = ('online', 'target', 'reward', 'discount').index(name)
  spoilt = inputs[index].numpy()
  spoilt[3] = np.nan
  online, target, reward, discount = (
    tf.constant(spoilt) if i == index else x for i, x in enumerate(inputs)
  )
  loss = losses.categorical_loss(
    _distribution(support, online),
    reward,
    discount,
    _distribution(support, target),
  )
  np.testing.assert_array_equal(np.isnan(loss), np.arange(8) == 3)


def test_uninformed_critic_loses_the_log_of_the_number_of_atoms():
  support = SUPPORTS[0]
  _, target, reward, discount = _inputs(support)
  loss = losses.categorical_loss(
    _distribution(support, tf.zeros_like(target)),
    reward,
    discount,
    _distribution(support, target),
  )
  np.testing.assert_allclose(loss, np.full(512, np.log(101)), rtol=1e-5)


def _distribution_on(values: tf.Tensor) -> networks.DiscreteValuedDistribution:
  logits = tf.zeros(tf.concat([[4], tf.shape(values)], axis=0))
  return networks.DiscreteValuedDistribution(values, logits=logits)


@pytest.mark.parametrize(
  'values, message',
  [
    (tf.linspace([0.0, 0.0], [1.0, 2.0], 5, axis=-1), r'DiscreteValuedHead'),
    (tf.constant([1.0]), r'at least two atoms'),
    (tf.constant([0.0, 1.0, 3.0]), r'evenly spaced.*from 1.0 to 2.0'),
    (tf.constant([2.0, 1.0, 0.0]), r'evenly spaced and ascending'),
    (tf.constant([1.0, 1.0, 1.0]), r'evenly spaced and ascending'),
  ],
)
def test_unfit_support_is_refused(values, message):
  distribution = _distribution_on(values)
  with pytest.raises(ValueError, match=message):
    losses.categorical_loss(distribution, tf.zeros(4), tf.ones(4), distribution)


def test_support_of_unknown_length_is_refused():
  @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
  def loss(values):
    distribution = networks.DiscreteValuedDistribution(
      values, logits=tf.zeros([4, 5])
    )
    return losses.categorical_loss(
      distribution, tf.zeros(4), tf.ones(4), distribution
    )

  with pytest.raises(ValueError, match='static shape'):
    loss(tf.linspace(0.0, 1.0, 5))


def test_different_supports_are_refused():
  q_tm1 = _distribution_on(tf.linspace(0.0, 1.0, 5))
  q_t = _distribution_on(tf.linspace(0.0, 1.0, 7))
  with pytest.raises(ValueError, match='same vmin, vmax and num_atoms'):
    losses.categorical_loss(q_tm1, tf.zeros(4), tf.ones(4), q_t)


@pytest.mark.parametrize('traced', [False, True])
def test_dpg_loss_equals_acmes_value_and_gradient(traced):
  random_state = np.random.RandomState(0)
  action = tf.constant(random_state.uniform(-1, 1, (16, 3)), tf.float32)
  scale = tf.constant(random_state.randn(16, 3), tf.float32)
  weights = tf.constant(random_state.uniform(0, 1, 16), tf.float32)

  def acmes(action):
    with tf.GradientTape(persistent=True) as tape:
      tape.watch(action)
      q_value = tf.reduce_sum(tf.sin(scale * action), axis=-1)
      loss = acme_losses.dpg(q_value, action, tape)
      mean = tf.reduce_mean(weights * loss)
    return loss, tape.gradient(mean, action)

  def ours(action):
    dqda = scale * tf.cos(scale * action)
    with tf.GradientTape() as tape:
      tape.watch(action)
      loss = losses.dpg_loss(action, dqda)
      mean = tf.reduce_mean(weights * loss)
    return loss, tape.gradient(mean, action)

  if traced:
    acmes, ours = tf.function(acmes), tf.function(ours)
  loss, gradient = ours(action)
  expected, expected_gradient = acmes(action)
  assert loss.shape == expected.shape == (16,)
  np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(gradient, expected_gradient, atol=1e-7)


def test_dpg_loss_keeps_gradients_far_smaller_than_actions():
  action, dqda = tf.constant([[0.5]]), tf.constant([[1e-9]])
  with tf.GradientTape() as tape:
    tape.watch([action, dqda])
    loss = losses.dpg_loss(action, dqda)
  gradient, none = tape.gradient(loss, [action, dqda])
  np.testing.assert_allclose(gradient, [[-1e-9]])
  np.testing.assert_allclose(loss, [0.5e-18])
  assert none is None
