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
"""The paper's Figure 8 at the size of the demo: MetaMimic and its baselines.

All have the budget, the networks, what these see and, where they have one, the
imitation half of `features`.
"""

import dataclasses
from typing import Any

import acme_metamimic
from acme_metamimic.d4pg import config as d4pg_config
from experiments import experiment
from experiments import schedule
from experiments import task_experiment
from experiments.domains import block_stacking
from experiments.presets import features

# About as many as two idle cores make in the 24 minutes that D4PG has to itself,
# where MetaMimic's task half has twelve of them.
_UPDATES = 200_000


def make_metamimic_curriculum() -> experiment.Experiment:
  """Returns MetaMimic whose task actor starts inside demonstrations."""
  return _with_curriculum(features.make(), 'metamimic_curriculum')


def make_d4pg() -> task_experiment.TaskExperiment:
  """Returns D4PG, from the task reward alone."""
  base = features.make()
  # There are no imitation actors to regress to.
  task = dataclasses.replace(
    base.task,
    regression_weight=0.0,
    regression_filter=d4pg_config.BETTER,
    # Neither has it where it comes from.
    smoothness_weight=0.0,
    learning_rate_decay_updates=_UPDATES,
  )
  return _alone(base, preset='d4pg', task=task)


def make_d4pg_curriculum() -> experiment.Experiment:
  """Returns D4PG whose actor starts inside demonstrations."""
  return _with_curriculum(make_d4pg(), 'd4pg_curriculum')


def make_d4pgfd() -> task_experiment.TaskExperiment:
  """Returns D4PGfD, which has the demonstrators' actions and rewards."""
  base = make_d4pg()
  shared = dataclasses.asdict(base.task)
  # Those of Vecerik et al. (2017), not those of D4PG.
  for name in ('priority_exponent', 'importance_sampling_exponent'):
    del shared[name]
  return dataclasses.replace(
    base, preset='d4pgfd', task=acme_metamimic.D4PGfDConfig(**shared)
  )


def _alone(
  base: experiment.Experiment, **changes: Any
) -> task_experiment.TaskExperiment:
  """Returns an experiment of the task half alone, from one of both."""
  fields = {f.name: getattr(base, f.name) for f in dataclasses.fields(base)}
  # It has the whole run to itself.
  fields['task_phase'] = schedule.TaskPhase()
  return task_experiment.TaskExperiment(**{**fields, **changes})


def _with_curriculum(
  base: experiment.Experiment, preset: str
) -> experiment.Experiment:
  # Appendix C.2 starts all episodes in the first 300 steps of demonstrations.
  assert isinstance(base.domain, block_stacking.BlockStacking)
  domain = dataclasses.replace(base.domain, task_curriculum_probability=1.0)
  return dataclasses.replace(base, preset=preset, domain=domain)
