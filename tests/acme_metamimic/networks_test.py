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

"""Tests of the default networks."""

import copy
from typing import Any

from acme import specs
import numpy as np
import pytest
import tensorflow as tf
import tree

from acme_metamimic import networks
from tests.acme_metamimic import fakes

_SIZES: Any = {'policy_layer_sizes': (8, 8), 'critic_layer_sizes': (8, 8)}


def _make_batch(spec, batch_size=5):
  random_state = np.random.RandomState(1)
  return tree.map_structure(
    lambda s: tf.constant(random_state.randn(batch_size, *s.shape), tf.float32),
    spec.observations,
  )


def test_imitation_observation_with_scaled_differences():
  spec = fakes.imitation_spec()
  scale = {'body': np.array([1.0, 10.0, 100.0])}
  batch = _make_batch(spec)
  made = networks.make_imitation_networks(spec, goal_difference_scale=scale)

  actual = made.observation_network(batch)

  difference = (batch['goal']['body'] - batch['body']) * [1.0, 10.0, 100.0]
  assert np.any(np.abs(difference) > 5.0)
  assert np.any(np.abs(difference) < 5.0)
  expected = [
    batch['blocks'],
    batch['body'],
    # No scale was given for the blocks, whose goal is shown itself.
    batch['goal']['blocks'],
    np.clip(difference, -5.0, 5.0),
  ]
  np.testing.assert_allclose(
    actual, np.concatenate(expected, axis=1), rtol=1e-5
  )
  assert actual.dtype == tf.float32


def test_imitation_observation_without_scale():
  spec = fakes.imitation_spec()
  batch = _make_batch(spec)
  actual = networks.make_imitation_networks(spec).observation_network(batch)
  expected = [
    batch['blocks'],
    batch['body'],
    batch['goal']['blocks'],
    batch['goal']['body'],
  ]
  np.testing.assert_array_equal(actual, np.concatenate(expected, axis=1))


def test_task_observation_is_scaled():
  spec = fakes.task_spec()
  batch = _make_batch(spec)
  made = networks.make_task_networks(spec, observation_scale={'blocks': 3.0})
  np.testing.assert_allclose(
    made.observation_network(batch),
    np.concatenate([3.0 * batch['blocks'], batch['body']], axis=1),
    rtol=1e-6,
  )


def _sums(*keys: str) -> networks.Details:
  """The sum of each vector."""
  return networks.Details(
    keys,
    lambda seen: tf.stack(
      [tf.reduce_sum(seen[key], axis=-1) for key in keys], axis=-1
    ),
  )


def test_details_come_after_the_observation():
  spec = fakes.task_spec()
  batch = _make_batch(spec)
  made = networks.make_task_networks(
    spec, observation_scale={'body': 9.0}, details=_sums('body', 'blocks')
  )
  body, blocks = batch['body'].numpy(), batch['blocks'].numpy()
  expected = [
    blocks,
    9.0 * body,
    # Of what is observed, before it is scaled.
    body.sum(axis=1, keepdims=True),
    blocks.sum(axis=1, keepdims=True),
  ]
  np.testing.assert_allclose(
    made.observation_network(batch), np.concatenate(expected, 1), rtol=1e-5
  )


def test_details_of_keys_that_a_view_leaves_out_are_the_others():
  spec = fakes.task_spec()
  made = networks.make_task_networks(
    spec,
    details=_sums('body'),
    policy_keys=('blocks',),
    critic_keys=('blocks', 'body'),
    **_SIZES,
  )
  made.init(spec)
  blocks = spec.observations['blocks'].shape[0]
  actions = spec.actions.shape[0]
  for network, size in (
    (made.policy_network, blocks),
    (made.critic_network, blocks + 3 + 1 + actions),
  ):
    assert (size, 8) in {tuple(v.shape) for v in network.trainable_variables}


def test_details_of_what_is_no_vector_are_refused():
  spec = fakes.task_spec()
  with pytest.raises(ValueError, match=r"details need \['head'\].*'blocks'"):
    networks.make_task_networks(spec, details=_sums('body', 'head'))
  one_array = spec._replace(observations=specs.Array((4,), np.float32))
  with pytest.raises(
    ValueError, match=r"details need \['body'\].*observe them"
  ):
    networks.make_task_networks(one_array, details=_sums('body'))
  image = specs.Array((8, 8, 3), np.uint8)
  pictures = spec._replace(observations={'image': image})
  with pytest.raises(ValueError, match=r"details need \['image'\]"):
    networks.make_task_networks(pictures, details=_sums('image'))


def test_task_networks_leave_the_goal_out():
  from_imitation = networks.make_task_networks(fakes.imitation_spec(), **_SIZES)
  from_imitation.init(fakes.task_spec())
  from_task = networks.make_task_networks(fakes.task_spec(), **_SIZES)
  from_task.init(fakes.task_spec())
  for name in ('policy_network', 'critic_network'):
    assert [v.shape for v in getattr(from_imitation, name).variables] == [
      v.shape for v in getattr(from_task, name).variables
    ]


def test_observation_may_be_one_array():
  spec = fakes.task_spec()._replace(observations=specs.Array((4,), np.float32))
  made = networks.make_task_networks(spec, **_SIZES)
  made.init(spec)
  action = made.make_policy(spec)(tf.ones([1, 4]))
  assert action.shape == (1, 2)


def test_actions_fill_their_bounds():
  spec = fakes.imitation_spec()
  low, high = np.array([-2.0, 1.0]), np.array([4.0, 3.0])
  spec = spec._replace(actions=specs.BoundedArray((2,), np.float32, low, high))
  made = networks.make_imitation_networks(spec, **_SIZES)
  made.init(spec)
  batch = _make_batch(spec)
  policy = made.make_policy(spec)
  # Near the middle at first, and never outside.
  np.testing.assert_allclose(
    policy(batch), np.full((5, 2), [1.0, 2.0]), atol=0.1
  )
  for variable in made.policy_network.trainable_variables:
    variable.assign(variable * 1e5)
  actions = policy(batch)
  assert np.all(actions >= low)
  assert np.all(actions <= high)
  assert np.ptp(actions) > 1.0


@pytest.mark.parametrize(
  'make', [networks.make_imitation_networks, networks.make_task_networks]
)
def test_critic_has_the_atoms_of_the_support(make):
  spec = fakes.imitation_spec()
  made = make(spec, vmin=-1.0, vmax=3.0, num_atoms=5, **_SIZES)
  values = made.critic_network(tf.ones([4, 6]), tf.zeros([4, 2]))
  np.testing.assert_allclose(values.values, [-1.0, 0.0, 1.0, 2.0, 3.0])
  assert values.logits.shape == (4, 5)


@pytest.mark.parametrize(
  'make', [networks.make_imitation_networks, networks.make_task_networks]
)
def test_all_layers_of_a_normalised_critic_are_normalised(make):
  for normalised, number in (
    (False, 1),
    (True, len(_SIZES['critic_layer_sizes'])),
  ):
    made = make(fakes.imitation_spec(), normalised_critic=normalised, **_SIZES)
    made.critic_network(tf.zeros([1, 6]), tf.zeros([1, 2]))
    scales = [
      v
      for v in made.critic_network.trainable_variables
      if v.name.endswith('/scale:0')
    ]
    assert len(scales) == number


def test_copies_have_variables_of_their_own():
  spec = fakes.imitation_spec()
  online = networks.make_imitation_networks(spec, **_SIZES)
  target = copy.deepcopy(online)
  online.init(spec)
  target.init(spec)
  assert online.policy_network.variables
  assert not online.observation_network.variables
  for name in ('policy_network', 'critic_network'):
    ours = {v.ref() for v in getattr(online, name).variables}
    assert not ours & {v.ref() for v in getattr(target, name).variables}


@pytest.mark.parametrize(
  ('scale', 'message'),
  [
    ({'head': 1.0}, "has the key 'head'"),
    ({'body': np.ones(4)}, r'array of shape \(3,\)'),
    ({'body': np.ones((2, 3))}, r"\['body'\] has shape \(2, 3\)"),
  ],
)
def test_scale_that_does_not_fit_is_refused(scale, message):
  with pytest.raises(ValueError, match=f'goal_difference_scale.*{message}'):
    networks.make_imitation_networks(
      fakes.imitation_spec(), goal_difference_scale=scale
    )
  with pytest.raises(ValueError, match=f'observation_scale.*{message}'):
    networks.make_task_networks(fakes.task_spec(), observation_scale=scale)


def test_scale_of_a_plain_observation_is_refused():
  spec = fakes.task_spec()._replace(observations=specs.Array((4,), np.float32))
  with pytest.raises(ValueError, match='the observation is one array'):
    networks.make_task_networks(spec, observation_scale={'body': 1.0})


def test_specs_are_checked():
  with pytest.raises(ValueError, match="without the key 'goal'"):
    networks.make_imitation_networks(fakes.task_spec())
  spec = fakes.task_spec()._replace(actions=specs.Array((2,), np.float32))
  with pytest.raises(ValueError, match='BoundedArray'):
    networks.make_task_networks(spec)
