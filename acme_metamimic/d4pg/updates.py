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

"""Acme's D4PG update at a fraction of its cost."""

from typing import Any, Dict, Iterator, Optional, Sequence, Tuple

from acme import types
from acme.agents.tf import d4pg
from acme.tf import networks
import reverb
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic.d4pg import averaging
from acme_metamimic.d4pg import diagnostics
from acme_metamimic.d4pg import losses
from acme_metamimic.replay import priorities as priorities_lib
from acme_metamimic.tf import optimizers

# Name of the evaluation policy's variables in `get_variables`.
EVALUATION_POLICY = 'evaluation_policy'

_MAX_DQDA_NORM = 1.0
_MAX_GRADIENT_NORM = 40.0

# What an update reports, averaged over a call.
_SCALARS = (
  'critic_loss',
  'policy_loss',
  'q_mean',
  'critic_gradient_norm',
  'policy_gradient_norm',
  'rewarding',
)
# What it returns of each sampled item, for the replay.
ITEM_FIELDS = ('keys', 'priorities', 'probabilities', 'marks')


class FusedD4PGLearner(d4pg.D4PGLearner):
  """The update of Acme's D4PG learner, several of them in a call.

  An update equals Acme's to float32 rounding. It is cheaper as the loss on a
  uniform support needs no [B, K, K] tensors, each loss has a tape of its own,
  the policy's gradient starts from the clipped dQ/da, and a call runs
  `updates_per_step` updates inside TensorFlow.

  On top of Acme's, the critic loss may be weighted by importance,
  `(1 / (N P(i)))^beta` over its largest value in the batch, the policy's loss
  may train the observation network, and the policy's weights may be averaged.

  This is what a call computes; `learning.D4PGLearner` is what goes on around it.
  """

  def __init__(
    self,
    *,
    dataset_iterator: Iterator[reverb.ReplaySample],
    policy_optimizer: Optional[snt.Optimizer] = None,
    critic_optimizer: Optional[snt.Optimizer] = None,
    updates_per_step: int = 1,
    importance_sampling_exponent: float = 0.0,
    policy_averaging_horizon: int = 1,
    policy_trains_torso: bool = False,
    **acme_arguments: Any,
  ):
    """Initializes the learner; the networks' variables must exist.

    Args:
      dataset_iterator: iterator over a tf.data.Dataset of reverb.ReplaySample.
      policy_optimizer: Adam with a step size of 1e-4 by default, as in Acme's.
      critic_optimizer: likewise.
      updates_per_step: updates in a call of `step`.
      importance_sampling_exponent: beta; 0 weighs all transitions alike.
      policy_averaging_horizon: updates over which `evaluation_policy` averages
        the policy's weights exponentially; 1 for no average.
      policy_trains_torso: whether the policy's loss, too, trains the observation
        network, which has a state of its own in either optimizer then. False
        is Acme's; see `config.D4PGConfig`.
      **acme_arguments: those of Acme's `D4PGLearner`: `policy_network`,
        `critic_network` and `observation_network`, each again with `target_`,
        `discount`, `target_update_period`, and optionally `clipping`, `counter`,
        `logger` and `checkpoint`. The critic's atoms must be evenly spaced.

    Raises:
      ValueError: if an argument does not fit, with the remedy.
    """
    if not isinstance(dataset_iterator, tf.data.Iterator):
      raise ValueError(
        f'dataset_iterator is a {type(dataset_iterator).__name__}, which would '
        'be read once and frozen in the traced update: pass '
        'iter(tf.data.Dataset).'
      )
    if updates_per_step < 1:
      raise ValueError(
        f'updates_per_step={updates_per_step} must be at least 1.'
      )
    super().__init__(
      dataset_iterator=dataset_iterator,
      policy_optimizer=policy_optimizer or optimizers.FusedAdam(1e-4),
      critic_optimizer=critic_optimizer or optimizers.FusedAdam(1e-4),
      **acme_arguments,
    )
    self._updates_per_step = updates_per_step
    self._importance_sampling_exponent = importance_sampling_exponent
    self._policy_trains_torso = policy_trains_torso
    optimizers.make_slots(self._policy_optimizer, self._policy_loss_variables)
    optimizers.make_slots(self._critic_optimizer, self._critic_loss_variables)
    self._policy = snt.Sequential(
      [self._observation_network, self._policy_network]
    )
    self._average: Optional[averaging.AveragedPolicy] = None
    if policy_averaging_horizon != 1:
      self._average = averaging.AveragedPolicy(
        self._policy, policy_averaging_horizon, updates_per_step
      )
    # Beside 'policy' and 'critic', Acme's names for the target networks.
    self._variables[EVALUATION_POLICY] = self.evaluation_policy.variables

  @property
  def evaluation_policy(self) -> snt.Module:
    """From an observation to an action; its weights are averaged if so asked."""
    return self._average.policy if self._average else self._policy

  def trace(self) -> None:
    """Traces the update, which `step` would do when it is first called.

    TensorFlow must not trace in two threads at once: where two learners are to
    step in threads of their own, trace both before the threads start.
    """
    self._step.get_concrete_function()

  @property
  def _policy_loss_variables(self) -> Sequence[tf.Variable]:
    variables = self._policy_network.trainable_variables
    if self._policy_trains_torso:
      variables += self._observation_network.trainable_variables
    return variables

  @property
  def _critic_loss_variables(self) -> Sequence[tf.Variable]:
    return (
      self._observation_network.trainable_variables
      + self._critic_network.trainable_variables
    )

  @tf.function
  def _step(self) -> Dict[str, tf.Tensor]:
    """Runs the updates of one call.

    Returns:
      Scalars averaged over the updates; `finite`, whether they all are; `keys`
      uint64[N], `priorities` float32[N], to be written, `probabilities` and `marks`
      float64[N], the priorities in the table, of the sampled items.
    """
    # A loop inside TensorFlow: unrolled, it would be no faster, and take ten
    # times as long to trace.
    num_updates = self._updates_per_step
    keys = tf.TensorArray(tf.uint64, num_updates)
    priorities = tf.TensorArray(tf.float32, num_updates)
    probabilities = tf.TensorArray(tf.float64, num_updates)
    marks = tf.TensorArray(tf.float64, num_updates)
    totals, finite = tf.zeros(len(_SCALARS)), tf.constant(True)
    value_metrics = {name: tf.zeros([]) for name in diagnostics.VALUE_METRICS}
    for i in tf.range(num_updates):
      self._update_targets()
      sample = next(self._iterator)
      scalars, td_losses, q_t, finite = self._update(sample, finite)
      totals += tf.stack(scalars)
      # Of the last update alone: they cost as much as a tenth of one.
      if i == num_updates - 1:
        value_metrics = diagnostics.value_metrics(
          q_t, sample.data.reward, self._discount * sample.data.discount
        )
      keys = keys.write(i, sample.info.key)
      priorities = priorities.write(i, td_losses)
      probabilities = probabilities.write(i, sample.info.probability)
      marks = marks.write(i, sample.info.priority)
    if self._average is not None and finite:
      self._average.update()
    return {
      **{name: totals[i] / num_updates for i, name in enumerate(_SCALARS)},
      **value_metrics,
      'finite': finite,
      'keys': tf.reshape(keys.stack(), [-1]),
      'priorities': tf.reshape(priorities.stack(), [-1]),
      'probabilities': tf.reshape(probabilities.stack(), [-1]),
      'marks': tf.reshape(marks.stack(), [-1]),
    }

  def _update_targets(self) -> None:
    """Copies online to target networks every `target_update_period` updates."""
    online = self._critic_network.variables + self._policy.variables
    target = (
      self._target_critic_network.variables
      + self._target_observation_network.variables
      + self._target_policy_network.variables
    )
    if tf.math.mod(self._num_steps, self._target_update_period) == 0:
      tree.map_structure(lambda src, dest: dest.assign(src), online, target)
    self._num_steps.assign_add(1)

  def _update(
    self, sample: reverb.ReplaySample, finite: tf.Tensor
  ) -> Tuple[
    Sequence[tf.Tensor],
    tf.Tensor,
    networks.DiscreteValuedDistribution,
    tf.Tensor,
  ]:
    """Applies one update of critic, observation network and policy.

    Args:
      sample: batch of transitions.
      finite: bool[], whether all losses and gradients of the call were finite
        so far; where they are not, no update is applied any more.

    Returns:
      The scalars named above; float32[B], the critic's loss of each transition;
      the target critic's values of the states arrived at; bool[], `finite` after
      this update.
    """
    o_t = self._target_observation_network(sample.data.next_observation)
    critic_variables = self._critic_loss_variables
    policy_variables = self._policy_loss_variables

    with tf.GradientTape() as tape:
      td_losses, q_t = self._td_losses(sample.data, o_t, tape)
      weights = priorities_lib.importance_weights(
        sample.info, self._importance_sampling_exponent
      )
      critic_loss = tf.reduce_mean(td_losses * weights)
    critic_gradients = tape.gradient(critic_loss, critic_variables)

    with tf.GradientTape() as tape:
      # At o_t through the target observation network, as in Acme, the policy's
      # loss cannot train the observation network.
      if self._policy_trains_torso:
        o_t = self._observation_network(sample.data.next_observation)
      action = self._policy_network(o_t)
    q_value, dqda = losses.action_gradient(
      self._critic_network,
      o_t,
      action,
      _MAX_DQDA_NORM if self._clipping else None,
    )
    policy_loss = 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(dqda), axis=-1))
    # The gradient of this loss in the action, if the action is taken to be
    # dqda short of where it should be, and from there to the variables.
    batch_size = tf.cast(tf.shape(dqda)[0], dqda.dtype)
    policy_gradients = tape.gradient(
      action, policy_variables, output_gradients=-dqda / batch_size
    )

    critic_norm = tf.linalg.global_norm(critic_gradients)
    policy_norm = tf.linalg.global_norm(policy_gradients)
    for value in (critic_loss, policy_loss, critic_norm, policy_norm):
      finite = tf.logical_and(finite, tf.math.is_finite(value))
    if finite:
      self._apply(
        self._critic_optimizer, critic_gradients, critic_variables, critic_norm
      )
      self._apply(
        self._policy_optimizer, policy_gradients, policy_variables, policy_norm
      )
    scalars = (
      critic_loss,
      policy_loss,
      tf.reduce_mean(q_value),
      critic_norm,
      policy_norm,
      diagnostics.rewarding_share(sample.data.reward),
    )
    return scalars, td_losses, q_t, finite

  def _td_losses(
    self, transitions: types.Transition, o_t: tf.Tensor, tape: tf.GradientTape
  ) -> Tuple[tf.Tensor, networks.DiscreteValuedDistribution]:
    """Returns float32[B], the critic's losses, and the target critic's values."""
    with tape.stop_recording():
      q_t = self._target_critic_network(o_t, self._target_policy_network(o_t))
    o_tm1 = self._observation_network(transitions.observation)
    q_tm1 = self._critic_network(o_tm1, transitions.action)
    discount = tf.cast(self._discount, transitions.discount.dtype)
    td_losses = losses.categorical_loss(
      q_tm1, transitions.reward, discount * transitions.discount, q_t
    )
    return td_losses, q_t

  def _apply(
    self,
    optimizer: snt.Optimizer,
    gradients: Sequence[tf.Tensor],
    variables: Sequence[tf.Variable],
    norm: tf.Tensor,
  ) -> None:
    """Applies gradients of a global norm, maybe clipped."""
    if self._clipping:
      gradients, _ = tf.clip_by_global_norm(
        gradients, _MAX_GRADIENT_NORM, use_norm=norm
      )
    optimizer.apply(gradients, variables)
