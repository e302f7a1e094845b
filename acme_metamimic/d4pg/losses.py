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

"""Losses of D4PG: of the distributional critic and of the policy."""

from typing import Callable, Optional, Tuple

from acme.tf import networks
import numpy as np
import sonnet as snt
import tensorflow as tf

# Spacings of a support may differ by this share of their mean. Rounding a
# `linspace` to float32 stays far below, a support that is not uniform above.
_SPACING_TOLERANCE = 1e-3


def categorical_loss(
  q_tm1: networks.DiscreteValuedDistribution,
  r_t: tf.Tensor,
  d_t: tf.Tensor,
  q_t: networks.DiscreteValuedDistribution,
) -> tf.Tensor:
  """Distributional TD(0) loss on a uniform support, D4PG's critic loss.

  Equal to `acme.tf.losses.categorical`, in value and gradient. There the
  projection of the target works for any support and compares each pair of
  atoms, in `[B, K, K]` tensors. On a uniform support an atom's neighbours are
  known from its value alone, so that two additions per atom are enough.

  Source: Bellemare et al., 2017, "A Distributional Perspective on Reinforcement
  Learning", algorithm 1; used by D4PG and so by MetaMimic (appendix C.1).

  Args:
    q_tm1: value distributions of the sampled states and actions, logits
      float32[B, K]. The loss's gradient flows into these logits only.
    r_t: n-step returns, float32[B].
    d_t: discounts of the next states' values, with the agent's own discount
      included, float32[B].
    q_t: value distributions of the next states, logits float32[B, K], with
      atoms float32[K] that are evenly spaced and ascending. `q_tm1` must have
      the same atoms.

  Returns:
    The cross-entropy between the projected target and `q_tm1`, float32[B].

  Raises:
    ValueError: if the atoms are not a vector whose length is known when the
      function is traced, do not match `q_tm1`, or are known not to be uniform.
  """
  _check_support(q_tm1, q_t)
  target = tf.stop_gradient(_project_target(r_t, d_t, q_t))
  # Summing the target and leaving the rest to one fused operation beats
  # gathering the two log-probabilities (0.35 against 0.47 ms at B = 64, 0.58
  # against 1.01 ms at B = 256; K = 101, one thread, gradient included): a target
  # needs no gradient, whereas the gradient of a gather is a scatter. Acme's loss
  # took 3.0 and 14.1 ms.
  return tf.nn.softmax_cross_entropy_with_logits(
    labels=target, logits=q_tm1.logits
  )


def action_gradient(
  critic_network: snt.Module,
  observation: tf.Tensor,
  action: tf.Tensor,
  max_norm: Optional[float] = None,
) -> Tuple[tf.Tensor, tf.Tensor]:
  """Computes the critic's values Q(o, a) and their gradients dQ/da.

  Args:
    critic_network: critic, from observations and actions to value
      distributions.
    observation: observations in the form that the critic takes, [B, ...].
    action: actions, float32[B, A].
    max_norm: L2 norm that the gradient of each transition is clipped to; None
      leaves gradients as they are.

  Returns:
    The values, float32[B], and the gradients, float32[B, A].
  """
  with tf.GradientTape(watch_accessed_variables=False) as tape:
    tape.watch(action)
    q_value = critic_network(observation, action).mean()
  dqda = tape.gradient(q_value, action)
  if max_norm is not None:
    dqda = tf.clip_by_norm(dqda, max_norm, axes=-1)
  return q_value, dqda


@tf.custom_gradient
def dpg_loss(
  action: tf.Tensor, dqda: tf.Tensor
) -> Tuple[tf.Tensor, Callable[[tf.Tensor], Tuple[tf.Tensor, None]]]:
  """Deterministic policy gradient loss, D4PG's policy loss.

  Equal to `acme.tf.losses.dpg`: half the squared distance of an action from
  `action + dqda`, which is held constant, so that the gradient in the action is
  `-dqda`. Here neither is computed from that sum, which would round small
  gradients away.

  Source: Silver et al., 2014, "Deterministic Policy Gradient Algorithms"; used
  by D4PG and so by MetaMimic (appendix C.1).

  Args:
    action: the policy's actions, float32[B, A]. The loss's gradient flows into
      these only.
    dqda: gradients of the critic's values in the actions, clipped or not,
      float32[B, A].

  Returns:
    The loss of each action, float32[B].
  """

  def gradient(upstream: tf.Tensor) -> Tuple[tf.Tensor, None]:
    return -upstream[:, tf.newaxis] * dqda, None

  return 0.5 * tf.reduce_sum(tf.square(dqda), axis=-1), gradient


def _project_target(
  r_t: tf.Tensor,
  d_t: tf.Tensor,
  q_t: networks.DiscreteValuedDistribution,
) -> tf.Tensor:
  """Projects the distribution of `r_t + d_t * Z` onto the atoms of Z.

  Args:
    r_t: n-step returns, float32[B].
    d_t: discounts of the next states' values, float32[B].
    q_t: distributions of Z, the next states' values, logits float32[B, K], on a
      uniform support.

  Returns:
    Probabilities of the atoms, float32[B, K].
  """
  num_atoms = q_t.values.shape[0]
  first, last = q_t.values[0], q_t.values[-1]

  # The Bellman update of each atom, as a position on the support: [B, K].
  target_values = (
    tf.reshape(r_t, (-1, 1)) + tf.reshape(d_t, (-1, 1)) * q_t.values
  )
  target_values = tf.clip_by_value(target_values, first, last)
  positions = (target_values - first) * ((num_atoms - 1) / (last - first))

  # Clipping the *integers* keeps them in range when a position is NaN: the NaN
  # then reaches the loss by way of `fraction` instead of vanishing.
  lower = tf.cast(tf.floor(positions), tf.int32)
  lower = tf.clip_by_value(lower, 0, num_atoms - 2)
  fraction = positions - tf.cast(lower, positions.dtype)

  # Each atom's probability is shared between its two neighbours.
  probabilities = tf.nn.softmax(q_t.logits)
  to_upper = probabilities * fraction
  to_lower = probabilities - to_upper
  batch_size = tf.shape(probabilities)[0]
  lower += tf.range(batch_size)[:, tf.newaxis] * num_atoms
  target = tf.math.unsorted_segment_sum(
    data=tf.stack([to_lower, to_upper]),
    segment_ids=tf.stack([lower, lower + 1]),
    num_segments=batch_size * num_atoms,
  )
  return tf.reshape(target, (-1, num_atoms))


def _check_support(
  q_tm1: networks.DiscreteValuedDistribution,
  q_t: networks.DiscreteValuedDistribution,
) -> None:
  """Raises a ValueError unless both distributions share one uniform support."""
  shape = q_t.values.shape
  if shape.rank != 1 or shape[0] is None or shape[0] < 2:
    raise ValueError(
      'categorical_loss needs a support of at least two atoms with a static '
      f'shape [K], got {shape}: make the critic with '
      'acme.tf.networks.DiscreteValuedHead(vmin, vmax, num_atoms), scalar vmin '
      'and vmax, or use acme.tf.losses.multiaxis_categorical.'
    )
  if not q_tm1.values.shape.is_compatible_with(shape):
    raise ValueError(
      f'The supports of q_tm1 and q_t differ: {q_tm1.values.shape} and '
      f'{shape}. Give the critic and its target the same vmin, vmax and '
      'num_atoms.'
    )
  # Known for the support of a DiscreteValuedHead, which makes it eagerly.
  values = tf.get_static_value(q_t.values)
  if values is not None:
    spacing = np.diff(values)
    tolerance = _SPACING_TOLERANCE * np.abs(spacing.mean())
    if spacing.min() <= 0 or np.ptp(spacing) > tolerance:
      raise ValueError(
        'categorical_loss needs atoms that are evenly spaced and ascending, '
        f'got spacings from {spacing.min()} to {spacing.max()}: use '
        'acme.tf.losses.categorical for other supports.'
      )
