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

from typing import List, Optional

from acme import adders as acme_adders
from acme import core
from acme import specs
from acme import types
import reverb
import sonnet as snt

from acme_metamimic import config as config_lib
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.replay import adders
from acme_metamimic.replay import goals
from acme_metamimic.replay import writers
from acme_metamimic.tf import views


class ImitationBuilder(d4pg_builder.D4PGBuilder):
  """D4PG for the imitation half: its adder feeds both tables (Algorithm 1)."""

  def __init__(
    self,
    config: d4pg_config.D4PGConfig,
    task: d4pg_builder.D4PGBuilder,
    goal_frames: Optional[goals.GoalFrames] = None,
    noise_scale: Optional[views.Scales] = None,
  ):
    """Initializes the builder.

    Args:
      config: configuration of the imitation half.
      task: builder of the task half, whose table the adder feeds as well.
      goal_frames: frames of the demonstrations, to keep references to them in
        the table in place of the goals; see `MetaMimicBuilder`.
      noise_scale: as for `D4PGBuilder`.
    """
    restore = goal_frames.restore if goal_frames else None
    super().__init__(config, restore, noise_scale)
    self._task = task
    self._goal_frames = goal_frames

  @property
  def task(self) -> d4pg_builder.D4PGBuilder:
    """Builder of the task half, whose table the adder feeds as well."""
    return self._task

  @property
  def keeps_references(self) -> bool:
    """Whether the table keeps references to the goals in their place."""
    return self._goal_frames is not None

  def stored_spec(
    self, environment_spec: specs.EnvironmentSpec
  ) -> specs.EnvironmentSpec:
    """Returns what the table keeps: references in place of goals, if so asked.

    Args:
      environment_spec: spec of the environment as the imitation learner sees it.

    Raises:
      ValueError: if its goals are not the frames of the demonstrations.
    """
    if self._goal_frames is None:
      return environment_spec
    return self._goal_frames.stored_spec(environment_spec)

  def make_adder(self, replay_client: reverb.Client) -> adders.DualStreamAdder:
    """Makes the adder of an imitation actor: both tables, one writer.

    Args:
      replay_client: client of the server that holds both tables.

    Returns:
      The adder.
    """
    imitation, task = self._config, self._task.config
    return adders.DualStreamAdder(
      writers.PatientClient(replay_client),
      imitation_n_step=imitation.n_step,
      imitation_discount=imitation.discount,
      task_n_step=task.n_step,
      task_discount=task.discount,
      imitation_table=imitation.replay_table_name,
      task_table=task.replay_table_name,
      imitation_priority=self.item_priority(is_imitation=True),
      task_priority=self._task.item_priority(is_imitation=True),
      goal_references=self.keeps_references,
    )

  def make_actor(
    self,
    policy_network: snt.Module,
    adder: Optional[acme_adders.Adder] = None,
    variable_source: Optional[core.VariableSource] = None,
  ) -> core.Actor:
    """Makes an actor, whose policy does not see `goal_reference`.

    Args:
      policy_network: as for `D4PGBuilder.make_actor`.
      adder: records what the actor does; None for an evaluator.
      variable_source: as for `D4PGBuilder.make_actor`.

    Returns:
      The actor.
    """
    return super().make_actor(
      self.on_environment(policy_network), adder, variable_source
    )

  def on_environment(self, policy_network: snt.Module) -> snt.Module:
    """Returns a policy of all that an imitation environment shows.

    Args:
      policy_network: policy of what the imitation learner sees.
    """
    return snt.Sequential([_without_reference, policy_network])


class MetaMimicBuilder:
  """Makes the parts of MetaMimic: a builder for each half, and what they share.

  The paper's "off-policy RL algorithm A" is a builder: in place of D4PG's a
  subclass of it puts another learner into a half.
  """

  def __init__(
    self,
    config: Optional[config_lib.MetaMimicConfig] = None,
    *,
    imitation_builder: Optional[ImitationBuilder] = None,
    task_builder: Optional[d4pg_builder.D4PGBuilder] = None,
    goal_frames: Optional[goals.GoalFrames] = None,
    noise_scale: Optional[views.Scales] = None,
  ):
    """Initializes the builder.

    Args:
      config: configuration of the agent; Table 1 by default.
      imitation_builder: builder of the imitation half, made with `task_builder`;
        D4PG by default.
      task_builder: builder of the task half; D4PG by default.
      goal_frames: frames of the demonstrations, to keep references to them in
        the imitation table in place of the goals. The environment then shows
        `goal_reference`. By default the table keeps the goals themselves. An
        `imitation_builder` has its own.
      noise_scale: as for `D4PGBuilder`, for both halves; builders of halves have
        their own.

    Raises:
      ValueError: if a half's builder has another config than the agent has, or
        the imitation half feeds another task half.
    """
    self._config = config or config_lib.MetaMimicConfig()
    if task_builder is None:
      task_builder = (
        imitation_builder.task
        if imitation_builder is not None
        else d4pg_builder.D4PGBuilder(
          self._config.task, noise_scale=noise_scale
        )
      )
    self._task = task_builder
    self._imitation = imitation_builder or ImitationBuilder(
      self._config.imitation, self._task, goal_frames, noise_scale
    )
    if self._imitation.task is not self._task:
      raise ValueError(
        'imitation_builder feeds the table of another task builder than '
        f'task_builder={self._task!r}: make it with that one.'
      )
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

  @property
  def imitation(self) -> ImitationBuilder:
    """Builder of the imitation half (Algorithms 1 and 2)."""
    return self._imitation

  @property
  def task(self) -> d4pg_builder.D4PGBuilder:
    """Builder of the task half (Algorithms 3 and 4)."""
    return self._task

  def make_replay_tables(
    self, environment_spec: specs.EnvironmentSpec
  ) -> List[reverb.Table]:
    """Makes the two tables, to be held by one server.

    Args:
      environment_spec: spec of the imitation environment.

    Returns:
      The imitation table and the task table.

    Raises:
      ValueError: if the spec does not fit, with the remedy.
    """
    self._validate(environment_spec)
    return [
      *self._imitation.make_replay_tables(
        specs_lib.imitation_spec(environment_spec)
      ),
      *self._task.make_replay_tables(specs_lib.task_spec(environment_spec)),
    ]

  def expected_bytes(self, environment_spec: specs.EnvironmentSpec) -> int:
    """Returns the bytes that both tables take when they are full, at most.

    What they share is counted twice: it is the more the fewer items there are,
    as the two drop different ones.

    Args:
      environment_spec: spec of the imitation environment.

    Raises:
      ValueError: if the spec does not fit, with the remedy.
    """
    self._validate(environment_spec)
    return self._imitation.expected_bytes(
      specs_lib.imitation_spec(environment_spec)
    ) + self._task.expected_bytes(specs_lib.task_spec(environment_spec))

  def _validate(self, environment_spec: specs.EnvironmentSpec) -> None:
    specs_lib.validate_imitation_spec(environment_spec)
    if self._imitation.keeps_references:
      specs_lib.validate_goal_reference(environment_spec.observations)


def _without_reference(observation: types.NestedTensor) -> types.NestedTensor:
  """Returns what a policy sees of an imitation environment's observation."""
  return specs_lib.without(observation, specs_lib.GOAL_REFERENCE)
