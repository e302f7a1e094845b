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


"""Convolutions that compute in fewer bits than their variables have."""

from typing import Callable, Tuple

import sonnet as snt
import tensorflow as tf

COMPUTE_DTYPES = (tf.float32, tf.float16, tf.bfloat16)

# Largest sum over a channel of the scaled gradients in float16, which ends at
# 65504. A filter's gradient is at most this times the largest input, which is of
# order ten after normalisation.
_SUM_OF_GRADIENTS = 1000.0

_Gradients = Tuple[tf.Tensor, tf.Tensor]


class Conv2D(snt.Conv2D):
  """Sonnet's convolution, with a type of its own for the multiplications.

  Inputs, outputs, variables and gradients are float32. Only what the convolution
  and its gradients multiply is cast. Stride and rate are 1, and the edges are
  padded with zeros.
  """

  def __init__(
    self,
    output_channels: int,
    kernel_shape: int,
    compute_dtype: tf.DType = tf.float32,
    name: str = 'conv_2d',
  ):
    """Initializes the convolution.

    Args:
      output_channels: number of channels of the output.
      kernel_shape: height and width of the filter.
      compute_dtype: type that is multiplied. float32 leaves Sonnet's convolution
        as it is. Gradients in float16 are scaled, lest they vanish; bfloat16 has
        the range of float32, and is there on a CPU with AVX-512 and oneDNN alone,
        whose code for AMX must be off (DNNL_MAX_CPU_ISA=AVX512_CORE_BF16).
      name: name of the module.

    Raises:
      ValueError: if there is no such type for it.
    """
    super().__init__(output_channels, kernel_shape, name=name)
    self._compute_dtype = tf.as_dtype(compute_dtype)
    if self._compute_dtype not in COMPUTE_DTYPES:
      raise ValueError(
        f'compute_dtype={self._compute_dtype.name}: use one of '
        f'{", ".join(dtype.name for dtype in COMPUTE_DTYPES)}.'
      )

  def __call__(self, inputs: tf.Tensor) -> tf.Tensor:
    """Convolves the inputs.

    Args:
      inputs: images or feature maps, float32[B, H, W, C].

    Returns:
      Feature maps, float32[B, H, W, C'].

    Raises:
      RuntimeError: if this processor cannot multiply in the type.
    """
    if self._compute_dtype == tf.float32:
      return super().__call__(inputs)
    self._initialize(inputs)
    outputs = _convolve(inputs, tf.identity(self.w), self._compute_dtype)
    # What oneDNN returns, without an error, where it has no code for the type.
    if outputs.shape.rank != inputs.shape.rank:
      raise RuntimeError(
        f'compute_dtype={self._compute_dtype.name}: this processor has no such '
        'convolutions (on a CPU they take AVX-512): use float32, or an accelerator.'
      )
    return tf.nn.bias_add(outputs, self.b)


def _convolve(
  inputs: tf.Tensor, filters: tf.Tensor, dtype: tf.DType
) -> tf.Tensor:
  """Returns a convolution in another type, whose gradients are in it, too."""

  @tf.custom_gradient
  def convolve(
    inputs: tf.Tensor, filters: tf.Tensor
  ) -> Tuple[tf.Tensor, Callable[[tf.Tensor], _Gradients]]:
    x, w = tf.cast(inputs, dtype), tf.cast(filters, dtype)
    settings = {'strides': [1, 1, 1, 1], 'padding': 'SAME'}
    outputs = tf.raw_ops.Conv2D(input=x, filter=w, **settings)

    def gradients(upstream: tf.Tensor) -> _Gradients:
      scale = _gradient_scale(upstream, dtype)
      dy = tf.cast(upstream * scale, dtype)
      dx = tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.shape(x), filter=w, out_backprop=dy, **settings
      )
      dw = tf.raw_ops.Conv2DBackpropFilter(
        input=x, filter_sizes=tf.shape(w), out_backprop=dy, **settings
      )
      return tf.cast(dx, tf.float32) / scale, tf.cast(dw, tf.float32) / scale

    return tf.cast(outputs, tf.float32), gradients

  return convolve(inputs, filters)


def _gradient_scale(gradients: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
  """Returns a factor that brings gradients into the range of a type.

  A gradient of a mean over a batch and over thousands of positions is less than
  float16 can hold. What is not finite stays so, as a learner has to see it.

  Args:
    gradients: gradients of a convolution's output, float32[B, H, W, C].
    dtype: type that they are to be cast to.
  """
  if dtype != tf.float16:
    return tf.ones([])
  largest = tf.reduce_max(tf.reduce_sum(tf.abs(gradients), axis=[0, 1, 2]))
  return tf.where(largest > 0, _SUM_OF_GRADIENTS / largest, 1.0)
