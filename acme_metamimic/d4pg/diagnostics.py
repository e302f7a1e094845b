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

"""Metrics that tell whether a distributional critic learns as it should."""

from typing import Dict

from acme.tf import networks
import numpy as np
import tensorflow as tf

# Keys of `value_metrics`.
VALUE_METRICS = ('q_spread', 'clipped_low', 'clipped_high')
_QUANTILES = (0.1, 0.5, 0.9)


def value_metrics(
  q_t: networks.DiscreteValuedDistribution, r_t: tf.Tensor, d_t: tf.Tensor
) -> Dict[str, tf.Tensor]:
  """Measures how well the critic's support fits its targets.

  Args:
    q_t: target critic's value distributions of the next states, logits
      float32[B, K].
    r_t: n-step returns, float32[B].
    d_t: discounts of the next states' values, with the agent's own discount
      included, float32[B].

  Returns:
    Scalars, float32[] each: `q_spread`, the standard deviation of the return
    that the critic predicts, averaged over the batch; `clipped_low` and
    `clipped_high`, the shares of the targets' probability mass that fall below
    Vmin and above Vmax and are moved there. A share that is not close to 0 says
    that the support is too narrow.
  """
  atoms = q_t.values
  probabilities = tf.nn.softmax(q_t.logits)
  mean = tf.linalg.matvec(probabilities, atoms)
  variance = tf.linalg.matvec(probabilities, tf.square(atoms)) - mean**2
  target = r_t[:, tf.newaxis] + d_t[:, tf.newaxis] * atoms
  # A value at the edge is rounded to either side of it.
  margin = 1e-3 * (atoms[1] - atoms[0])

  def share(outside: tf.Tensor) -> tf.Tensor:
    mass = tf.where(outside, probabilities, tf.zeros_like(probabilities))
    return tf.reduce_mean(tf.reduce_sum(mass, axis=-1))

  return {
    'q_spread': tf.reduce_mean(tf.sqrt(tf.maximum(variance, 0.0))),
    'clipped_low': share(target < atoms[0] - margin),
    'clipped_high': share(target > atoms[-1] + margin),
  }


def rewarding_share(reward: tf.Tensor) -> tf.Tensor:
  """Computes the share of transitions that have a reward.

  Args:
    reward: n-step returns, float32[B].

  Returns:
    Share of the returns that are not zero, float32[].
  """
  return tf.reduce_mean(tf.cast(tf.not_equal(reward, 0.0), tf.float32))


def priority_metrics(priorities: np.ndarray) -> Dict[str, float]:
  """Computes quantiles of new priorities.

  Args:
    priorities: priorities of N items, float32[N].

  Returns:
    The 10 %, 50 % and 90 % quantiles, as `priority_10`, `priority_50` and
    `priority_90`.
  """
  return {
    f'priority_{quantile * 100:.0f}': float(value)
    for quantile, value in zip(
      _QUANTILES, np.quantile(priorities, _QUANTILES), strict=True
    )
  }
