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

import numpy as np
import tensorflow as tf

from acme_metamimic.tf import mlps


def _layer(inputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
  outputs = inputs @ weights
  centred = outputs - outputs.mean(axis=-1, keepdims=True)
  deviation = np.sqrt(np.mean(centred**2, axis=-1, keepdims=True) + 1e-5)
  return np.maximum(centred / deviation, 0.0)


def test_each_layer_is_linear_normalised_and_rectified():
  tf.random.set_seed(0)
  inputs = np.random.RandomState(0).randn(5, 3).astype(np.float32)
  mlp = mlps.NormalisedMLP((8, 4))
  actual = tf.function(mlp)(tf.constant(inputs)).numpy()
  expected = inputs
  for variable in mlp.trainable_variables:
    if variable.name.endswith('w:0'):
      expected = _layer(expected, variable.numpy())
  np.testing.assert_allclose(actual, expected, atol=1e-4)
