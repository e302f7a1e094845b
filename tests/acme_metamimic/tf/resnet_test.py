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

"""Tests of the paper's residual network."""

from acme.tf import networks as acme_networks
import numpy as np
import pytest
import tensorflow as tf

from acme_metamimic.tf import resnet


def _make_images(*shape: int, seed: int = 0) -> tf.Tensor:
  random_state = np.random.RandomState(seed)
  return tf.constant(random_state.randint(256, size=shape), tf.uint8)


def _count(module) -> int:
  return sum(int(np.prod(v.shape)) for v in module.trainable_variables)


def _convolutions(module) -> list[tuple[int, ...]]:
  return [
    tuple(v.shape) for v in module.trainable_variables if v.shape.rank == 4
  ]


def test_paper_network_has_22_million_parameters_in_20_convolutions():
  torso = resnet.ResNetTorso()
  assert torso(tf.zeros([1, 128, 128, 6], tf.uint8)).shape == (1, 256)
  assert _count(torso) == 22_487_360
  convolutions = _convolutions(torso)
  assert len(convolutions) == 20
  assert max(shape[-1] for shape in convolutions) == 512
  assert {shape[:2] for shape in convolutions} == {(3, 3)}


def test_count_equals_a_sum_over_layers():
  channels = (4, 8)
  torso = resnet.ResNetTorso(channels, hidden_sizes=(16, 5))
  torso(tf.zeros([1, 20, 12, 6], tf.uint8))
  expected, previous = 0, 6
  for c in channels:
    expected += 9 * previous * c + c  # On the way to half the size.
    expected += 4 * (9 * c * c + c)  # Two blocks of two convolutions.
    expected += 4 * 2 * c  # Scale and offset before each of these.
    previous = c
  # 20 x 12 pixels were halved twice.
  expected += 5 * 3 * 8 * 16 + 16 + 2 * 16
  expected += 16 * 5 + 5 + 2 * 5
  assert _count(torso) == expected


def test_without_instance_norm():
  with_norm = resnet.ResNetTorso((4, 8))
  without = resnet.ResNetTorso((4, 8), instance_norm=False)
  images = _make_images(2, 16, 16, 6)
  assert with_norm(images).shape == without(images).shape
  assert _count(with_norm) - _count(without) == 4 * 2 * (4 + 8)
  assert not [v for v in without.variables if 'instance_norm' in v.name]
  assert _convolutions(with_norm) == _convolutions(without)


def test_block_equals_its_definition():
  block = resnet.ResidualBlock(3)
  inputs = tf.random.stateless_normal((2, 6, 5, 3), seed=(0, 1))
  block(inputs)
  # By name: 'offset', 'scale', 'b', 'w' of the two.
  values = {}
  for i, variable in enumerate(block.trainable_variables):
    variable.assign(
      tf.random.stateless_normal(variable.shape, seed=(1, i)) + 0.1
    )
    values[variable.name.removesuffix(':0').split('residual_block/')[-1]] = (
      variable.numpy()
    )

  outputs = inputs.numpy()
  for i in range(2):
    mean = outputs.mean(axis=(1, 2), keepdims=True)
    deviation = np.sqrt(outputs.var(axis=(1, 2), keepdims=True) + 1e-5)
    outputs = (outputs - mean) / deviation
    outputs = (
      outputs * values[f'instance_norm_{i}/scale']
      + values[f'instance_norm_{i}/offset']
    )
    outputs = np.where(outputs > 0, outputs, np.expm1(outputs))
    outputs = _convolve(outputs, values[f'conv_{i}/w'], values[f'conv_{i}/b'])
  np.testing.assert_allclose(
    block(inputs), inputs + outputs, rtol=1e-3, atol=1e-3
  )


def _convolve(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
  """Returns a 3 x 3 convolution with zeros around."""
  height, width = x.shape[1:3]
  padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
  return b + sum(
    padded[:, i : i + height, j : j + width] @ w[i, j]
    for i in range(3)
    for j in range(3)
  )


def test_instances_are_normalised_apart():
  """What else is in the batch makes no difference, as it would with batch norm."""
  torso = resnet.ResNetTorso((4, 8))
  images = _make_images(5, 16, 16, 6)
  np.testing.assert_allclose(torso(images)[:1], torso(images[:1]), atol=1e-5)


def test_patches_make_channels():
  torso = resnet.ResNetTorso((4,), patch_size=4)
  torso(_make_images(1, 16, 8, 6))
  # 16 pixels of 6 channels; 4 x 2 positions are halved once.
  assert (3, 3, 96, 4) in _convolutions(torso)
  linear = [v.shape for v in torso.trainable_variables if v.shape.rank == 2]
  assert linear == [(2 * 1 * 4, 256)]


def test_bytes_are_scaled_inside():
  """255 is 1 to the first convolution, as it is in IMPALA's network."""
  images = _make_images(2, 8, 8, 6)
  torso = resnet.ResNetTorso((4,))
  (group,) = torso._groups
  outputs = tf.nn.elu(group(tf.constant(images.numpy() / 255.0, tf.float32)))
  expected = torso._fully_connected(outputs)
  np.testing.assert_allclose(torso(images), expected, rtol=1e-4, atol=1e-5)


def test_gradients_reach_all_variables():
  torso = resnet.ResNetTorso((4, 8), hidden_sizes=(16, 8))
  images = _make_images(3, 16, 16, 6)
  weights = tf.random.stateless_normal((3, 8), seed=(0, 0))
  with tf.GradientTape() as tape:
    loss = tf.reduce_sum(weights * torso(images))
  for variable, gradient in zip(
    torso.trainable_variables,
    tape.gradient(loss, torso.trainable_variables),
    strict=True,
  ):
    # A bias that an instance norm takes away again has none.
    is_removed = variable.name.endswith('b:0') and 'conv_0' in variable.name
    assert is_removed or np.max(np.abs(gradient)) > 1e-6, variable.name


def test_takes_what_impalas_network_takes():
  images = _make_images(2, 16, 16, 6)
  impalas = acme_networks.ResNetTorso()(images)
  ours = resnet.ResNetTorso((16, 32, 32))(images)
  assert (impalas.shape, impalas.dtype) == (ours.shape, ours.dtype)


@pytest.mark.parametrize(
  ('images', 'message'),
  [
    (tf.zeros([16, 16, 6], tf.uint8), r'shape \(16, 16, 6\).*batch dimension'),
    (tf.zeros([2, 16, 16, 6]), 'dtype float32.*as the camera makes them'),
    (tf.zeros([2, 16, 18, 6], tf.uint8), '16 x 18 pixels.*patch_size=4'),
  ],
)
def test_images_that_do_not_fit_are_refused(images, message):
  with pytest.raises(ValueError, match=message):
    resnet.ResNetTorso((4,), patch_size=4)(images)


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ({'num_channels': ()}, r'num_channels is \(\)'),
    ({'num_channels': (4, 0)}, r'num_channels is \(4, 0\).*positive'),
    ({'hidden_sizes': ()}, r'hidden_sizes is \(\)'),
    ({'patch_size': 0}, r'patch_size is \(0,\)'),
  ],
)
def test_sizes_that_do_not_fit_are_refused(arguments, message):
  with pytest.raises(ValueError, match=message):
    resnet.ResNetTorso(**arguments)
