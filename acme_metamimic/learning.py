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

"""D4PG learner with several updates a call, priorities and own checkpoints."""

import os
import time
from typing import Any, Dict, Iterator, Optional, Sequence, Tuple

from absl import logging
from acme import types
from acme.agents.tf import d4pg
from acme.tf import networks
from acme.utils import loggers
import reverb
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic import averaging
from acme_metamimic import checkpoints
from acme_metamimic import diagnostics
from acme_metamimic import losses
from acme_metamimic import optimizers
from acme_metamimic import priorities as priorities_lib

# Both as in Acme's D4PG.
_MAX_DQDA_NORM = 1.0
_MAX_GRADIENT_NORM = 40.0

# What an update returns for the logger, in order.
# What an update reports, averaged over a call.
_SCALARS = (
  'critic_loss',
  'policy_loss',
  'q_mean',
  'critic_gradient_norm',
  'policy_gradient_norm',
  'rewarding',
)


class D4PGLearner(d4pg.D4PGLearner):
  """Acme's D4PG learner, with the same update at a fraction of its cost.

  An update equals Acme's to float32 rounding. It is cheaper as the loss on a
  uniform support needs no [B, K, K] tensors, each loss has a tape of its own,
  the policy's gradient starts from the clipped dQ/da, and a call of `step` runs
  `updates_per_step` updates inside TensorFlow.

  On top of Acme's, the critic loss may be weighted by importance,
  `(1 / (N P(i)))^beta` over its largest value in the batch, and the loss of each
  transition becomes its priority, as in Ape-X DPG (Horgan et al., 2018).
  """

  def __init__(
    self,
    *,
    dataset_iterator: Iterator[reverb.ReplaySample],
    policy_optimizer: Optional[snt.Optimizer] = None,
    critic_optimizer: Optional[snt.Optimizer] = None,
    logger: Optional[loggers.Logger] = None,
    updates_per_step: int = 1,
    importance_sampling_exponent: float = 0.0,
    policy_averaging_horizon: int = 1,
    priority_writer: Optional[priorities_lib.PriorityWriter] = None,
    checkpoint_directory: Optional[str] = None,
    checkpoint_name: str = 'learner',
    checkpoint_period_minutes: float = 10.0,
    **acme_arguments: Any,
  ):
    """Initializes the learner; the networks' variables must exist.

    Args:
      dataset_iterator: iterator over a tf.data.Dataset of reverb.ReplaySample.
      policy_optimizer: Adam with a step size of 1e-4 by default, as in Acme's.
      critic_optimizer: likewise.
      logger: receives what an update returns, averaged over a call; the terminal
        by default.
      updates_per_step: updates in a call of `step`.
      importance_sampling_exponent: beta; 0 weighs all transitions alike.
      policy_averaging_horizon: updates over which `evaluation_policy` averages
        the policy's weights exponentially; 1 for no average.
      priority_writer: writes the priorities, and is closed with the learner;
        None if the table has none.
      checkpoint_directory: folder for checkpoints, or None for no checkpoints.
        If it holds one of this name, the learner resumes from it.
      checkpoint_name: of this learner's folder in it,
        `checkpoints/<checkpoint_name>`, which no other learner may have.
      checkpoint_period_minutes: minutes between checkpoints.
      **acme_arguments: the other arguments of Acme's learner, `checkpoint`
        excepted; the critic's atoms must be evenly spaced.

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
      # Acme's default logger and its checkpoints have a folder that is the same
      # for any two learners.
      logger=logger or loggers.make_default_logger('learner', save_data=False),
      checkpoint=False,
      **acme_arguments,
    )
    self._timestamp: Optional[float] = None
    self._updates_per_step = updates_per_step
    self._importance_sampling_exponent = importance_sampling_exponent
    self._priority_writer = priority_writer
    optimizers.make_slots(
      self._policy_optimizer, self._policy_network.trainable_variables
    )
    optimizers.make_slots(
      self._critic_optimizer,
      (
        *self._observation_network.trainable_variables,
        *self._critic_network.trainable_variables,
      ),
    )
    self._policy = snt.Sequential(
      [self._observation_network, self._policy_network]
    )
    self._average: Optional[averaging.AveragedPolicy] = None
    if policy_averaging_horizon != 1:
      self._average = averaging.AveragedPolicy(
        self._policy, policy_averaging_horizon, updates_per_step
      )
    self._diverged = False
    self._diverged_folder: Optional[str] = None
    if checkpoint_directory is not None:
      self._checkpointer = checkpoints.Checkpointer(
        objects_to_save={'counter': self._counter, **self._checkpointables()},
        directory=checkpoint_directory,
        subdirectory=checkpoint_name,
        time_delta_minutes=checkpoint_period_minutes,
        # A path that is the same in every process is what a restart can find.
        add_uid=False,
      )
      self._diverged_folder = os.path.join(
        checkpoint_directory, 'diverged', checkpoint_name
      )

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

  def step(self) -> None:
    """Runs `updates_per_step` updates.

    Raises:
      FloatingPointError: if a loss or a gradient is not finite. Its update is
        not applied, and the state before it goes to `diverged/` beside
        `checkpoints/`, whose last checkpoint is left as it is.
    """
    fetches = self._step()
    keys, priorities = (
      fetches.pop(name).numpy() for name in ('keys', 'priorities')
    )
    if not fetches.pop('finite'):
      self._stop_diverged(fetches)
    if self._priority_writer is not None:
      self._priority_writer.write(keys, priorities)
      fetches.update(diagnostics.priority_metrics(priorities))

    timestamp = time.time()
    elapsed_time = timestamp - self._timestamp if self._timestamp else 0
    self._timestamp = timestamp
    counts = self._counter.increment(
      steps=self._updates_per_step, walltime=elapsed_time
    )
    if self._checkpointer is not None:
      self._checkpointer.save()
    self._logger.write({**fetches, **counts})

  def _stop_diverged(self, scalars: Dict[str, tf.Tensor]) -> None:
    """Saves the state for inspection and raises a FloatingPointError."""
    self._diverged = True
    self.close()
    saved = 'The state was not saved, as there is no checkpoint directory.'
    if self._diverged_folder is not None:
      path = checkpoints.write(self._checkpointables(), self._diverged_folder)
      saved = (
        f'The state before it is in {path} for inspection. The last checkpoint '
        'is untouched.'
      )
    raise FloatingPointError(
      'A loss or gradient is not finite, and its update was not applied: '
      f'{ {name: float(value) for name, value in scalars.items()} }. {saved} '
      'Resume with lower learning rates, or look for non-finite observations '
      'and rewards.'
    )

  def save(self) -> bool:
    """Writes a checkpoint now.

    Returns:
      False if checkpoints are off, or if the learner has diverged, in which case
      the last good checkpoint is kept.
    """
    if self._checkpointer is None:
      return False
    if self._diverged:
      logging.error('No checkpoint written: the learner has diverged.')
      return False
    return self._checkpointer.save(force=True)

  def close(self) -> None:
    """Stops the thread that writes priorities."""
    if self._priority_writer is not None:
      self._priority_writer.close()

  def _checkpointables(self) -> Dict[str, Any]:
    objects = {
      'policy': self._policy_network,
      'critic': self._critic_network,
      'observation': self._observation_network,
      'target_policy': self._target_policy_network,
      'target_critic': self._target_critic_network,
      'target_observation': self._target_observation_network,
      'policy_optimizer': self._policy_optimizer,
      'critic_optimizer': self._critic_optimizer,
      'num_steps': self._num_steps,
    }
    if self._average is not None:
      objects['averaged_policy'] = self._average.policy
    return objects

  @tf.function
  def _step(self) -> Dict[str, tf.Tensor]:
    """Runs the updates of one call.

    Returns:
      Scalars averaged over the updates; `finite`, whether they all are; `keys`
      uint64[N] and `priorities` float32[N] of the sampled items.
    """
    # Unrolled, the loop would be no faster, and take ten times as long to trace.
    num_updates = self._updates_per_step
    keys = tf.TensorArray(tf.uint64, num_updates)
    priorities = tf.TensorArray(tf.float32, num_updates)
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
    if self._average is not None and finite:
      self._average.update()
    return {
      **{name: totals[i] / num_updates for i, name in enumerate(_SCALARS)},
      **value_metrics,
      'finite': finite,
      'keys': tf.reshape(keys.stack(), [-1]),
      'priorities': tf.reshape(priorities.stack(), [-1]),
    }

  def _update_targets(self) -> None:
    """Copies online to target networks every `target_update_period` updates."""
    online = self._critic_network.variables + self._policy.variables
    target = self._target_critic_network.variables
    target += self._target_observation_network.variables
    target += self._target_policy_network.variables
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
    # The policy is evaluated at o_t through the target observation network, as
    # in Acme: its loss does not train the observation network.
    o_t = self._target_observation_network(sample.data.next_observation)
    critic_variables = (
      self._observation_network.trainable_variables
      + self._critic_network.trainable_variables
    )
    policy_variables = self._policy_network.trainable_variables

    with tf.GradientTape() as tape:
      td_losses, q_t = self._td_losses(sample.data, o_t, tape)
      weights = priorities_lib.importance_weights(
        sample.info, self._importance_sampling_exponent
      )
      critic_loss = tf.reduce_mean(td_losses * weights)
    critic_gradients = tape.gradient(critic_loss, critic_variables)

    with tf.GradientTape() as tape:
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
      max_norm = _MAX_GRADIENT_NORM if self._clipping else None
      optimizers.apply_clipped(
        self._critic_optimizer,
        critic_gradients,
        critic_variables,
        critic_norm,
        max_norm,
      )
      optimizers.apply_clipped(
        self._policy_optimizer,
        policy_gradients,
        policy_variables,
        policy_norm,
        max_norm,
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
