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
"""D4PGfD: D4PG from demonstrations, a baseline of the paper (section 3.3).

Source: Vecerik et al., 2017, "Leveraging Demonstrations for Deep Reinforcement
Learning on Robotics Problems with Sparse Rewards", section 3. Demonstrations
with actions and rewards are in the replay before training and are never
dropped, sampling is prioritised, 1-step and n-step returns are mixed, and both
networks are regularised.
"""

import dataclasses
import functools
from typing import Any, Iterator, Mapping, Optional, Protocol, Sequence

from acme import adders
from acme import specs
from acme import types
from acme.adders import reverb as reverb_adders
from acme.adders import wrappers as adder_wrappers
import dm_env
import numpy as np
import reverb
import tensorflow as tf
import tree

from acme_metamimic import waiting
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.d4pg import learning
from acme_metamimic.d4pg import losses
from acme_metamimic.replay import answers
from acme_metamimic.replay import footprint
from acme_metamimic.replay import priorities
from acme_metamimic.replay import tables
from acme_metamimic.replay import writers
from acme_metamimic.tf import views


class Demonstration(Protocol):
  """A recorded episode of T steps, with the actions and rewards of each."""

  @property
  def observations(self) -> Mapping[str, np.ndarray]:
    """Observations by key, [T + 1, ...] each."""

  @property
  def actions(self) -> np.ndarray:
    """Actions in the environment's units, float[T, A]."""

  @property
  def rewards(self) -> np.ndarray:
    """Task rewards, float[T]."""


@dataclasses.dataclass
class D4PGfDConfig(d4pg_config.D4PGConfig):
  """Configuration of D4PGfD.

  A priority is `loss + lambda_3 |dQ/da|^2 + epsilon`, and `epsilon_D` more for a
  demonstration's transition (Vecerik et al., section 3). Where they give no
  value, the default is that of DQfD (Hester et al., 2018, "Deep Q-learning from
  Demonstrations").

  Attributes:
    priority_exponent: exponent alpha of the priorities in the sampling
      probability; Vecerik et al. have 0.3.
    importance_sampling_exponent: exponent beta of the importance weights;
      Vecerik et al. have 1.
    action_gradient_coefficient: coefficient lambda_3 of the squared gradient
      |dQ/da|^2 in the priority. Neither paper has a value; 1 gives both terms
      the same weight.
    priority_offset: constant epsilon in every priority, so that none is zero;
      DQfD has 0.001.
    demonstration_bonus: constant epsilon_D in the priorities of demonstrations;
      DQfD has 1.
    weight_decay: coefficient lambda_2 of the squared weights in both losses;
      DQfD has 1e-5.
  """

  priority_exponent: float = 0.3
  importance_sampling_exponent: float = 1.0
  action_gradient_coefficient: float = 1.0
  priority_offset: float = 1e-3
  demonstration_bonus: float = 1.0
  weight_decay: float = 1e-5

  def __post_init__(self) -> None:
    super().__post_init__()
    for name in (
      'action_gradient_coefficient',
      'priority_offset',
      'demonstration_bonus',
      'weight_decay',
    ):
      if not getattr(self, name) >= 0.0:
        raise ValueError(
          f'{name}={getattr(self, name)} must not be negative: use 0 to switch '
          'it off.'
        )
    if self.regression_weight > 0.0 or self.teacher is not None:
      raise ValueError(
        f'regression_weight={self.regression_weight} and teacher={self.teacher!r}: '
        'D4PGfD has neither, it learns from actions by its priorities alone; '
        'leave both out, or use D4PGConfig.'
      )
    if self.remover != d4pg_config.MIN_HEAP:
      raise ValueError(
        f'remover={self.remover!r} would choose among demonstrations, which '
        f'stay: use {d4pg_config.MIN_HEAP!r}.'
      )
    if self.priority_exponent == 0.0:
      raise ValueError(
        'priority_exponent=0.0 would sample demonstrations and the rest alike: '
        'use a positive one, 0.3 as Vecerik et al.'
      )


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


class DemonstrationPriorityWriter(priorities.PriorityWriter):
  """Priority writer of both tables, with a bonus in that of demonstrations.

  A batch holds items of both tables. Keys are unique on a server, and a table
  ignores those that it does not have.
  """

  def __init__(
    self,
    client: reverb.Client,
    table: str,
    demonstration_table: str,
    bonus: float,
  ):
    """Starts the thread.

    Args:
      client: Reverb client of the server that holds both tables.
      table: name of the table of the agent's own transitions.
      demonstration_table: name of the table of demonstrations.
      bonus: constant epsilon_D that is added to a demonstration's priority.
    """
    self._demonstration_table = demonstration_table
    self._bonus = bonus
    super().__init__(client, table)

  def _send(self, updates: dict, deletes: Sequence[int]) -> None:
    super()._send(updates, deletes)
    self._client.mutate_priorities(
      self._demonstration_table,
      updates={key: p + self._bonus for key, p in updates.items()},
    )


class D4PGfDBuilder(d4pg_builder.D4PGBuilder):
  """Builder of D4PGfD: D4PG with a second table for demonstrations.

  The learner samples both tables as if they were one. The table of
  demonstrations has room for all of them, and so never drops any.
  """

  def __init__(
    self,
    config: D4PGfDConfig,
    demonstrations: Sequence[Demonstration],
    noise_scale: Optional[views.Scales] = None,
  ):
    """Initializes the builder.

    Args:
      config: configuration of D4PGfD.
      demonstrations: recorded episodes of the task environment, with its
        observations, actions and rewards. The end of each is taken to be a
        truncation, from which the critic bootstraps.
      noise_scale: as for `D4PGBuilder`.

    Raises:
      ValueError: if there is no demonstration.
    """
    super().__init__(config, noise_scale=noise_scale)
    if not demonstrations:
      raise ValueError(
        'demonstrations are empty: give at least one, or use D4PGBuilder.'
      )
    self._fd_config = config
    self._demonstrations = demonstrations
    self._demonstration_table = f'{config.replay_table_name}_demonstrations'

  def make_replay_tables(
    self, environment_spec: specs.EnvironmentSpec
  ) -> list[reverb.Table]:
    """Makes the table of the agent's own transitions and that of demonstrations.

    Args:
      environment_spec: specs of the task environment.

    Returns:
      Both tables, in this order.
    """
    return [
      *super().make_replay_tables(environment_spec),
      tables.make_table(
        reverb_adders.NStepTransitionAdder.signature(environment_spec),
        name=self._demonstration_table,
        max_size=self._num_demonstration_items,
        priority_exponent=self._config.priority_exponent,
      ),
    ]

  @property
  def _num_demonstration_items(self) -> int:
    """Items of both returns: one a step, and the shorter ones at each end."""
    steps = sum(len(d.actions) for d in self._demonstrations)
    return 2 * steps + len(self._demonstrations) * (self._config.n_step - 1)

  def expected_bytes(self, environment_spec: specs.EnvironmentSpec) -> int:
    """Returns the bytes that both tables take when they are full.

    Args:
      environment_spec: specs of the task environment.
    """
    # Of the second nothing is dropped.
    return super().expected_bytes(environment_spec) + footprint.expected_bytes(
      environment_spec, self._num_demonstration_items, prioritised=False
    )

  def make_adder(self, replay_client: reverb.Client) -> adders.Adder:
    """Makes an adder of 1-step and n-step transitions.

    Args:
      replay_client: Reverb client of the server that holds the tables.

    Returns:
      Adder that writes to the table of the agent's own transitions.
    """
    return self._make_adder(
      replay_client, self._config.replay_table_name, self.initial_priority
    )

  def load_demonstrations(self, replay_client: reverb.Client) -> None:
    """Fills the table of demonstrations, if it is empty.

    Args:
      replay_client: Reverb client of the server that holds the tables.
    """
    info = answers.table_infos(replay_client)[self._demonstration_table]
    if info.current_size:
      return
    adder = self._make_adder(
      replay_client,
      self._demonstration_table,
      self.initial_priority + self._fd_config.demonstration_bonus,
    )
    for demonstration in self._demonstrations:
      _add(adder, demonstration)
    adder.reset()

  def make_dataset_iterator(
    self, reverb_client: reverb.Client
  ) -> Iterator[reverb.ReplaySample]:
    """Makes an iterator over batches of both tables, and fills the second.

    Args:
      reverb_client: Reverb client of the server that holds the tables.

    Returns:
      Iterator over batches of `config.batch_size` transitions.
    """
    self.load_demonstrations(reverb_client)
    datasets = [
      reverb.TrajectoryDataset.from_table_signature(
        server_address=reverb_client.server_address,
        table=table,
        max_in_flight_samples_per_worker=2 * self._config.batch_size,
        get_signature_timeout_secs=waiting.ANSWER_SECONDS,
      )
      for table in (self._config.replay_table_name, self._demonstration_table)
    ]
    dataset = tf.data.Dataset.zip(tuple(datasets)).map(
      functools.partial(choose, exponent=self._config.priority_exponent)
    )
    dataset = dataset.batch(self._config.batch_size, drop_remainder=True)
    return iter(dataset.prefetch(self._config.prefetch_size))

  def _make_adder(
    self, client: reverb.Client, table: str, priority: float
  ) -> adders.Adder:
    """Returns an adder of 1-step and n-step transitions to one table."""
    return adder_wrappers.ForkingAdder(
      [
        reverb_adders.NStepTransitionAdder(
          client=writers.PatientClient(client),
          n_step=n_step,
          discount=self._config.discount,
          priority_fns={table: lambda _: priority},
        )
        for n_step in sorted({1, self._config.n_step})
      ]
    )

  def _make_priority_writer(
    self, replay_client: reverb.Client | None
  ) -> priorities.PriorityWriter | None:
    if replay_client is None:
      return None
    return DemonstrationPriorityWriter(
      replay_client,
      self._config.replay_table_name,
      self._demonstration_table,
      self._fd_config.demonstration_bonus,
    )

  def _construct_learner(self, **arguments: Any) -> learning.D4PGLearner:
    config = self._fd_config
    return D4PGfDLearner(
      action_gradient_coefficient=config.action_gradient_coefficient,
      priority_offset=config.priority_offset,
      weight_decay=config.weight_decay,
      **arguments,
    )


def choose(
  first: reverb.ReplaySample, second: reverb.ReplaySample, exponent: float
) -> reverb.ReplaySample:
  """Chooses between samples of two prioritised tables as if they were one.

  A sample tells the sum of `priority**exponent` over its table: it is the
  sample's own `priority**exponent` over the probability that it was drawn with.
  The choice is in proportion to the two sums, so that every item is drawn as from
  the union of the tables.

  Args:
    first: sample of one table.
    second: sample of the other table.
    exponent: exponent of the priorities in the sampling probability, the same
      for both tables.

  Returns:
    One of the two samples, whose info has its probability in the union and the
    number of items in the union.
  """
  powers = [s.info.priority**exponent for s in (first, second)]
  sums = [
    power / s.info.probability for power, s in zip(powers, (first, second))
  ]
  total = sums[0] + sums[1]
  is_first = tf.random.uniform([], dtype=total.dtype) * total < sums[0]
  sample = tree.map_structure(
    lambda a, b: tf.where(is_first, a, b), first, second
  )
  return sample._replace(
    info=sample.info._replace(
      probability=tf.where(is_first, powers[0], powers[1]) / total,
      table_size=first.info.table_size + second.info.table_size,
    )
  )


def _add(adder: adders.Adder, demonstration: Demonstration) -> None:
  """Adds a demonstration as an episode that ends in a truncation."""
  rewards = np.asarray(demonstration.rewards, np.float32)
  actions = np.asarray(demonstration.actions, np.float32)

  def observation(step: int) -> dict[str, np.ndarray]:
    return {k: frames[step] for k, frames in demonstration.observations.items()}

  adder.add_first(dm_env.restart(observation(0)))
  last = len(actions) - 1
  for i, (action, reward) in enumerate(zip(actions, rewards, strict=True)):
    adder.add(
      action,
      dm_env.TimeStep(
        dm_env.StepType.LAST if i == last else dm_env.StepType.MID,
        reward,
        np.float32(1.0),
        observation(i + 1),
      ),
    )
