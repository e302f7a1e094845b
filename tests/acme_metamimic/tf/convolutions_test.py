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
"""Tests of convolutions and torsos of mixed precision."""

import copy
import functools
import multiprocessing
import os
import pathlib
from typing import Dict

from acme import specs
from acme.tf import utils as tf2_utils
import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic import networks
from acme_metamimic.d4pg import learning
from acme_metamimic.tf import convolutions
from acme_metamimic.tf import resnet
from acme_metamimic.tf import snapshots
from tests.acme_metamimic import fakes

_HALF = 2.0**-11  # Half of the distance from 1 to the next number, as below.
_BRAIN = 2.0**-8


def _inputs(*shape: int, seed: int = 0) -> tf.Tensor:
  return tf.random.stateless_normal(shape, seed=(seed, 1))


def _gradients(module, inputs, upstream):
  with tf.GradientTape() as tape:
    tape.watch(inputs)
    outputs = module(inputs)
  wanted = [inputs, *module.trainable_variables]
  return outputs, tape.gradient(outputs, wanted, output_gradients=upstream)


def _pair(dtype: tf.DType):
  """Returns a convolution of float32 and the same in another type."""
  plain = convolutions.Conv2D(6, 3)
  plain(_inputs(1, 8, 8, 4))
  mixed = convolutions.Conv2D(6, 3, dtype)
  mixed(_inputs(1, 8, 8, 4))
  tree.map_structure(lambda a, b: b.assign(a), plain.variables, mixed.variables)
  return plain, mixed


def test_without_mixed_precision_it_is_sonnets():
  ours, sonnets = convolutions.Conv2D(6, 3), snt.Conv2D(6, 3, name='conv_2d')
  inputs = _inputs(2, 8, 8, 4)
  tf.random.set_seed(0)
  expected = sonnets(inputs)
  tf.random.set_seed(0)
  np.testing.assert_array_equal(ours(inputs), expected)
  assert [v.name for v in ours.variables] == [v.name for v in sonnets.variables]


def test_half_precision_rounds_what_is_multiplied_alone():
  plain, mixed = _pair(tf.float16)
  inputs, upstream = _inputs(2, 8, 8, 4), _inputs(2, 8, 8, 6, seed=2)
  expected, expected_gradients = _gradients(plain, inputs, upstream)
  outputs, gradients = _gradients(mixed, inputs, upstream)
  assert outputs.dtype == tf.float32
  assert np.any(outputs != expected)
  # Sums of 36 products and of 128, which a CPU itself adds in this type.
  np.testing.assert_allclose(outputs, expected, atol=2 * 36 * _HALF)
  for gradient, close in zip(gradients, expected_gradients, strict=True):
    assert gradient.dtype == tf.float32
    np.testing.assert_allclose(gradient, close, atol=2 * 128 * _HALF)
  assert {v.dtype for v in mixed.variables} == {tf.float32}


@pytest.mark.parametrize('size', [1e-12, 1.0, 1e6])
def test_gradients_of_any_size_are_kept(size):
  """Float16 itself has none below 6e-8, nor above 65504."""
  plain, mixed = _pair(tf.float16)
  inputs, upstream = _inputs(2, 8, 8, 4), size * _inputs(2, 8, 8, 6, seed=2)
  _, expected = _gradients(plain, inputs, upstream)
  _, gradients = _gradients(mixed, inputs, upstream)
  for gradient, close in zip(gradients, expected, strict=True):
    np.testing.assert_allclose(gradient, close, atol=size * 2 * 128 * _HALF)


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_gradients_that_are_not_finite_stay_so(value):
  _, mixed = _pair(tf.float16)
  upstream = tf.fill((1, 8, 8, 6), np.float32(value))
  _, gradients = _gradients(mixed, _inputs(1, 8, 8, 4), upstream)
  for gradient in gradients:
    assert not np.any(np.isfinite(gradient))


def test_without_gradients_nothing_is_divided_by_zero():
  _, mixed = _pair(tf.float16)
  _, gradients = _gradients(mixed, _inputs(1, 8, 8, 4), tf.zeros((1, 8, 8, 6)))
  for gradient in gradients:
    np.testing.assert_array_equal(gradient, np.zeros(gradient.shape))


def test_other_types_are_refused():
  with pytest.raises(ValueError, match=r'compute_dtype=float64.*bfloat16'):
    resnet.ResNetTorso((4,), compute_dtype=tf.float64)


def test_export_of_a_mixed_torso_acts_as_it_does(tmp_path):
  torso = resnet.ResNetTorso((4,), (5,), compute_dtype=tf.float16)
  tf2_utils.create_variables(torso, [specs.Array((8, 8, 6), np.uint8)])
  images = _images(3, 8, 8, 6)
  expected = torso(images)
  snapshots.export_policy(torso, str(tmp_path / 'torso'))
  loaded = tf.saved_model.load(str(tmp_path / 'torso'))
  np.testing.assert_allclose(loaded(images), expected, atol=1e-5)


def _images(*shape: int, seed: int = 0) -> np.ndarray:
  return np.random.RandomState(seed).randint(256, size=shape).astype(np.uint8)


def _pixel_samples(spec: specs.EnvironmentSpec, number: int):
  samples = fakes.make_samples(fakes.imitation_spec(), number)

  def observations(seed):
    return {
      'image': _images(number, 16, 16, 3, seed=seed),
      'goal': {'image': _images(number, 16, 16, 3, seed=seed + 1)},
    }

  data = samples.data._replace(
    observation=observations(0), next_observation=observations(2)
  )
  return samples._replace(data=data)


def _losses(dtypes) -> Dict[str, Dict[str, float]]:
  """Returns what a learner logs of one update, by the type of its torso."""
  image = specs.BoundedArray((16, 16, 3), np.uint8, 0, 255)
  spec = fakes.imitation_spec()._replace(
    observations={'image': image, 'goal': {'image': image}},
    rewards=specs.Array((), np.float32),
    discounts=specs.BoundedArray((), np.float32, 0.0, 1.0),
  )
  samples = _pixel_samples(spec, number=16)
  results = {}
  for dtype in dtypes:
    tf.random.set_seed(0)
    made = networks.make_imitation_networks(
      fakes.imitation_spec()._replace(observations=spec.observations),
      policy_layer_sizes=(16,),
      critic_layer_sizes=(16,),
      vmax=10.0,
      torso=functools.partial(
        resnet.ResNetTorso, (8, 16), (32,), compute_dtype=tf.as_dtype(dtype)
      ),
    )
    online, target = made, copy.deepcopy(made)
    online.init(spec)
    target.init(spec)
    logger = fakes.RecordingLogger()
    learner = learning.D4PGLearner(
      policy_network=online.policy_network,
      critic_network=online.critic_network,
      observation_network=online.observation_network,
      target_policy_network=target.policy_network,
      target_critic_network=target.critic_network,
      target_observation_network=target.observation_network,
      discount=0.9,
      target_update_period=100,
      dataset_iterator=fakes.make_iterator(samples, batch_size=16),
      logger=logger,
    )
    learner.step()
    # The policy's loss is small beside its terms: a mean of dQ/da a.
    results[dtype] = {
      name: logger.records[-1][name]
      for name in ('critic_loss', 'q_mean', 'critic_gradient_norm')
    }
  return results


@pytest.mark.slow
def test_losses_are_those_of_float32_to_the_rounding_of_half_precision():
  results = _losses(['float32', 'float16'])
  for name, value in results['float32'].items():
    np.testing.assert_allclose(
      results['float16'][name], value, rtol=10 * _HALF, err_msg=name
    )
  assert results['float16'] != results['float32']


def _has_avx512() -> bool:
  return 'avx512bw' in pathlib.Path('/proc/cpuinfo').read_text()


@pytest.mark.slow
def test_losses_are_those_of_float32_to_the_rounding_of_bfloat16(monkeypatch):
  # TensorFlow for CPUs has such convolutions with oneDNN alone, and reads that
  # when it is imported.
  monkeypatch.setitem(os.environ, 'TF_ENABLE_ONEDNN_OPTS', '1')
  # Its filters' gradients for AMX never end.
  monkeypatch.setitem(os.environ, 'DNNL_MAX_CPU_ISA', 'AVX512_CORE_BF16')
  with multiprocessing.get_context('spawn').Pool(1) as pool:
    if not _has_avx512():
      with pytest.raises(RuntimeError, match='bfloat16: this processor has no'):
        pool.apply(_losses, [['float32', 'bfloat16']])
      return
    results = pool.apply(_losses, [['float32', 'bfloat16']])
  for name, value in results['float32'].items():
    np.testing.assert_allclose(
      results['bfloat16'][name], value, rtol=10 * _BRAIN, err_msg=name
    )
  assert results['bfloat16'] != results['float32']
