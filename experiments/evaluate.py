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

r"""Follows demonstrations one-shot with the policy of a run. For instance:

  python -m experiments.demonstrations record data/unseen \
    --demonstrator=careful --episodes=100 --seed=2000000
  python -m experiments.evaluate runs/mine data/unseen

It prints the same table as the run, over other demonstrations.
"""  # noqa: D415

import os
from typing import Optional

from absl import app
from absl import flags
from absl import logging
from acme.agents.tf import actors
import tensorflow as tf

from experiments import renderer

with renderer.required():
  from environments import demonstrations
  from experiments import controls
  from experiments import evaluation
  from experiments import reporting
  from experiments import run_folder as run_folder_lib
  from experiments.datasets import run_dataset
  from experiments.domains import block_stacking
  from experiments.domains import domain as domain_lib

_TABLE = flags.DEFINE_string(
  'table', None, 'File for the table, such as table.md, with a CSV beside it.'
)
_MAX_EPISODES = flags.DEFINE_integer(
  'max_episodes',
  None,
  'Demonstrations to follow; all by default.',
  lower_bound=1,
)


class PolicyError(ValueError):
  """The run has no policy; the message says why."""


class OutputError(ValueError):
  """The table cannot be written there; the message says why."""


def _check_output(path: Optional[str]) -> None:
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


def load_policy(run_folder: str) -> evaluation.Policy:
  """Returns the imitation policy that a run has left behind.

  Args:
    run_folder: folder of a run that came to its end.

  Raises:
    PolicyError: if there is none.
  """
  path = os.path.join(run_folder, 'policies', 'imitation_policy')
  if not os.path.isdir(path):
    raise PolicyError(
      f'{path!r} is no folder with a policy: give the folder of a run of '
      'experiments.run_metamimic that has ended.'
    )
  return actors.FeedForwardActor(tf.saved_model.load(path)).select_action


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
) -> str:
  """Returns the table of a run's policy on a dataset.

  Args:
    run_folder: folder of the run.
    path: path of the dataset.
    table: file to write it to as well, with a CSV file beside it.
    max_episodes: number of demonstrations to follow; all by default.

  Raises:
    DatasetError, OutputError, PolicyError, RunFolderError: if one of them cannot
      be used.
  """
  _check_output(table)
  policy = load_policy(run_folder)
  domain = _domain(run_folder)
  dataset = run_dataset.open_checked(path, domain)
  rows = controls.table_rows(
    os.path.basename(os.path.normpath(path)),
    domain.follow(dataset, domain_lib.VALIDATION, seed=0),
    policy,
    untrained=None,
    max_episodes=max_episodes or len(dataset),
  )
  if table is not None:
    return reporting.write_table(rows, table)
  return reporting.format_table(rows)


def main(argv: list[str]) -> None:
  """Prints the table of a run's policy on a dataset."""
  if len(argv) != 3:
    raise app.UsageError('Give the folder of a run, and a dataset.')
  logging.set_verbosity(logging.WARNING)
  _, run_folder, path = argv
  try:
    print(evaluate(run_folder, path, _TABLE.value, _MAX_EPISODES.value))
  except (
    OutputError,
    PolicyError,
    demonstrations.DatasetError,
    run_folder_lib.RunFolderError,
  ) as error:
    raise SystemExit(f'Error: {error}') from None


if __name__ == '__main__':
  app.run(main)
