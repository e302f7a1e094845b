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

"""The builder of MetaMimic: one Acme builder a half, and what they share."""

from typing import Iterator, List, Optional, Tuple

from acme import adders
from acme import core
from acme import specs
from acme import types
from acme.utils import counting
from acme.utils import loggers
import reverb
import sonnet as snt

from acme_metamimic import config as config_lib
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import learning
from acme_metamimic.replay import adders as adders_lib
from acme_metamimic.replay import goals


class MetaMimicBuilder:
  """Makes the parts of MetaMimic: a builder for each half, and what they share.

  The paper's "off-policy RL algorithm A" is `imitation_builder` and
  `task_builder`: a subclass of `d4pg_builder.D4PGBuilder` puts another learner in.
  """

  def __init__(
    self,
    config: Optional[config_lib.MetaMimicConfig] = None,
    *,
    imitation_builder: Optional[d4pg_builder.D4PGBuilder] = None,
    task_builder: Optional[d4pg_builder.D4PGBuilder] = None,
    goal_frames: Optional[goals.GoalFrames] = None,
  ):
    """Initializes the builder.

    Args:
      config: of the agent; Table 1 by default.
      imitation_builder: of the imitation half; D4PG by default.
      task_builder: of the task half; D4PG by default.
      goal_frames: the demonstrations' frames, to keep references to them in the
        imitation table in place of the goals. The environment then shows
        `goal_reference`, and an `imitation_builder` restores its samples with
        `goal_frames.restore`. By default the table keeps the goals themselves.

    Raises:
      ValueError: if a half's builder has another config than the agent has.
    """
    self._config = config or config_lib.MetaMimicConfig()
    self._goal_frames = goal_frames
    self._imitation = imitation_builder or d4pg_builder.D4PGBuilder(
      self._config.imitation, goal_frames.restore if goal_frames else None
    )
    self._task = task_builder or d4pg_builder.D4PGBuilder(self._config.task)
    for half, builder, expected in (
      ('imitation', self._imitation, self._config.imitation),
      ('task', self._task, self._config.task),
    ):
      if builder.config != expected:
        raise ValueError(
          f'{half}_builder has the config {builder.config}, the agent '
          f'{expected}: make it with `config.{half}` of the config that is given '
          'here.'
        )

  @property
  def config(self) -> config_lib.MetaMimicConfig:
    """Configuration of the agent."""
    return self._config

  def make_replay_tables(
    self, environment_spec: specs.EnvironmentSpec
  ) -> List[reverb.Table]:
    """Makes the two tables, to be held by one server.

    Args:
      environment_spec: of the imitation environment.

    Returns:
      The imitation table and the task table.

    Raises:
      ValueError: if the spec does not fit, with the remedy.
    """
    imitation_spec, task_spec = self._stored_specs(environment_spec)
    return [
      *self._imitation.make_replay_tables(imitation_spec),
      *self._task.make_replay_tables(task_spec),
    ]

  def expected_bytes(self, environment_spec: specs.EnvironmentSpec) -> int:
    """Returns the bytes that both tables take when they are full, at most.

    What they share is counted twice: it is the more the fewer items there are,
    as the two drop different ones.

    Args:
      environment_spec: of the imitation environment.

    Raises:
      ValueError: if the spec does not fit, with the remedy.
    """
    imitation_spec, task_spec = self._stored_specs(environment_spec)
    return self._imitation.expected_bytes(
      imitation_spec
    ) + self._task.expected_bytes(task_spec)

  def _stored_specs(
    self, environment_spec: specs.EnvironmentSpec
  ) -> Tuple[specs.EnvironmentSpec, specs.EnvironmentSpec]:
    """Returns what the imitation and the task table keep."""
    specs_lib.validate_imitation_spec(environment_spec)
    imitation_spec = specs_lib.imitation_spec(environment_spec)
    if self._goal_frames is not None:
      specs_lib.validate_goal_reference(environment_spec.observations)
      imitation_spec = self._goal_frames.stored_spec(imitation_spec)
    return imitation_spec, specs_lib.task_spec(environment_spec)

  def make_imitation_adder(
    self, replay_client: reverb.Client
  ) -> adders_lib.DualStreamAdder:
    """Makes the adder of an imitation actor: both tables, one writer.

    Args:
      replay_client: client of the server that holds both tables.

    Returns:
      The adder.
    """
    imitation, task = self._config.imitation, self._config.task
    return adders_lib.DualStreamAdder(
      replay_client,
      imitation_n_step=imitation.n_step,
      imitation_discount=imitation.discount,
      task_n_step=task.n_step,
      task_discount=task.discount,
      imitation_table=imitation.replay_table_name,
      task_table=task.replay_table_name,
      imitation_priority=self._imitation.item_priority(is_imitation=True),
      task_priority=self._task.item_priority(is_imitation=True),
      goal_references=self._goal_frames is not None,
    )

  def make_task_adder(self, replay_client: reverb.Client) -> adders.Adder:
    """Makes the adder of a task actor: Acme's n-step adder, one table.

    Args:
      replay_client: client of the server that holds the task table.

    Returns:
      The adder.
    """
    return self._task.make_adder(replay_client)

  def make_imitation_actor(
    self,
    policy_network: snt.Module,
    adder: Optional[adders.Adder] = None,
    variable_source: Optional[core.VariableSource] = None,
  ) -> core.Actor:
    """Makes an imitation actor; see `d4pg_builder.D4PGBuilder.make_actor`."""
    policy = snt.Sequential([_without_reference, policy_network])
    return self._imitation.make_actor(policy, adder, variable_source)

  def make_task_actor(
    self,
    policy_network: snt.Module,
    adder: Optional[adders.Adder] = None,
    variable_source: Optional[core.VariableSource] = None,
  ) -> core.Actor:
    """Makes a task actor; see `d4pg_builder.D4PGBuilder.make_actor`."""
    return self._task.make_actor(policy_network, adder, variable_source)

  def make_imitation_dataset_iterator(
    self, replay_client: reverb.Client
  ) -> Iterator[reverb.ReplaySample]:
    """Makes the imitation learner's iterator over batches."""
    return self._imitation.make_dataset_iterator(replay_client)

  def make_task_dataset_iterator(
    self, replay_client: reverb.Client
  ) -> Iterator[reverb.ReplaySample]:
    """Makes the task learner's iterator over batches."""
    return self._task.make_dataset_iterator(replay_client)

  def make_imitation_learner(
    self,
    networks: d4pg_builder.NetworkPair,
    dataset: Iterator[reverb.ReplaySample],
    *,
    replay_client: Optional[reverb.Client] = None,
    counter: Optional[counting.Counter] = None,
    logger: Optional[loggers.Logger] = None,
    checkpoint_directory: Optional[str] = None,
  ) -> learning.D4PGLearner:
    """Makes the imitation learner (Algorithm 2).

    Args:
      networks: online and target networks, with variables.
      dataset: from `make_imitation_dataset_iterator`.
      replay_client: client of the server, to write priorities with.
      counter: counts updates as `steps`.
      logger: receives the learner's metrics.
      checkpoint_directory: folder for checkpoints, which both halves may share;
        None for no checkpoints.

    Returns:
      The learner, resumed from its checkpoint if there is one.
    """
    return self._imitation.make_learner(
      networks,
      dataset,
      counter,
      logger,
      replay_client=replay_client,
      checkpoint_directory=checkpoint_directory,
      checkpoint_name='imitation_learner',
    )

  def make_task_learner(
    self,
    networks: d4pg_builder.NetworkPair,
    dataset: Iterator[reverb.ReplaySample],
    *,
    replay_client: Optional[reverb.Client] = None,
    counter: Optional[counting.Counter] = None,
    logger: Optional[loggers.Logger] = None,
    checkpoint_directory: Optional[str] = None,
  ) -> learning.D4PGLearner:
    """Makes the task learner (Algorithm 4); see `make_imitation_learner`."""
    return self._task.make_learner(
      networks,
      dataset,
      counter,
      logger,
      replay_client=replay_client,
      checkpoint_directory=checkpoint_directory,
      checkpoint_name='task_learner',
    )


def _without_reference(observation: types.NestedTensor) -> types.NestedTensor:
  """Returns what a policy sees of an imitation environment's observation."""
  return specs_lib.without(observation, specs_lib.GOAL_REFERENCE)


def check_same(
  config: Optional[config_lib.MetaMimicConfig],
  of_builder: config_lib.MetaMimicConfig,
) -> None:
  """Raises if an agent and its builder have different configs.

  Args:
    config: of the agent; None for that of the builder.
    of_builder: of the builder.

  Raises:
    ValueError: if they differ, as parts would be made by one and run by the
      other.
  """
  if config is not None and config != of_builder:
    raise ValueError(
      f'config={config} is not that of the builder, {of_builder}: give the '
      'builder the same, or leave one of the two out.'
    )
