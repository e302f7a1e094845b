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
"""An MLP of which all hidden layers are normalised."""

from typing import Sequence

import sonnet as snt
import tensorflow as tf


class NormalisedMLP(snt.Module):
  """Layers of linear map, layer norm and ReLU.

  Acme's `LayerNormMLP` normalises its first layer alone. In a critic this is to
  keep values from growing with actions that nobody took.

  Source: Ball et al., 2023, "Efficient Online Reinforcement Learning with Offline
  Data", section 4.2.
  """

  def __init__(self, layer_sizes: Sequence[int]):
    """Initializes the module.

    Args:
      layer_sizes: sizes of its layers.
    """
    super().__init__(name='normalised_mlp')
    layers = []
    for size in layer_sizes:
      # The distribution of the weights of Acme's MLPs.
      initializer = snt.initializers.VarianceScaling(
        scale=0.333, mode='fan_out', distribution='uniform'
      )
      layers += [
        snt.Linear(size, w_init=initializer),
        snt.LayerNorm(axis=-1, create_scale=True, create_offset=True),
        tf.nn.relu,
      ]
    self._network = snt.Sequential(layers)

  def __call__(self, inputs: tf.Tensor) -> tf.Tensor:
    """Returns the last layer, float32[B, D'], from float32[B, D]."""
    return self._network(inputs)
