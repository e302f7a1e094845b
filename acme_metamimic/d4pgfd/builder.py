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
"""The builder of D4PGfD."""

import functools
from typing import Any, Iterator, Mapping, Optional, Protocol, Sequence

from acme import adders
from acme import specs
from acme.adders import reverb as reverb_adders
from acme.adders import wrappers as adder_wrappers
import dm_env
import numpy as np
import reverb
import tensorflow as tf

from acme_metamimic import waiting
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import learning as d4pg_learning
from acme_metamimic.d4pgfd import config as fd_config
from acme_metamimic.d4pgfd import learning
from acme_metamimic.d4pgfd import sampling
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


class D4PGfDBuilder(d4pg_builder.D4PGBuilder):
  """Builder of D4PGfD: D4PG with a second table for demonstrations.

  The learner samples both tables as if they were one. The table of
  demonstrations has room for all of them, and so never drops any.
  """

  def __init__(
    self,
    config: fd_config.D4PGfDConfig,
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
      functools.partial(
        sampling.choose, exponent=self._config.priority_exponent
      )
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
    return sampling.DemonstrationPriorityWriter(
      replay_client,
      self._config.replay_table_name,
      self._demonstration_table,
      self._fd_config.demonstration_bonus,
    )

  def _construct_learner(self, **arguments: Any) -> d4pg_learning.D4PGLearner:
    config = self._fd_config
    return learning.D4PGfDLearner(
      action_gradient_coefficient=config.action_gradient_coefficient,
      priority_offset=config.priority_offset,
      weight_decay=config.weight_decay,
      **arguments,
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
