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

"""Tests of the learner's metrics."""

from acme.tf import networks
import numpy as np
import tensorflow as tf

from acme_metamimic.d4pg import diagnostics


def _distribution(probabilities: list) -> networks.DiscreteValuedDistribution:
  logits = np.log(np.array(probabilities, np.float32) + 1e-12)
  values = tf.constant([0.0, 1.0, 2.0])
  return networks.DiscreteValuedDistribution(values, tf.constant(logits))


def _metrics(
  probabilities: list, reward: list, discount: list
) -> dict[str, float]:
  metrics = diagnostics.value_metrics(
    _distribution(probabilities), tf.constant(reward), tf.constant(discount)
  )
  return {name: float(value) for name, value in metrics.items()}


def test_spread_is_the_mean_standard_deviation():
  metrics = _metrics([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]], [0.0, 0.0], [1.0, 1.0])
  np.testing.assert_allclose(metrics['q_spread'], 0.5, atol=1e-4)


def test_clipped_mass_counts_what_leaves_the_support():
  # 0.5 + z leaves at the top with the last atom; -1.5 + z at the bottom with
  # the first two.
  metrics = _metrics([[0.2, 0.3, 0.5]] * 2, [0.5, -1.5], [1.0, 1.0])
  np.testing.assert_allclose(metrics['clipped_high'], 0.5 / 2, atol=1e-6)
  np.testing.assert_allclose(metrics['clipped_low'], 0.5 / 2, atol=1e-6)


def test_targets_at_the_edges_are_not_clipped():
  metrics = _metrics([[0.2, 0.3, 0.5]], [0.0], [1.0])
  assert metrics['clipped_low'] == metrics['clipped_high'] == 0.0


def test_rewarding_share():
  reward = tf.constant([0.0, 0.125, 1.0, 0.0, 0.0])
  np.testing.assert_allclose(diagnostics.rewarding_share(reward), 0.4)


def test_priority_quantiles():
  metrics = diagnostics.priority_metrics(np.arange(101, dtype=np.float32))
  assert metrics == {'priority_10': 10, 'priority_50': 50, 'priority_90': 90}
