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
"""An experiment of the task half alone: the baselines of the paper's Figure 8."""

import dataclasses
import os
from typing import Any, Mapping, Optional

from acme import specs
from acme import types
from acme.agents import agent
import sonnet as snt

import acme_metamimic
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import from_demonstrations
from experiments import experiment
from experiments.domains import block_stacking
from experiments.domains import domain as domain_lib


class TaskAgent:
  """What a run in one process asks of an agent, by D4PG alone."""

  def __init__(self, d4pg: acme_metamimic.D4PG):
    """Initializes the agent.

    Args:
      d4pg: the agent that learns.
    """
    self._d4pg = d4pg

  @property
  def task(self) -> agent.Agent:
    """Acts with noise, records, and updates its learner."""
    return self._d4pg.agent

  @property
  def expected_bytes(self) -> int:
    """Bytes that the replay takes at most when it is full."""
    return self._d4pg.expected_bytes

  @property
  def policies(self) -> Mapping[str, snt.Module]:
    """The policy that is evaluated, by half."""
    return {specs_lib.TASK: self._d4pg.evaluation_policy}

  def task_policy(self, observation: types.NestedArray) -> types.NestedArray:
    """Returns pi(o_t) without noise, for one observation."""
    return self._d4pg.policy(observation)

  def save(self) -> bool:
    """Writes a checkpoint; see `D4PG.save`."""
    return self._d4pg.save()

  def export(self, directory: str) -> list[str]:
    """Writes the policy as `task_policy`; see `MetaMimic.export`.

    Args:
      directory: folder of the SavedModel.
    """
    return [self._d4pg.export(os.path.join(directory, 'task_policy'))]

  def close(self) -> None:
    """Stops the learner's threads and the replay server."""
    self._d4pg.close()


@dataclasses.dataclass(frozen=True)
class TaskExperiment(experiment.Experiment):
  """An experiment of D4PG, or of D4PGfD if `task` is a `D4PGfDConfig`.

  It runs in one process alone. What is said of the imitation half is unused.
  """

  learns_imitation = False

  def make_agent(
    self,
    environment_spec: specs.EnvironmentSpec,
    dataset: Optional[domain_lib.Dataset],
    *,
    logger_factory: Optional[experiment.LoggerFactory] = None,
    checkpoint_directory: Optional[str] = None,
  ) -> Any:
    """Makes the agent in one process.

    Args:
      environment_spec: spec of the task environment.
      dataset: where the demonstrations are.
      logger_factory: makes the learner's logger from its label; the terminal by
        default.
      checkpoint_directory: folder of the run; None for no checkpoints.

    Returns:
      The agent, resumed from its checkpoint if there is one.
    """
    label = f'{specs_lib.TASK}_learner'
    builder = self._make_task_builder(dataset)
    return TaskAgent(
      acme_metamimic.D4PG(
        environment_spec,
        self.make_task_networks(environment_spec),
        builder=builder,
        label=label,
        logger=logger_factory(label) if logger_factory else None,
        checkpoint_directory=checkpoint_directory,
        keeps_replay=self.keeps_replay and checkpoint_directory is not None,
        learns_beside_acting=self.learns_beside_acting,
      )
    )

  def _make_task_builder(
    self, dataset: Optional[domain_lib.Dataset]
  ) -> d4pg_builder.D4PGBuilder:
    """Returns D4PG's builder, or D4PGfD's with the demonstrations' actions."""
    config = self.one_process_half(specs_lib.TASK)
    noise_scale = self.domain.noise_scale()
    if not isinstance(config, from_demonstrations.D4PGfDConfig):
      return d4pg_builder.D4PGBuilder(config, noise_scale=noise_scale)
    assert dataset is not None
    assert isinstance(self.domain, block_stacking.BlockStacking)
    return from_demonstrations.D4PGfDBuilder(
      config,
      self.domain.load_task_demonstrations(dataset),
      noise_scale,
    )
