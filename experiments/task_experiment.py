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
from typing import Any, Optional

from acme import specs

import acme_metamimic
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import builder as d4pg_builder
from experiments import experiment
from experiments.domains import block_stacking
from experiments.domains import domain as domain_lib


@dataclasses.dataclass(frozen=True)
class TaskExperiment(experiment.Experiment):
  """An experiment of D4PG, or of D4PGfD if `task` is a `D4PGfDConfig`.

  It runs in one process alone. What is said of the imitation half is unused.
  """

  learns_imitation = False

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.task_phase.exists:
      raise ValueError(
        f'task_phase={self.task_phase} follows an imitation half, of which there '
        'is none: leave it out, or give --preset=features.'
      )

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
      An `acme_metamimic.D4PG`, resumed from its checkpoint if there is one: an
      agent without imitation half.
    """
    label = f'{specs_lib.TASK}_learner'
    builder = self._make_task_builder(dataset)
    return acme_metamimic.D4PG(
      environment_spec,
      self.make_task_networks(environment_spec),
      builder=builder,
      label=label,
      logger=logger_factory(label) if logger_factory else None,
      checkpoint_directory=checkpoint_directory,
      keeps_replay=self.keeps_replay and checkpoint_directory is not None,
      learns_beside_acting=self.learns_beside_acting,
    )

  def _make_task_builder(
    self, dataset: Optional[domain_lib.Dataset]
  ) -> d4pg_builder.D4PGBuilder:
    """Returns D4PG's builder, or D4PGfD's with the demonstrations' actions."""
    config = self.one_process_half(specs_lib.TASK)
    noise_scale = self.domain.noise_scale()
    if not isinstance(config, acme_metamimic.D4PGfDConfig):
      return d4pg_builder.D4PGBuilder(config, noise_scale=noise_scale)
    assert dataset is not None
    assert isinstance(self.domain, block_stacking.BlockStacking)
    return acme_metamimic.D4PGfDBuilder(
      config,
      self.domain.load_task_demonstrations(dataset),
      noise_scale,
    )
