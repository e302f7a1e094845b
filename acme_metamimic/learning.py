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

import time
from typing import Any, Dict, Iterator, Optional, Sequence, Tuple

from absl import logging
from acme import types
from acme.agents.tf import d4pg
from acme.tf import savers as tf2_savers
from acme.utils import loggers
import reverb
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic import losses
from acme_metamimic import optimizers
from acme_metamimic import priorities as priorities_lib

# Both as in Acme's D4PG.
_MAX_DQDA_NORM = 1.0
_MAX_GRADIENT_NORM = 40.0

# What an update returns for the logger, in order.
_SCALARS = (
  'critic_loss',
  'policy_loss',
  'q_mean',
  'critic_gradient_norm',
  'policy_gradient_norm',
)

# What it returns of each sampled item, for the replay.
_ITEM_FIELDS = ('keys', 'priorities', 'probabilities')


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
      priority_writer: writes the priorities, and is closed with the learner;
        None if the table has none.
      checkpoint_directory: folder for checkpoints, or None for no checkpoints.
        If it holds one of this name, the learner resumes from it.
      checkpoint_name: name of this learner's folder in it,
        `<checkpoint_directory>/checkpoints/<checkpoint_name>`. Two learners
        must not share one.
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
    self._diverged = False
    self._priority_writer = priority_writer
    self._make_optimizer_slots()
    if checkpoint_directory is not None:
      self._checkpointer = self._make_checkpointer(
        checkpoint_directory, checkpoint_name, checkpoint_period_minutes
      )

  def trace(self) -> None:
    """Traces the update, which `step` would do when it is first called.

    TensorFlow must not trace in two threads at once: where two learners are to
    step in threads of their own, trace both before the threads start.
    """
    self._step.get_concrete_function()

  def step(self) -> None:
    """Runs `updates_per_step` updates.

    Raises:
      FloatingPointError: if a loss or a gradient is not finite. The last
        checkpoint is left as it is and no other is written.
    """
    fetches = self._step()
    if not fetches.pop('finite'):
      self._diverged = True
      self.close()
      raise FloatingPointError(
        'A loss or gradient of the last updates is not finite: '
        f'{ {k: float(v) for k, v in fetches.items() if not v.shape} }. '
        'The last checkpoint is untouched; resume from it with lower learning '
        'rates, or look for non-finite observations and rewards.'
      )
    items = [fetches.pop(name).numpy() for name in _ITEM_FIELDS]
    if self._priority_writer is not None:
      self._priority_writer.write(*items)

    timestamp = time.time()
    elapsed_time = timestamp - self._timestamp if self._timestamp else 0
    self._timestamp = timestamp
    counts = self._counter.increment(
      steps=self._updates_per_step, walltime=elapsed_time
    )
    if self._checkpointer is not None:
      self._checkpointer.save()
    self._logger.write({**fetches, **counts})

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

  def _make_optimizer_slots(self) -> None:
    """Makes the optimizers' variables, which Sonnet leaves to the first use.

    That would be inside the traced update, where it fails if another learner is
    being traced in another thread.
    """
    observation = self._observation_network.trainable_variables
    critic = self._critic_network.trainable_variables
    for optimizer, variables in (
      (self._policy_optimizer, self._policy_network.trainable_variables),
      (self._critic_optimizer, (*observation, *critic)),
    ):
      # Optimizers without state, such as SGD, have nothing to make.
      initialize = getattr(optimizer, '_initialize', None)
      if initialize is not None:
        initialize(variables)

  def _make_checkpointer(
    self, directory: str, name: str, period_minutes: float
  ) -> tf2_savers.Checkpointer:
    """Returns a checkpointer, having restored what its folder holds."""
    return tf2_savers.Checkpointer(
      objects_to_save={
        'counter': self._counter,
        'policy': self._policy_network,
        'critic': self._critic_network,
        'observation': self._observation_network,
        'target_policy': self._target_policy_network,
        'target_critic': self._target_critic_network,
        'target_observation': self._target_observation_network,
        'policy_optimizer': self._policy_optimizer,
        'critic_optimizer': self._critic_optimizer,
        'num_steps': self._num_steps,
      },
      directory=directory,
      subdirectory=name,
      time_delta_minutes=period_minutes,
      # A path that is the same in every process is what a restart can find.
      add_uid=False,
    )

  @tf.function
  def _step(self) -> Dict[str, tf.Tensor]:
    """Runs the updates of one call.

    Returns:
      Scalars averaged over the updates; `finite`, whether they all are; `keys`
      uint64[N], `priorities` float32[N] and `probabilities` float64[N] of the
      sampled items.
    """
    # A loop inside TensorFlow: unrolled, it would be no faster, and take ten
    # times as long to trace.
    num_updates = self._updates_per_step
    scalars = tf.TensorArray(tf.float32, num_updates)
    keys = tf.TensorArray(tf.uint64, num_updates)
    priorities = tf.TensorArray(tf.float32, num_updates)
    probabilities = tf.TensorArray(tf.float64, num_updates)
    for i in tf.range(num_updates):
      self._update_targets()
      sample = next(self._iterator)
      update_scalars, td_losses = self._update(sample)
      scalars = scalars.write(i, tf.stack(update_scalars))
      keys = keys.write(i, sample.info.key)
      priorities = priorities.write(i, td_losses)
      probabilities = probabilities.write(i, sample.info.probability)
    means = tf.reduce_mean(scalars.stack(), axis=0)
    return {
      **{name: means[i] for i, name in enumerate(_SCALARS)},
      'finite': tf.reduce_all(tf.math.is_finite(means)),
      'keys': tf.reshape(keys.stack(), [-1]),
      'priorities': tf.reshape(priorities.stack(), [-1]),
      'probabilities': tf.reshape(probabilities.stack(), [-1]),
    }

  def _update_targets(self) -> None:
    """Copies online to target networks every `target_update_period` updates."""
    online = (
      *self._observation_network.variables,
      *self._critic_network.variables,
      *self._policy_network.variables,
    )
    target = (
      *self._target_observation_network.variables,
      *self._target_critic_network.variables,
      *self._target_policy_network.variables,
    )
    if tf.math.mod(self._num_steps, self._target_update_period) == 0:
      tree.map_structure(lambda src, dest: dest.assign(src), online, target)
    self._num_steps.assign_add(1)

  def _update(
    self, sample: reverb.ReplaySample
  ) -> Tuple[Sequence[tf.Tensor], tf.Tensor]:
    """Applies one update of critic, observation network and policy.

    Args:
      sample: batch of transitions.

    Returns:
      The scalars named above, and float32[B], the critic's loss of each
      transition.
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
      td_losses = self._td_losses(sample.data, o_t, tape)
      critic_loss = tf.reduce_mean(td_losses * self._weights(sample.info))
    critic_gradients = tape.gradient(critic_loss, critic_variables)

    with tf.GradientTape() as tape:
      action = self._policy_network(o_t)
    q_value, dqda = self._action_gradient(o_t, action)
    policy_loss = 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(dqda), axis=-1))
    # The gradient of this loss in the action, if the action is taken to be
    # dqda short of where it should be, and from there to the variables.
    batch_size = tf.cast(tf.shape(dqda)[0], dqda.dtype)
    policy_gradients = tape.gradient(
      action, policy_variables, output_gradients=-dqda / batch_size
    )

    norms = (
      self._apply(self._critic_optimizer, critic_gradients, critic_variables),
      self._apply(self._policy_optimizer, policy_gradients, policy_variables),
    )
    q_mean = tf.reduce_mean(q_value)
    return (critic_loss, policy_loss, q_mean, *norms), td_losses

  def _td_losses(
    self, transitions: types.Transition, o_t: tf.Tensor, tape: tf.GradientTape
  ) -> tf.Tensor:
    """Returns float32[B], the critic's losses; the target is not recorded."""
    with tape.stop_recording():
      q_t = self._target_critic_network(o_t, self._target_policy_network(o_t))
    o_tm1 = self._observation_network(transitions.observation)
    q_tm1 = self._critic_network(o_tm1, transitions.action)
    discount = tf.cast(self._discount, transitions.discount.dtype)
    return losses.categorical_loss(
      q_tm1, transitions.reward, discount * transitions.discount, q_t
    )

  def _weights(self, info: reverb.SampleInfo) -> tf.Tensor:
    """Returns float32[B], weights of the losses; 1 if there are none."""
    if not self._importance_sampling_exponent:
      return tf.ones([])
    return priorities_lib.importance_weights(
      info, self._importance_sampling_exponent
    )

  def _action_gradient(
    self, observation: tf.Tensor, action: tf.Tensor
  ) -> Tuple[tf.Tensor, tf.Tensor]:
    """Returns Q(o, a) as float32[B] and its clipped gradient in a."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
      tape.watch(action)
      q_value = self._critic_network(observation, action).mean()
    dqda = tape.gradient(q_value, action)
    if self._clipping:
      dqda = tf.clip_by_norm(dqda, _MAX_DQDA_NORM, axes=-1)
    return q_value, dqda

  def _apply(
    self,
    optimizer: snt.Optimizer,
    gradients: Sequence[tf.Tensor],
    variables: Sequence[tf.Variable],
  ) -> tf.Tensor:
    """Applies gradients, maybe clipped; returns their norm before that."""
    norm = tf.linalg.global_norm(gradients)
    if self._clipping:
      gradients, _ = tf.clip_by_global_norm(
        gradients, _MAX_GRADIENT_NORM, use_norm=norm
      )
    optimizer.apply(gradients, variables)
    return norm
