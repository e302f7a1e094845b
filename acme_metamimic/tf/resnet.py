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

"""The paper's residual network: blocks form groups, and groups the torso.

"Our best network consists of a residual network with twenty convolutional
layers, instance normalization between convolutional layers, layer normalization
between fully connected layers, and exponential linear units" (figure 3), with
512 channels and 22 million parameters (section 2.1). The paper says no more. This
network has the form of IMPALA's (Espeholt et al., 2018), with which the paper
compares it and which is `acme.tf.networks.ResNetTorso`. With four groups of 64,
128, 256 and 512 channels it has twenty convolutions, and 22 487 360 parameters
for an observation and a goal of 128 x 128 pixels.
"""

from typing import Callable, List, Sequence

import sonnet as snt
import tensorflow as tf

from acme_metamimic.tf import convolutions

Activation = Callable[[tf.Tensor], tf.Tensor]

# As in IMPALA's network: a group is a convolution, a pool that halves the image,
# and two residual blocks of two convolutions.
_BLOCKS_PER_GROUP = 2
_KERNEL_SIZE = 3
_POOL_SIZE = 3
_POOL_STRIDE = 2

# Added to the variance that instance normalisation divides by, which is zero on
# an even patch. The value is that of Ulyanov et al. (2016).
_EPSILON = 1e-5


class ResidualBlock(snt.Module):
  """Residual block of two convolutions, each preceded by its activation.

  The order is instance normalisation, activation, convolution.
  """

  def __init__(
    self,
    num_channels: int,
    instance_norm: bool = True,
    activation: Activation = tf.nn.elu,
    compute_dtype: tf.DType = tf.float32,
    name: str = 'residual_block',
  ):
    """Initializes the block.

    Args:
      num_channels: number of channels of the input, and so of the output.
      instance_norm: whether to normalise the input of each convolution, before
        the activation.
      activation: function applied to the input of each convolution.
      compute_dtype: type that the convolutions multiply.
      name: name of the module.
    """
    super().__init__(name=name)
    layers: List[Callable[[tf.Tensor], tf.Tensor]] = []
    for i in range(2):
      if instance_norm:
        layers.append(
          snt.InstanceNorm(
            create_scale=True,
            create_offset=True,
            eps=_EPSILON,
            name=f'instance_norm_{i}',
          )
        )
      layers += [
        activation,
        convolutions.Conv2D(
          num_channels, _KERNEL_SIZE, compute_dtype, name=f'conv_{i}'
        ),
      ]
    self._residual = snt.Sequential(layers)

  def __call__(self, inputs: tf.Tensor) -> tf.Tensor:
    """Adds the convolutions' output to their input.

    Args:
      inputs: feature maps, float32[B, H, W, C].

    Returns:
      Feature maps of the same shape.
    """
    return inputs + self._residual(inputs)


class ResidualGroup(snt.Module):
  """A convolution, max-pooling that halves the image, and residual blocks."""

  def __init__(
    self,
    num_channels: int,
    instance_norm: bool = True,
    activation: Activation = tf.nn.elu,
    compute_dtype: tf.DType = tf.float32,
    name: str = 'residual_group',
  ):
    """Initializes the group.

    Args:
      num_channels: number of channels of the output, C'.
      instance_norm: whether the residual blocks normalise the inputs of their
        convolutions.
      activation: activation function of the residual blocks.
      compute_dtype: type that the convolutions multiply.
      name: name of the module.
    """
    super().__init__(name=name)
    self._downscale = convolutions.Conv2D(
      num_channels, _KERNEL_SIZE, compute_dtype, name='downscale'
    )
    self._blocks = [
      ResidualBlock(
        num_channels,
        instance_norm,
        activation,
        compute_dtype,
        name=f'block_{i}',
      )
      for i in range(_BLOCKS_PER_GROUP)
    ]

  def __call__(self, inputs: tf.Tensor) -> tf.Tensor:
    """Returns feature maps of half the height and width.

    Args:
      inputs: images or feature maps, float32[B, H, W, C].

    Returns:
      Feature maps, float32[B, H / 2, W / 2, C'].
    """
    outputs = tf.nn.max_pool2d(
      self._downscale(inputs), _POOL_SIZE, _POOL_STRIDE, padding='SAME'
    )
    for block in self._blocks:
      outputs = block(outputs)
    return outputs


class ResNetTorso(snt.Module):
  """The paper's residual network (figure 3), from images to features.

  Groups of convolutions, each of which halves the image, are followed by fully
  connected layers with layer normalisation. The defaults are the paper's large
  network. IMPALA's network, with which figure 6 compares it, is
  `acme.tf.networks.ResNetTorso`.
  """

  def __init__(
    self,
    num_channels: Sequence[int] = (64, 128, 256, 512),
    hidden_sizes: Sequence[int] = (256,),
    instance_norm: bool = True,
    patch_size: int = 1,
    activation: Activation = tf.nn.elu,
    compute_dtype: tf.DType = tf.float32,
    name: str = 'resnet_torso',
  ):
    """Initializes the torso.

    Args:
      num_channels: number of channels of each group; a group has five
        convolutions. The paper has twenty convolutions and 512 channels. It does
        not say how the channels grow: that is ResNet34's, by which it says to be
        inspired (figure 6).
      hidden_sizes: sizes of the fully connected layers. The paper gives none;
        IMPALA's network has one layer of 256.
      instance_norm: whether to use instance normalisation between convolutions;
        figure 6 compares both.
      patch_size: edge in pixels of the squares that are moved into channels
        before the first convolution. 1, the paper's, leaves the image as it is; 4
        makes 16 positions of 96 channels from 64 pixels of 6, which a small
        machine convolves many times faster.
      activation: activation function of all layers; the paper has exponential
        linear units.
      compute_dtype: type that the convolutions multiply; float16 and bfloat16
        are mixed precision. Variables, normalisation, the fully connected layers
        and the features are float32 in any case.
      name: name of the module.

    Raises:
      ValueError: if a size is not positive, there is no group, or the
        convolutions have no such type.
    """
    super().__init__(name=name)
    _check_sizes('num_channels', num_channels)
    _check_sizes('hidden_sizes', hidden_sizes)
    _check_sizes('patch_size', [patch_size])
    self._patch_size = patch_size
    self._activation = activation
    self._groups = [
      ResidualGroup(
        channels, instance_norm, activation, compute_dtype, name=f'group_{i}'
      )
      for i, channels in enumerate(num_channels)
    ]
    layers: List[Callable[[tf.Tensor], tf.Tensor]] = [snt.Flatten()]
    for i, size in enumerate(hidden_sizes):
      layers += [
        snt.Linear(size, name=f'linear_{i}'),
        snt.LayerNorm(
          axis=-1, create_scale=True, create_offset=True, name=f'layer_norm_{i}'
        ),
        activation,
      ]
    self._fully_connected = snt.Sequential(layers)

  def __call__(self, images: tf.Tensor) -> tf.Tensor:
    """Returns features of images.

    Args:
      images: images, uint8[B, H, W, C]. An observation and a goal that are
        concatenated have six channels.

    Returns:
      Features, float32[B, hidden_sizes[-1]].

    Raises:
      ValueError: if the images have another rank or dtype, or do not divide into
        patches; the message has the remedy.
    """
    images = tf.convert_to_tensor(images)
    _check_images(images, self._patch_size)
    if self._patch_size > 1:
      images = tf.nn.space_to_depth(images, self._patch_size)
    # Scaled to [0, 1], as in IMPALA's network.
    outputs = tf.image.convert_image_dtype(images, tf.float32)
    for group in self._groups:
      outputs = group(outputs)
    return self._fully_connected(self._activation(outputs))


def _check_sizes(name: str, sizes: Sequence[int]) -> None:
  """Raises a ValueError unless there are sizes, all positive integers."""
  if not sizes or any(size != int(size) or size < 1 for size in sizes):
    raise ValueError(
      f'{name} is {tuple(sizes)}: give one or more positive integers.'
    )


def _check_images(images: tf.Tensor, patch_size: int) -> None:
  """Raises a ValueError unless these are batched images that patches tile."""
  if images.shape.rank != 4 or images.dtype != tf.uint8:
    raise ValueError(
      f'images have shape {images.shape} and dtype {images.dtype.name}, but '
      'this torso takes uint8 [batch, height, width, channels]: pass frames as '
      'the camera makes them, with a leading batch dimension.'
    )
  height, width = images.shape[1:3]
  if height % patch_size or width % patch_size:
    raise ValueError(
      f'images of {height} x {width} pixels do not divide into patches of '
      f'patch_size={patch_size}: choose a divisor, or another image size.'
    )
