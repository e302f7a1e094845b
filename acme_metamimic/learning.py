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
from typing import Dict, Iterator, Optional, Sequence, Tuple

from absl import logging
from acme import types
from acme.agents.tf import d4pg
from acme.tf import savers as tf2_savers
from acme.utils import counting
from acme.utils import loggers
import reverb
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic import losses
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
    policy_network: snt.Module,
    critic_network: snt.Module,
    target_policy_network: snt.Module,
    target_critic_network: snt.Module,
    discount: float,
    target_update_period: int,
    dataset_iterator: Iterator[reverb.ReplaySample],
    observation_network: types.TensorTransformation = lambda x: x,
    target_observation_network: types.TensorTransformation = lambda x: x,
    policy_optimizer: Optional[snt.Optimizer] = None,
    critic_optimizer: Optional[snt.Optimizer] = None,
    clipping: bool = True,
    counter: Optional[counting.Counter] = None,
    logger: Optional[loggers.Logger] = None,
    *,
    updates_per_step: int = 1,
    importance_sampling_exponent: float = 0.0,
    replay_client: Optional[reverb.Client] = None,
    replay_table_name: Optional[str] = None,
    checkpoint_directory: Optional[str] = None,
    checkpoint_name: str = 'learner',
    checkpoint_period_minutes: float = 10.0,
  ):
    """Initializes the learner; the networks' variables must exist.

    Args:
      policy_network: see Acme's D4PGLearner, as for all up to `logger`.
      critic_network: its atoms must be evenly spaced.
      target_policy_network: see Acme's.
      target_critic_network: see Acme's.
      discount: see Acme's.
      target_update_period: see Acme's; in updates.
      dataset_iterator: iterator over a tf.data.Dataset of reverb.ReplaySample.
      observation_network: see Acme's.
      target_observation_network: see Acme's.
      policy_optimizer: see Acme's.
      critic_optimizer: see Acme's.
      clipping: see Acme's.
      counter: counts updates as `steps`.
      logger: receives losses averaged over a call.
      updates_per_step: updates in a call of `step`.
      importance_sampling_exponent: beta; 0 weighs all transitions alike.
      replay_client: client to write priorities with; None writes none.
      replay_table_name: table of these priorities.
      checkpoint_directory: folder for checkpoints, or None for no checkpoints.
        If it holds one of this name, the learner resumes from it.
      checkpoint_name: name of this learner's folder in it,
        `<checkpoint_directory>/checkpoints/<checkpoint_name>`. Two learners
        must not share one.
      checkpoint_period_minutes: minutes between checkpoints.

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
    if (replay_client is None) != (replay_table_name is None):
      raise ValueError(
        f'replay_client={replay_client} and replay_table_name='
        f'{replay_table_name!r}: give both to write priorities, or neither.'
      )
    super().__init__(
      policy_network=policy_network,
      critic_network=critic_network,
      target_policy_network=target_policy_network,
      target_critic_network=target_critic_network,
      discount=discount,
      target_update_period=target_update_period,
      dataset_iterator=dataset_iterator,
      observation_network=observation_network,
      target_observation_network=target_observation_network,
      policy_optimizer=policy_optimizer,
      critic_optimizer=critic_optimizer,
      clipping=clipping,
      counter=counter,
      logger=logger,
      # The base class's folders are the same for any two learners.
      checkpoint=False,
    )
    self._timestamp: Optional[float] = None
    self._updates_per_step = updates_per_step
    self._importance_sampling_exponent = importance_sampling_exponent
    self._diverged = False
    self._priority_writer: Optional[priorities_lib.PriorityWriter] = None
    if replay_client is not None and replay_table_name is not None:
      self._priority_writer = priorities_lib.PriorityWriter(
        replay_client, replay_table_name
      )
    if checkpoint_directory is not None:
      self._checkpointer = self._make_checkpointer(
        checkpoint_directory, checkpoint_name, checkpoint_period_minutes
      )

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
    keys, priorities = fetches.pop('keys'), fetches.pop('priorities')
    if self._priority_writer is not None:
      self._priority_writer.write(keys.numpy(), priorities.numpy())

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
      uint64[N] and `priorities` float32[N] of the sampled items.
    """
    # A loop inside TensorFlow: unrolled, it would be no faster, and take ten
    # times as long to trace.
    num_updates = self._updates_per_step
    scalars = tf.TensorArray(tf.float32, num_updates)
    keys = tf.TensorArray(tf.uint64, num_updates)
    priorities = tf.TensorArray(tf.float32, num_updates)
    for i in tf.range(num_updates):
      self._update_targets()
      sample = next(self._iterator)
      update_scalars, td_losses = self._update(sample)
      scalars = scalars.write(i, tf.stack(update_scalars))
      keys = keys.write(i, sample.info.key)
      priorities = priorities.write(i, td_losses)
    means = tf.reduce_mean(scalars.stack(), axis=0)
    return {
      **{name: means[i] for i, name in enumerate(_SCALARS)},
      'finite': tf.reduce_all(tf.math.is_finite(means)),
      'keys': tf.reshape(keys.stack(), [-1]),
      'priorities': tf.reshape(priorities.stack(), [-1]),
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
    transitions: types.Transition = sample.data
    # The policy is evaluated at o_t through the target observation network, as
    # in Acme: its loss does not train the observation network.
    o_t = self._target_observation_network(transitions.next_observation)

    critic_variables = (
      self._observation_network.trainable_variables
      + self._critic_network.trainable_variables
    )
    with tf.GradientTape() as tape:
      o_tm1 = self._observation_network(transitions.observation)
      q_tm1 = self._critic_network(o_tm1, transitions.action)
      with tape.stop_recording():
        q_t = self._target_critic_network(o_t, self._target_policy_network(o_t))
      td_losses = losses.categorical_loss(
        q_tm1,
        transitions.reward,
        tf.cast(self._discount, transitions.discount.dtype)
        * transitions.discount,
        q_t,
      )
      critic_loss = tf.reduce_mean(self._weigh(td_losses, sample.info))
    critic_gradients = tape.gradient(critic_loss, critic_variables)

    policy_variables = self._policy_network.trainable_variables
    with tf.GradientTape() as tape:
      action = self._policy_network(o_t)
    q_value, dqda = self._action_gradient(o_t, action)
    # The gradient of Acme's policy loss, mean(|dqda|^2 / 2), with respect to the
    # action, taken from there to the policy's variables.
    batch_size = tf.cast(tf.shape(dqda)[0], dqda.dtype)
    policy_gradients = tape.gradient(
      action, policy_variables, output_gradients=-dqda / batch_size
    )
    policy_loss = 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(dqda), axis=-1))

    critic_norm = self._apply(
      self._critic_optimizer, critic_gradients, critic_variables
    )
    policy_norm = self._apply(
      self._policy_optimizer, policy_gradients, policy_variables
    )
    q_mean = tf.reduce_mean(q_value)
    return (
      critic_loss,
      policy_loss,
      q_mean,
      critic_norm,
      policy_norm,
    ), td_losses

  def _weigh(self, td_losses: tf.Tensor, info: reverb.SampleInfo) -> tf.Tensor:
    """Multiplies losses by importance weights; Ape-X, as in Schaul (2016)."""
    if not self._importance_sampling_exponent:
      return td_losses
    size = tf.cast(info.table_size, info.probability.dtype)
    weights = (size * info.probability) ** -self._importance_sampling_exponent
    weights /= tf.reduce_max(weights)
    return td_losses * tf.cast(weights, td_losses.dtype)

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
