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

"""The builder of one half: Acme's D4PG, for our config, table and learner."""

import math
from typing import Any, Callable, Iterator, List, Optional, Tuple, Union

from acme import adders
from acme import core
from acme import datasets
from acme import specs
from acme.adders import reverb as reverb_adders
from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.tf import variable_utils
from acme.utils import counting
from acme.utils import loggers
import numpy as np
import reverb
import sonnet as snt
import tensorflow as tf

from acme_metamimic import shipped
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.d4pg import exploration
from acme_metamimic.d4pg import learning
from acme_metamimic.d4pg import regression
from acme_metamimic.d4pg import teacher
from acme_metamimic.replay import footprint
from acme_metamimic.replay import priorities
from acme_metamimic.replay import provenance
from acme_metamimic.replay import removal as removal_lib
from acme_metamimic.replay import sharding
from acme_metamimic.replay import tables
from acme_metamimic.replay import writers
from acme_metamimic.tf import actors
from acme_metamimic.tf import optimizers
from acme_metamimic.tf import placement
from acme_metamimic.tf import snapshots
from acme_metamimic.tf import views

# Online and target networks.
NetworkPair = Tuple[acme_d4pg.D4PGNetworks, acme_d4pg.D4PGNetworks]

Restore = Callable[[reverb.ReplaySample], reverb.ReplaySample]

# Room above the capacity of a table from which the learner removes, for what
# comes in between two removals.
_SLACK = 0.1


class D4PGBuilder(acme_d4pg.D4PGBuilder):
  """Acme's D4PG builder, for our config, table and learner."""

  def __init__(
    self,
    config: d4pg_config.D4PGConfig,
    restore: Optional[Restore] = None,
    noise_scale: Optional[views.Scales] = None,
  ):
    """Initializes the builder.

    Args:
      config: configuration of the half that this builder makes.
      restore: function applied to each sample of the table before the learner
        sees it, for what is kept there in another form.
      noise_scale: what an `observation_noise` of 1 is, by key: standard
        deviations in the observations' units, arrays of their shapes.

    Raises:
      ValueError: if the config has noise and there is no scale.
    """
    super().__init__(config)
    self._restore = restore
    self._noise_scale = noise_scale or {}
    if config.observation_noise > 0.0 and not self._noise_scale:
      raise ValueError(
        f'observation_noise={config.observation_noise} has no units: give the '
        'builder a `noise_scale`, or use 0 for no noise.'
      )
    self._config: d4pg_config.D4PGConfig = config

  @property
  def config(self) -> d4pg_config.D4PGConfig:
    """Configuration of this half."""
    return self._config

  def stored_spec(
    self, environment_spec: specs.EnvironmentSpec
  ) -> specs.EnvironmentSpec:
    """Returns what this half's table keeps of a step; all of it, here.

    Args:
      environment_spec: spec of the environment as this half's learner sees it.
    """
    return environment_spec

  def make_replay_tables(
    self, environment_spec: specs.EnvironmentSpec
  ) -> List[reverb.Table]:
    """Makes this half's table.

    Args:
      environment_spec: spec of the environment as this half's learner sees it,
        with one stream of scalar rewards and discounts.

    Returns:
      One table: prioritised if `config.priority_exponent` is positive, otherwise
      uniform and first in first out.
    """
    return [
      tables.make_table(
        reverb_adders.NStepTransitionAdder.signature(
          self.stored_spec(environment_spec)
        ),
        name=self._config.replay_table_name,
        max_size=self.max_items,
        priority_exponent=self._config.priority_exponent,
        rate_limiter=tables.make_rate_limiter(
          self._config.min_replay_size, self._config.samples_per_insert
        ),
      )
    ]

  def item_priority(
    self, *, is_imitation: bool
  ) -> Union[float, provenance.Mark]:
    """Returns the priority of new items in this half's table.

    Args:
      is_imitation: whether an imitation actor makes them; a table without
        priorities keeps that in their place.
    """
    if self._config.priority_exponent == 0.0:
      return provenance.Mark(is_imitation=is_imitation)
    return self.initial_priority

  def make_adder(self, replay_client: reverb.Client) -> adders.Adder:
    """Makes Acme's n-step adder for this half's table alone.

    Args:
      replay_client: client of the server that holds the table.

    Returns:
      The adder.
    """
    priority = self.item_priority(is_imitation=False)
    return reverb_adders.NStepTransitionAdder(
      client=writers.PatientClient(replay_client),
      n_step=self._config.n_step,
      discount=self._config.discount,
      priority_fns={
        self._config.replay_table_name: lambda _: (
          priority() if isinstance(priority, provenance.Mark) else priority
        )
      },
    )

  @property
  def initial_priority(self) -> float:
    """Priority of a new item in this half's table."""
    return tables.initial_priority(self._config.num_atoms)

  @property
  def max_items(self) -> int:
    """Largest number of items in this half's table."""
    config = self._config
    proportional = (
      config.priority_exponent > 0.0
      and config.remover == d4pg_config.PROPORTIONAL
    )
    slack = _SLACK if proportional else 0.0
    return math.ceil((1.0 + slack) * config.max_replay_size)

  def expected_bytes(self, environment_spec: specs.EnvironmentSpec) -> int:
    """Returns the bytes that this half's table takes when it is full.

    Args:
      environment_spec: spec of the environment, as for `make_replay_tables`.
    """
    return footprint.expected_bytes(
      self.stored_spec(environment_spec),
      self.max_items,
      prioritised=self._config.priority_exponent > 0.0,
    )

  def make_dataset_iterator(
    self, reverb_client: reverb.Client
  ) -> Iterator[reverb.ReplaySample]:
    """Makes an iterator over batches of this half's table.

    Args:
      reverb_client: client of the server that holds the table, or a
        `sharding.ShardedClient`.

    Returns:
      A tf.data iterator, whose elements hold `config.batch_size` transitions, on
      the accelerator if there is one.
    """
    return sharding.make_iterator(
      reverb_client, self._make_dataset, finish=placement.prefetch
    )

  def make_policy(
    self,
    networks: acme_d4pg.D4PGNetworks,
    environment_spec: specs.EnvironmentSpec,
    evaluation: bool = False,
  ) -> snt.Module:
    """Makes the policy that an actor or an evaluator acts by.

    Args:
      networks: networks of this half, with variables.
      environment_spec: spec of the environment as this half's learner sees it.
      evaluation: whether it acts without the noise of the config.

    Returns:
      The policy, from batched observations to actions or their distribution.

    Raises:
      ValueError: if the noise of the config does not fit the actions.
    """
    if evaluation:
      return networks.make_policy(environment_spec)
    return exploration.make_policy(networks, environment_spec, self._config)

  def on_environment(self, policy_network: snt.Module) -> snt.Module:
    """Returns a policy of all that the environment shows; the same, here.

    Args:
      policy_network: policy of what this half's learner sees.
    """
    return policy_network

  def make_actor(
    self,
    policy_network: snt.Module,
    adder: Optional[adders.Adder] = None,
    variable_source: Optional[core.VariableSource] = None,
  ) -> core.Actor:
    """Makes an actor.

    Args:
      policy_network: policy of batched observations, from `make_policy`.
      adder: records what the actor does; None for an evaluator.
      variable_source: a learner in another process, asked for variables every
        `config.variable_update_period` steps; None if the policy shares the
        learner's variables.

    Returns:
      The actor, with the source's current variables.
    """
    if variable_source is None:
      return actors.FeedForwardActor(policy_network, adder)
    # The base class fixes the period.
    variable_client = variable_utils.VariableClient(
      client=variable_source,
      variables={'policy': policy_network.variables},
      update_period=self._config.variable_update_period,
    )
    # An actor must not start with random weights after a restart.
    variable_client.update_and_wait()
    return actors.FeedForwardActor(policy_network, adder, variable_client)

  def make_learner(
    self,
    networks: NetworkPair,
    dataset: Iterator[reverb.ReplaySample],
    counter: Optional[counting.Counter] = None,
    logger: Optional[loggers.Logger] = None,
    checkpoint: bool = True,
    *,
    replay_client: Optional[reverb.Client] = None,
    checkpoint_directory: Optional[str] = None,
    checkpoint_name: str = 'learner',
  ) -> learning.D4PGLearner:
    """Makes a learner.

    Args:
      networks: online and target networks, with variables.
      dataset: iterator over batches, from `make_dataset_iterator`.
      counter: counts updates as `steps`.
      logger: receives the learner's metrics.
      checkpoint: whether to write checkpoints.
      replay_client: writes priorities, if this half's table has any.
      checkpoint_directory: folder for checkpoints; None for no checkpoints.
      checkpoint_name: this learner's folder therein.

    Returns:
      The learner, resumed from its checkpoint if there is one.
    """
    online, target = networks
    config = self._config
    return self._construct_learner(
      policy_network=online.policy_network,
      critic_network=online.critic_network,
      observation_network=online.observation_network,
      target_policy_network=target.policy_network,
      target_critic_network=target.critic_network,
      target_observation_network=target.observation_network,
      policy_optimizer=config.policy_optimizer
      or _make_optimizer(config, config.policy_learning_rate),
      critic_optimizer=config.critic_optimizer
      or _make_optimizer(config, config.critic_learning_rate),
      clipping=config.clipping,
      discount=config.discount,
      target_update_period=config.target_update_period,
      dataset_iterator=dataset,
      counter=counter,
      logger=logger,
      updates_per_step=config.updates_per_step,
      importance_sampling_exponent=config.importance_sampling_exponent,
      policy_averaging_horizon=config.policy_averaging_horizon,
      policy_trains_torso=config.policy_trains_torso,
      auxiliary_weight=config.auxiliary_weight,
      smoothness_weight=config.smoothness_weight,
      uses_target_policy=config.uses_target_policy,
      image_shift=config.image_shift,
      observation_noise=self._make_observation_noise(),
      priority_writer=self._make_priority_writer(replay_client),
      checkpoint_directory=checkpoint_directory if checkpoint else None,
      checkpoint_name=checkpoint_name,
      checkpoint_period_minutes=config.checkpoint_period_minutes,
    )

  def _make_observation_noise(self) -> views.Scales:
    """Returns the standard deviations of the noise by key; empty for none."""
    noise = self._config.observation_noise
    if noise == 0.0:
      return {}
    return {
      key: np.asarray(noise * scale, np.float32)
      for key, scale in self._noise_scale.items()
    }

  def _make_dataset(self, client: reverb.Client) -> tf.data.Dataset:
    """Returns batches of this half's table of one server."""
    return datasets.make_reverb_dataset(
      table=self._config.replay_table_name,
      server_address=client.server_address,
      batch_size=self._config.batch_size,
      prefetch_size=self._config.prefetch_size,
      num_parallel_calls=self._config.num_parallel_samplers,
      postprocess=self._restore,
    )

  def _construct_learner(self, **arguments: Any) -> learning.D4PGLearner:
    """Returns the learner; for subclasses that have another of these arguments."""
    config = self._config
    if config.teacher is not None:
      return teacher.TaughtD4PGLearner(
        teacher=snapshots.LoadedPolicy(shipped.find_policy(config.teacher)),
        teacher_weight=config.teacher_weight,
        **arguments,
      )
    if config.regression_weight == 0.0:
      return learning.D4PGLearner(**arguments)
    return regression.RegressingD4PGLearner(
      regression_weight=config.regression_weight,
      regression_filter=config.regression_filter,
      final_regression_weight=config.final_regression_weight,
      regression_decay_updates=config.regression_decay_updates,
      **arguments,
    )

  def _make_priority_writer(
    self, replay_client: Optional[reverb.Client]
  ) -> Optional[priorities.PriorityWriter]:
    """Returns None if the table has no priorities."""
    config = self._config
    if replay_client is None or config.priority_exponent == 0.0:
      return None
    removal = None
    if config.remover == d4pg_config.PROPORTIONAL:
      removal = removal_lib.ProportionalRemoval(
        config.max_replay_size,
        exponent=config.removal_exponent,
        # The writer is called once in a call of the learner.
        period=math.ceil(config.removal_period / config.updates_per_step),
      )
    return priorities.PriorityWriter(
      replay_client, config.replay_table_name, removal=removal
    )


def _make_optimizer(
  config: d4pg_config.D4PGConfig, learning_rate: float
) -> optimizers.FusedAdam:
  """Returns Adam whose learning rate decays as the config says."""
  if config.final_learning_rate_factor == 1.0:
    return optimizers.FusedAdam(learning_rate)
  return optimizers.FusedAdam(
    optimizers.linear_schedule(
      learning_rate,
      learning_rate * config.final_learning_rate_factor,
      config.learning_rate_decay_updates,
    )
  )
