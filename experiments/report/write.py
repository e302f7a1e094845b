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
"""Gathers what runs have left behind, and writes the page."""

import os
from typing import Mapping, Optional, Sequence

import numpy as np

from experiments import renderer

with renderer.required():
  from acme_metamimic import specs as specs_lib
  from acme_metamimic.tf import snapshots
  from environments import demonstrations as demonstrations_lib
  from experiments import experiment as experiment_lib
  from experiments import exported_policy
  from experiments import overrides
  from experiments import run_curves
  from experiments import run_folder as run_folder_lib
  from experiments.domains import block_stacking
  from experiments.domains import domain as domain_lib
  from experiments.report import page
  from experiments.report import pictures
  from experiments.report import rollouts as rollouts_lib

_TABLES = ('table.md', 'task_table.md')


class ReportError(ValueError):
  """A run cannot be reported; the message says why."""


def write(run_folders: Sequence[str], path: str) -> None:
  """Writes the page of one or more runs.

  Args:
    run_folders: folders of runs of `experiments.run_metamimic`.
    path: path of the HTML file.

  Raises:
    ReportError: if a folder has no curves, or two runs have one name.
    RunFolderError: if a folder is that of no run.
  """
  columns = {_name(folder): _curves(folder) for folder in run_folders}
  if len(columns) < len(run_folders):
    raise ReportError(
      f'two of {list(run_folders)} have one name: rename one of the folders.'
    )
  sections = [_section(folder) for folder in run_folders]
  title = 'MetaMimic: ' + ', '.join(columns)
  with open(path, 'w', encoding='utf-8') as file:
    file.write(page.render(title, pictures.curves(columns), sections))


def _name(folder: str) -> str:
  return os.path.basename(os.path.normpath(folder))


def _curves(folder: str) -> Mapping[str, np.ndarray]:
  path = os.path.join(folder, 'curves.csv')
  columns = run_curves.read(path) if os.path.exists(path) else {}
  if not columns:
    raise ReportError(
      f'{path!r} has no points: give the folder of a run of '
      'experiments.run_metamimic that has been evaluated at least once.'
    )
  return columns


def _section(folder: str) -> page.Section:
  """Returns what is said of a run."""
  experiment = run_folder_lib.read(folder)
  tables = [
    page.markdown_cells(_text(os.path.join(folder, name)))
    for name in _TABLES
    if os.path.exists(os.path.join(folder, name))
  ]
  rollouts = roll_out(folder, experiment)
  return page.Section(
    name=_name(folder),
    lines=[_summary(folder), *_about(rollouts)],
    tables=[*tables, _measures(rollouts)],
    scatter=pictures.scatter(rollouts) + pictures.survival(rollouts)
    if rollouts
    else '',
    failures=_cells(rollouts),
    films=_films(_filmed(rollouts, experiment.evaluation.filmed)),
    settings=page.describe(overrides.values(experiment)),
    provenance='\n\n'.join(
      page.describe(each) for each in run_folder_lib.read_provenance(folder)
    ),
  )


def _films(rollouts: Sequence[rollouts_lib.Rollout]) -> Sequence[page.Film]:
  """Returns films of rollouts; none where nothing can be drawn."""
  try:
    return [
      page.Film(pictures.film(rollout), _caption(rollout))
      for rollout in rollouts
    ]
  except Exception as error:
    if not renderer.is_missing(error):
      raise
    return []


def roll_out(
  folder: str, experiment: experiment_lib.Experiment
) -> Sequence[rollouts_lib.Rollout]:
  """Returns what a run's imitation policy makes of unseen demonstrations.

  Args:
    folder: folder of the run.
    experiment: the run's experiment.

  Returns:
    Rollouts, failures first; none if the run has no imitation policy, or its
    validation demonstrations are not there.
  """
  path = snapshots.policy_path(folder, specs_lib.IMITATION)
  domain = experiment.domain
  if not os.path.isdir(path) or not isinstance(
    domain, block_stacking.BlockStacking
  ):
    return []
  demonstrations = _demonstrations(folder, experiment, domain)
  if demonstrations is None:
    return []
  policy = exported_policy.ExportedPolicy(path)
  environment = domain.follow(demonstrations, domain_lib.VALIDATION, seed=0)
  rollouts = [
    rollouts_lib.roll_out(environment, policy, index)
    for index in range(len(demonstrations))
  ]
  environment.close()
  return rollouts_lib.failures_first(rollouts)


def _demonstrations(
  folder: str,
  experiment: experiment_lib.Experiment,
  domain: block_stacking.BlockStacking,
) -> Optional[block_stacking.Demonstrations]:
  dataset = experiment.dataset(run_folder_lib.dataset_folder(folder))
  assert dataset is not None
  try:
    return domain.load_demonstrations(dataset, domain_lib.VALIDATION)
  except demonstrations_lib.DatasetError:
    return None


def _text(path: str) -> str:
  with open(path, encoding='utf-8') as file:
    return file.read()


def _summary(folder: str) -> str:
  columns = _curves(folder)
  updates = ', '.join(
    f'{columns[name][-1]:,.0f} {name.replace("_", " ")}'
    for name in ('imitation_updates', 'task_updates')
    if np.isfinite(columns[name][-1])
  )
  return f'{columns["minutes"][-1]:.1f} minutes of training: {updates}.'


def _about(rollouts: Sequence[rollouts_lib.Rollout]) -> Sequence[str]:
  if not rollouts:
    return []
  ratio = np.mean([r.ratio for r in rollouts])
  stacked = np.mean([r.stacked for r in rollouts])
  return [
    f'The imitation policy on {len(rollouts)} unseen demonstrations: '
    f'{ratio:.2f} of their task return, {stacked:.0%} stacked.'
  ]


def _measures(
  rollouts: Sequence[rollouts_lib.Rollout],
) -> Sequence[Sequence[str]]:
  """Returns the cells of the means of what docs/metrics.md defines."""
  if not rollouts:
    return []
  both = [
    r.stacked_at / r.demonstration_stacked_at
    for r in rollouts
    if r.stacked_at and r.demonstration_stacked_at
  ]
  values = {
    **{
      f'imitation reward a step, {key} alone': float(
        np.mean([r.imitation_rewards[key] for r in rollouts])
      )
      for key in rollouts[0].imitation_rewards
    },
    'end-effector error (m)': float(np.mean([r.hand_error for r in rollouts])),
    'block error (m)': float(np.mean([r.block_error for r in rollouts])),
    'action jerk': float(np.mean([r.action_jerk for r in rollouts])),
    'step of stacking / demonstration': float(np.median(both))
    if both
    else float('nan'),
  }
  return [
    ('unseen demonstrations', 'imitation policy'),
    *((name, f'{value:.3f}') for name, value in values.items()),
  ]


def _filmed(
  rollouts: Sequence[rollouts_lib.Rollout], number: int
) -> Sequence[rollouts_lib.Rollout]:
  """Returns as many of the worst that failed, and the middle one that did not."""
  failed = [r for r in rollouts if not r.stacked]
  stacked = [r for r in rollouts if r.stacked]
  middle = len(stacked) // 2
  return [*failed[:number], *stacked[middle : middle + 1]]


def _caption(rollout: rollouts_lib.Rollout) -> str:
  return (
    f'Demonstration {rollout.index}: {rollout.outcome}; task return '
    f'{rollout.task_return:.0f} of {rollout.demonstration_return:.0f}.'
  )


def _cells(
  rollouts: Sequence[rollouts_lib.Rollout],
) -> Sequence[Sequence[str]]:
  if not rollouts:
    return []
  head = (
    'demonstration',
    'its return',
    "rollout's return",
    'share',
    'what became of it',
  )
  return [
    head,
    *(
      (
        str(r.index),
        f'{r.demonstration_return:.1f}',
        f'{r.task_return:.1f}',
        f'{r.ratio:.2f}',
        r.outcome,
      )
      for r in rollouts
    ),
  ]
