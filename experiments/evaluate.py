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

r"""Evaluates the policies that a run has left behind.

The imitation policy, on any dataset:

  python -m experiments.demonstrations record data/unseen \
    --demonstrator=careful --episodes=100 --seed=2000000
  python -m experiments.evaluate runs/mine data/unseen
  python -m experiments.evaluate runs/mine data/all.hdf5 --mask=valid

It prints the same table as the run, over other demonstrations. Without a dataset
it is the task policy, beside the run's demonstrators from the same starts:

  python -m experiments.evaluate runs/mine
  python -m experiments.evaluate runs/mine --first_start=200000

`features` or `pixels` in place of a run's folder stands for the policies that come
with the package.
"""

import os
from typing import Mapping, Optional, Sequence

from absl import app
from absl import flags
from absl import logging

from experiments import renderer

with renderer.required():
  from acme_metamimic import shipped
  from acme_metamimic.tf import snapshots
  from environments import demonstrations
  from environments import fixed_starts
  from environments.block_stacking import demonstrators as demonstrators_lib
  from experiments import controls
  from experiments import exported_policy
  from experiments import paths
  from experiments import reporting
  from experiments import run_folder as run_folder_lib
  from experiments import task_evaluation
  from experiments.datasets import run_dataset
  from experiments.domains import block_stacking
  from experiments.domains import domain as domain_lib

_TABLE = paths.define(
  'table', None, 'File for the table, such as table.md, with a CSV beside it.'
)
_MAX_EPISODES = flags.DEFINE_integer(
  'max_episodes',
  None,
  'Demonstrations to follow, or starts of the task policy; all by default.',
  lower_bound=1,
)
_MASK = flags.DEFINE_string(
  'mask',
  None,
  "Mask of the dataset's demonstrations to follow, robomimic's filter key; all "
  'by default.',
)
_DEMONSTRATORS = flags.DEFINE_list(
  'demonstrators',
  None,
  'Scripted demonstrators beside the task policy; those of the run by default.',
)
_FIRST_START = flags.DEFINE_integer(
  'first_start',
  fixed_starts.FIRST_SEED,
  'Seed of the first start of the task policy; the default gives the starts '
  'that a run is evaluated from.',
  lower_bound=0,
  upper_bound=2**31,
)
_EPISODE_LENGTH = flags.DEFINE_integer(
  'episode_length',
  None,
  'Steps of an episode of the task policy; as in the run by default.',
  lower_bound=1,
)


PolicyError = exported_policy.PolicyError


class OutputError(ValueError):
  """The table cannot be written there; the message says why."""


def _check_output(path: Optional[str]) -> None:
  """Makes the folder of the table, or raises before there is one to lose."""
  if path is None:
    return
  stem, extension = os.path.splitext(path)
  if extension == '.csv':
    raise OutputError(
      f'--table={path} is for the text, whose CSV file stands beside it: give '
      f'{stem}.md.'
    )
  for file in (path, f'{stem}.csv'):
    if os.path.exists(file):
      raise OutputError(f'{file!r} exists and is left as it is; give another.')
  folder = os.path.dirname(os.path.abspath(path))
  try:
    os.makedirs(folder, exist_ok=True)
  except OSError as error:
    raise OutputError(
      f'the folder {folder!r} of --table cannot be made ({error.strerror}); give '
      'another.'
    ) from None
  if not os.access(folder, os.W_OK):
    raise OutputError(f'the folder {folder!r} of --table cannot be written.')


def _finish(
  rows: Sequence[reporting.Row],
  path: Optional[str],
  titles: Mapping[str, str] = reporting.TITLES,
) -> str:
  """Returns the text of a table, which is written if there is a path.

  Raises:
    OutputError: if it cannot be, after it was printed.
  """
  text = reporting.format_table(rows, titles)
  if path is not None:
    try:
      reporting.write_table(rows, path, titles)
    except OSError as error:
      print(text)
      raise OutputError(
        f'the table above could not be written to {path!r} ({error.strerror}).'
      ) from None
  return text


def load_policy(
  run_folder: str, half: str = 'imitation'
) -> exported_policy.ExportedPolicy:
  """Returns a policy that a run has left behind.

  Args:
    run_folder: folder of a run that came to its end.
    half: `imitation` or `task`.

  Raises:
    PolicyError: if there is none, or it is damaged.
  """
  path = snapshots.policy_path(run_folder, half)
  if not os.path.isdir(path):
    other = 'task' if half == 'imitation' else 'imitation'
    if os.path.isdir(snapshots.policy_path(run_folder, other)):
      raise PolicyError(
        f'{run_folder!r} has the {other} policy alone: give '
        + (
          'no dataset' if other == 'task' else 'a dataset that it is to follow'
        )
        + '.'
      )
    raise PolicyError(
      f'{path!r} is no folder with a policy: give the folder of a run that has '
      'ended.'
    )
  return exported_policy.ExportedPolicy(path)


def _domain(run_folder: str) -> block_stacking.BlockStacking:
  """Returns what the run acted in, to act in the same."""
  domain = run_folder_lib.read(run_folder).domain
  if not isinstance(domain, block_stacking.BlockStacking):
    raise PolicyError(
      f'{run_folder!r} is a run on a light environment, without demonstrations: '
      'give one of block stacking.'
    )
  return domain


def evaluate(
  run_folder: str,
  path: str,
  table: Optional[str] = None,
  max_episodes: Optional[int] = None,
  mask: Optional[str] = None,
) -> str:
  """Returns the table of a run's policy on a dataset.

  Args:
    run_folder: folder of the run.
    path: path of the dataset.
    table: file to write it to as well, with a CSV file beside it.
    max_episodes: number of demonstrations to follow; all by default.
    mask: name of the mask whose demonstrations are followed; None for all.

  Raises:
    DatasetError, OutputError, PolicyError, RunFolderError: if one of them cannot
      be used.
  """
  _check_output(table)
  policy = load_policy(run_folder)
  domain = _domain(run_folder)
  dataset = run_dataset.open_checked(path, domain, mask)
  environment = domain.follow(dataset, domain_lib.VALIDATION, seed=0)
  policy.check(environment.observation_spec())
  name = os.path.basename(os.path.normpath(path))
  rows = controls.table_rows(
    name if mask is None else f'{name} {mask}',
    environment,
    policy,
    untrained=None,
    max_episodes=max_episodes or len(dataset),
  )
  return _finish(rows, table)


def evaluate_task(
  run_folder: str,
  table: Optional[str] = None,
  max_episodes: Optional[int] = None,
  *,
  demonstrators: Optional[Sequence[str]] = None,
  first_start: int = fixed_starts.FIRST_SEED,
  episode_length: Optional[int] = None,
) -> str:
  """Returns the table of a run's task policy beside demonstrators.

  Args:
    run_folder: folder of the run.
    table: file to write it to as well, with a CSV file beside it.
    max_episodes: number of episodes of each; as in the run by default.
    demonstrators: names of the scripted demonstrators; those of the run by
      default.
    first_start: seed of the first start; each episode has the next.
    episode_length: number of steps of an episode; as in the run by default.

  Raises:
    OutputError, PolicyError, RunFolderError: if one of them cannot be used, or
      there is no such demonstrator.
  """
  _check_output(table)
  policy = load_policy(run_folder, 'task')
  domain = _domain(run_folder)
  if demonstrators is None:
    wanted = run_folder_lib.read(run_folder).demonstrations
    demonstrators = wanted.scripted_demonstrators
  _check_demonstrators(demonstrators)
  environment = domain.load(
    domain.seen_keys,
    episode_length=episode_length or domain.task_episode_length,
  )
  policy.check(environment.observation_spec())
  states = fixed_starts.draw_states(
    environment, max_episodes or domain.task_starts, first_start
  )
  rows = task_evaluation.table_rows(
    fixed_starts.FixedStarts(environment, states),
    {'task policy': policy},
    demonstrators,
  )
  return _finish(rows, table, task_evaluation.TITLES)


def _check_demonstrators(names: Sequence[str]) -> None:
  for name in names:
    if name not in demonstrators_lib.STYLES:
      raise PolicyError(
        f'there is no demonstrator {name!r}: use '
        f'{", ".join(demonstrators_lib.STYLES)}.'
      )


def _run_folder(given: str) -> str:
  """Returns the folder of a run, or of policies that come with the package."""
  return shipped.find_run(paths.expand(given))


def _table(argv: list[str]) -> str:
  """Returns the table that the arguments ask for."""
  run_folder = _run_folder(argv[1])
  if len(argv) == 2:
    return evaluate_task(
      run_folder,
      _TABLE.value,
      _MAX_EPISODES.value,
      demonstrators=_DEMONSTRATORS.value,
      first_start=_FIRST_START.value,
      episode_length=_EPISODE_LENGTH.value,
    )
  return evaluate(
    run_folder,
    paths.expand(argv[2]),
    _TABLE.value,
    _MAX_EPISODES.value,
    _MASK.value,
  )


def main(argv: list[str]) -> None:
  """Prints the table of one of a run's policies."""
  if len(argv) not in (2, 3):
    raise app.UsageError(
      'Give the folder of a run, and a dataset for the imitation policy.'
    )
  if _MASK.value is not None and len(argv) == 2:
    raise app.UsageError('--mask is of a dataset: give its path as well.')
  logging.set_verbosity(logging.WARNING)
  try:
    print(_table(argv))
  except (
    OutputError,
    PolicyError,
    demonstrations.DatasetError,
    run_folder_lib.RunFolderError,
  ) as error:
    raise SystemExit(f'Error: {error}') from None


if __name__ == '__main__':
  app.run(main)
