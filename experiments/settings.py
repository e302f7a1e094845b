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
"""Checks of settings that are each in range, and do not fit together."""

import dataclasses

from experiments import experiment as experiment_lib
from experiments import overrides
from experiments import schedule
from experiments.domains import block_stacking

# What a run that goes on must have as it was: what is in its replay was made by
# it, or its networks have their shapes from it.
_FIXED = ('domain.', 'networks.', 'demonstrations.')
# Weights are float32 whatever they are multiplied in.
_MOVABLE = ('demonstrations.dataset', 'networks.compute_dtype')
_FIXED_OF_HALF = (
  'discount',
  'n_step',
  'vmin',
  'vmax',
  'num_atoms',
  'normalised_critic',
  'replay_table_name',
  'policy_trains_torso',
)
# What a learner has a part for unless it is this: the part is in the checkpoint.
_SWITCHED_OFF = {'policy_averaging_horizon': 1, 'auxiliary_weight': 0.0}
# What Reverb takes from a replay that was kept, whatever the tables are made of.
_FIXED_OF_TABLE = (
  'max_replay_size',
  'min_replay_size',
  'samples_per_insert',
  'priority_exponent',
  'num_replay_shards',
)


def check_program(experiment: experiment_lib.Experiment) -> None:
  """Raises if an experiment is none that runs as a program.

  Args:
    experiment: the experiment.

  Raises:
    ValueError: if it is a baseline of the task half alone.
  """
  if not experiment.learns_imitation:
    raise ValueError(
      f'--preset={experiment.preset} is a baseline of the task half alone, which '
      'runs in one process: use experiments.run_metamimic.'
    )


def check_effects(
  experiment: experiment_lib.Experiment, before: experiment_lib.Experiment
) -> None:
  """Raises if a setting was changed that has no effect.

  Args:
    experiment: the experiment.
    before: the experiment that it was made from.

  Raises:
    ValueError: if there is such a setting, with what would give it one.
  """
  domain = experiment.domain
  if not isinstance(domain, block_stacking.BlockStacking):
    return
  changed = _changed(experiment, before)
  for name in ('torso', 'siamese', 'compute_dtype'):
    if f'networks.{name}' in changed and not domain.seen_images:
      raise ValueError(
        f'networks.{name}={getattr(experiment.networks, name)} has no effect, as '
        'no image is seen: give --preset=pixels as well.'
      )
  for term in ('pixel', 'joint', 'block'):
    path = f'domain.{term}_scale'
    if path in changed and not getattr(domain, f'{term}_coefficient'):
      raise ValueError(
        f'{path}={getattr(domain, f"{term}_scale")} has no effect, as '
        f'domain.{term}_coefficient is 0: set that as well.'
      )


def check_resumable(
  experiment: experiment_lib.Experiment,
  before: experiment_lib.Experiment,
  has_replay: bool = True,
) -> None:
  """Raises if a run would go on as another one.

  Args:
    experiment: the experiment that is to go on.
    before: the experiment of the run so far.
    has_replay: whether it goes on with the replay that was kept.

  Raises:
    ValueError: if something differs that what was kept depends on.
  """
  for path in _changed(experiment, before):
    old, new = (overrides.values(e)[path] for e in (before, experiment))
    name = path.partition('.')[2]
    off = _SWITCHED_OFF.get(name)
    remedy = 'leave it out, or start another run'
    if has_replay and name in _FIXED_OF_TABLE:
      remedy += ', or, in one process, give --set=keeps_replay=false as well'
    elif not (
      (path.startswith(_FIXED) and path not in _MOVABLE)
      or name in _FIXED_OF_HALF
      or (name in _SWITCHED_OFF and off in (old, new))
    ):
      continue
    raise ValueError(
      f'{path}={new} cannot change at a resume, as what was kept is of '
      f'{path}={old}: {remedy}.'
    )


def _changed(
  experiment: experiment_lib.Experiment, before: experiment_lib.Experiment
) -> list[str]:
  """Returns the paths of the fields that differ."""
  old = overrides.values(before)
  return [
    path
    for path, value in overrides.values(experiment).items()
    if old.get(path) != value
  ]


def check_ends(experiment: experiment_lib.Experiment) -> None:
  """Raises if a run would not reach its task phase, or there never its end.

  Args:
    experiment: experiment that runs in one process.

  Raises:
    ValueError: if its budget is such, with the remedy.
  """
  if experiment.task_phase.after_share is not None and (
    experiment.budget.minutes is None
  ):
    raise ValueError(
      f'task_phase.after_share={experiment.task_phase.after_share} is a share of '
      "the budget's minutes, of which there are none: give --budget_minutes, or "
      'set task_phase.after_share=none, and task_phase.after_imitation_updates '
      'if there is to be such a phase.'
    )
  updates = experiment.budget.imitation_updates
  others = dataclasses.replace(experiment.budget, imitation_updates=None)
  if (
    experiment.task_phase.exists
    and updates is not None
    and others == schedule.Budget()
  ):
    raise ValueError(
      f'budget.imitation_updates={updates} does not grow in the task phase, so '
      'that the run would not end: give --budget_minutes or budget.task_updates as '
      'well.'
    )
