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
"""The learner of D4PGfD."""

from typing import Any

from acme import types
import tensorflow as tf

from acme_metamimic.d4pg import learning
from acme_metamimic.d4pg import losses


class D4PGfDLearner(learning.D4PGLearner):
  """D4PG learner with the priorities and the weight decay of D4PGfD."""

  def __init__(
    self,
    *,
    action_gradient_coefficient: float,
    priority_offset: float,
    weight_decay: float,
    **arguments: Any,
  ):
    """Initializes the learner.

    Args:
      action_gradient_coefficient: coefficient lambda_3 of the squared gradient
        |dQ/da|^2 in the priorities.
      priority_offset: constant epsilon in the priorities.
      weight_decay: coefficient lambda_2 of the squared weights in both losses.
      **arguments: arguments of `learning.D4PGLearner`.
    """
    self._action_gradient_coefficient = action_gradient_coefficient
    self._priority_offset = priority_offset
    self._weight_decay = weight_decay
    super().__init__(**arguments)

  def _priorities(
    self, transitions: types.Transition, td_losses: tf.Tensor
  ) -> tf.Tensor:
    """Adds the squared gradient |dQ/da|^2 and the offset to the losses."""
    _, dqda = losses.action_gradient(
      self._critic_network,
      self._observation_network(transitions.observation),
      transitions.action,
    )
    return (
      td_losses
      + self._action_gradient_coefficient
      * tf.reduce_sum(tf.square(dqda), axis=-1)
      + self._priority_offset
    )

  def _apply(
    self, optimizer: Any, gradients: Any, variables: Any, norm: tf.Tensor
  ) -> None:
    """Adds the gradient of the squared weights, and then applies as the base."""
    del norm  # It lacks that gradient.
    gradients = [
      g + 2.0 * self._weight_decay * v for g, v in zip(gradients, variables)
    ]
    super()._apply(
      optimizer, gradients, variables, tf.linalg.global_norm(gradients)
    )
