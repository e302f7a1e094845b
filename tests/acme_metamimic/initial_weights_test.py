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
"""Tests that networks start from weights of their own, which a seed fixes.

Keras's initialisers of version 2.10 and newer give the same values at each call,
whatever the seed of TensorFlow: all hidden layers of Acme's `LayerNormMLP` would
start alike, and nothing would say so.
"""

import itertools
from typing import Any, Callable, Dict, List

from acme import specs
from acme.tf import networks as acme_networks
import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf

from acme_metamimic import networks
from acme_metamimic.tf import resnet
from tests.acme_metamimic import fakes

_IMAGE = specs.BoundedArray((16, 16, 3), np.uint8, 0, 255)
_SIZES: Any = {
  'policy_layer_sizes': (16, 16, 16),
  'critic_layer_sizes': (16, 16, 16),
}


def _torso() -> resnet.ResNetTorso:
  return resnet.ResNetTorso((4, 4), hidden_sizes=(16, 16))


def _image_spec() -> specs.EnvironmentSpec:
  return fakes.imitation_spec()._replace(
    observations={'image': _IMAGE, 'goal': {'image': _IMAGE}}
  )


def _made(make: Callable, spec: specs.EnvironmentSpec) -> List[tf.Variable]:
  made = make(spec, torso=_torso, **_SIZES)
  made.init(spec)
  return [
    variable
    for network in (
      made.policy_network,
      made.critic_network,
      made.observation_network,
    )
    for variable in network.trainable_variables
  ]


def _called(module: snt.Module, inputs: tf.Tensor) -> List[tf.Variable]:
  module(inputs)
  return list(module.trainable_variables)


_VECTORS = tf.zeros([1, 16])
_NETWORKS: Dict[str, Callable[[], List[tf.Variable]]] = {
  'imitation': lambda: _made(
    networks.make_imitation_networks, fakes.imitation_spec()
  ),
  'task': lambda: _made(networks.make_task_networks, fakes.task_spec()),
  'images': lambda: _made(networks.make_imitation_networks, _image_spec()),
  'layer_norm_mlp': lambda: _called(
    acme_networks.LayerNormMLP((16, 16, 16), activate_final=True), _VECTORS
  ),
  'near_zero': lambda: _called(
    acme_networks.NearZeroInitializedLinear(16), _VECTORS
  ),
  'resnet': lambda: _called(_torso(), tf.zeros([1, 16, 16, 6], tf.uint8)),
}


def _random(variables: List[tf.Variable]) -> Dict[str, np.ndarray]:
  """Returns the tensors that are not constant, such as offsets and scales."""
  values = {
    f'{i}: {variable.name}': variable.numpy().ravel()
    for i, variable in enumerate(variables)
  }
  return {name: value for name, value in values.items() if np.ptp(value) > 0}


def _check_distinct(tensors: Dict[str, np.ndarray]) -> None:
  """Fails if two tensors are alike, be it in another scale or shape."""
  for (a, x), (b, y) in itertools.combinations(tensors.items(), 2):
    size = min(len(x), len(y))
    correlation = np.corrcoef(x[:size], y[:size])[0, 1]
    assert abs(correlation) < 0.9, f'{a} and {b} start alike.'


@pytest.mark.parametrize('name', _NETWORKS)
@pytest.mark.parametrize('seed', [None, 3])
def test_no_two_tensors_start_alike(name, seed):
  if seed is not None:
    tf.random.set_seed(seed)
  # Those of two networks, made one after the other.
  tensors = _random(_NETWORKS[name]() + _NETWORKS[name]())
  assert len(tensors) >= 2
  _check_distinct(tensors)


@pytest.mark.parametrize('name', _NETWORKS)
def test_a_seed_fixes_the_weights(name):
  made = []
  for seed in (3, 3, 4):
    tf.random.set_seed(seed)
    made.append([variable.numpy() for variable in _NETWORKS[name]()])
  for first, same in zip(made[0], made[1], strict=True):
    np.testing.assert_array_equal(first, same)
  for first, other in zip(made[0], made[2], strict=True):
    assert np.ptp(first) == 0 or np.any(first != other)


def test_networks_that_start_alike_are_found():
  values = np.random.RandomState(0).normal(size=100)
  with pytest.raises(AssertionError, match='a and b start alike'):
    _check_distinct({'a': values, 'b': 3.0 * values[:50]})


def test_weights_are_random_and_offsets_are_not():
  variables = _NETWORKS['imitation']()
  random = _random(variables)
  assert all(name.endswith('w:0') for name in random)
  assert len(random) == sum(v.name.endswith('w:0') for v in variables)
