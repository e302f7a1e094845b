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
"""Smooth actions: those at the two ends of a transition are to be alike.

The critic's slope in the action is small where a step is soon corrected, and its
errors are not: a policy that follows both jumps from bound to bound and shakes what
it holds. The distance between its actions at the two observations of a transition,
n steps apart, costs what errors bring, and hardly what a motion needs.

Source: Mysore et al., 2021, "Regularizing Action Policies for Smooth Control with
Reinforcement Learning" (CAPS), the temporal term, with n steps in place of one and
squares in place of lengths. Where sampled vectors have noise, either end has its
own, and the term is CAPS's spatial one as well. The MetaMimic paper has neither.
"""

import tensorflow as tf

from acme_metamimic.d4pg import auxiliary

METRICS = ('smoothness_loss',)


def losses(
  action: tf.Tensor, other: tf.Tensor, weight: float
) -> auxiliary.AuxiliaryLosses:
  """Returns the squared distances between actions of a policy.

  Args:
    action: its actions at one end of each transition, float32[B, A].
    other: its actions at the other end, float32[B, A].
    weight: weight of the squared distance; 0 leaves it out.
  """
  if not weight:
    return auxiliary.AuxiliaryLosses(tf.zeros([]), {})
  squares = tf.reduce_sum(tf.square(action - other), axis=-1)
  return auxiliary.AuxiliaryLosses(
    weight * squares, {'smoothness_loss': tf.reduce_mean(squares)}
  )
