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
"""Auxiliary losses: what a policy's features learn to predict beside the action."""

from typing import Dict, NamedTuple, Tuple

from acme import types
import sonnet as snt
import tensorflow as tf

# The mean absolute error is in centimetres where the targets are in metres.
METRICS = ('auxiliary_loss', 'auxiliary_error_cm')


class AuxiliaryLosses(NamedTuple):
  """Loss of what a policy's features predict beside the action.

  Attributes:
    losses: weighted loss of each transition, float32[B]; or 0, float32[].
    metrics: further scalars by their names in the log, float32[] each.
  """

  losses: tf.Tensor
  metrics: Dict[str, tf.Tensor]


def check(policy_network: snt.Module, weight: float) -> None:
  """Raises a ValueError if a policy has nothing that the loss could be of.

  Args:
    policy_network: policy, a `views.ViewingPolicy` if there is such a loss.
    weight: weight of the loss.
  """
  if weight and not getattr(policy_network, 'has_auxiliary_targets', False):
    raise ValueError(
      f'auxiliary_weight={weight} needs a policy that predicts something: make '
      'the networks with auxiliary_targets, or use 0.'
    )


def act(
  policy_network: snt.Module, observation: types.NestedTensor, weight: float
) -> Tuple[tf.Tensor, AuxiliaryLosses]:
  """Returns a policy's actions, float32[B, A], and its auxiliary losses.

  Args:
    policy_network: policy that `check` has passed.
    observation: batch of observations as the policy takes them.
    weight: weight of the mean squared error of what its features predict; 0
      leaves it out.
  """
  if not weight:
    return policy_network(observation), AuxiliaryLosses(tf.zeros([]), {})
  features = policy_network.features(observation)
  errors = policy_network.auxiliary_errors(features, observation)
  squares = tf.reduce_mean(tf.square(errors), axis=-1)
  distances = tf.abs(errors) / policy_network.auxiliary_scales
  return policy_network.act(features), AuxiliaryLosses(
    weight * squares,
    {
      'auxiliary_loss': tf.reduce_mean(squares),
      'auxiliary_error_cm': 100.0 * tf.reduce_mean(distances),
    },
  )
