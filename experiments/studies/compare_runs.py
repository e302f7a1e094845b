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

"""Draws how single processes and programs learn the same, over the same updates.

  python -m experiments.studies.compare_runs runs/single runs/local_mp runs/local_mt \
    --output=runs/comparison

Each run is a folder of `run_metamimic` or of `run_distributed`. What is compared
is the imitation policy without noise on validation demonstrations.
"""

import csv
import math
import os
import statistics
from typing import NamedTuple, Sequence

from absl import app
from matplotlib import figure
import numpy as np

from environments import block_stacking
from environments import demonstrations
from experiments import paths
from experiments import run_folder as run_folder_lib
from experiments.domains import domain as domain_lib

_OUTPUT = paths.define(
  'output', 'runs/comparison', 'Folder for curves.csv and curves.png.'
)

_SINGLE = 'curves.csv'
_PROGRAM = os.path.join('imitation_evaluator', 'validation', 'log.csv')


class Point(NamedTuple):
  """An evaluation.

  Attributes:
    run: name of its folder.
    minutes: since the run acted first.
    updates: number of updates of the imitation half.
    imitation_reward: mean of a step.
    task_return: task return, over the demonstrations'.
  """

  run: str
  minutes: float
  updates: int
  imitation_reward: float
  task_return: float


def read(folder: str) -> list[Point]:
  """Returns the evaluations of a run.

  Args:
    folder: folder of the run.

  Raises:
    ValueError: if the folder is not that of a run with an evaluation on
      demonstrations.
  """
  name = os.path.basename(os.path.normpath(folder))
  for path, read_rows in ((_SINGLE, _read_single), (_PROGRAM, _read_program)):
    if os.path.exists(os.path.join(folder, path)):
      with open(os.path.join(folder, path), newline='') as file:
        rows = list(csv.DictReader(file))
      try:
        points = read_rows(name, folder, rows)
      except (KeyError, TypeError, ZeroDivisionError) as error:
        raise ValueError(
          f'{os.path.join(folder, path)!r} lacks {error} in a row: give runs that '
          'follow demonstrations.'
        ) from None
      if points:
        return points
  raise ValueError(
    f'{folder!r} has evaluations neither in {_SINGLE!r} nor in {_PROGRAM!r}: '
    'give the folder of a run that has learned for some minutes.'
  )


def _count(text: str) -> int:
  """Returns a count, which is empty or NaN before a learner has counted."""
  value = float(text or 0)
  return 0 if math.isnan(value) else int(value)


def _read_single(
  name: str, folder: str, rows: Sequence[dict[str, str]]
) -> list[Point]:
  del folder
  return [
    Point(
      name,
      float(row['minutes']),
      _count(row['imitation_updates']),
      float(row['validation_imitation_reward']),
      float(row['validation_task_return']),
    )
    for row in rows
  ]


def _read_program(
  name: str, folder: str, rows: Sequence[dict[str, str]]
) -> list[Point]:
  dataset = run_folder_lib.read(folder).dataset(
    run_folder_lib.dataset_folder(folder)
  )
  if dataset is None:
    raise KeyError('demonstrations')
  path, mask, _ = dataset.part(domain_lib.VALIDATION)
  validation = demonstrations.load(path, block_stacking.TASK_NAME, mask=mask)
  full = statistics.mean([d.task_return for d in validation])
  return [
    Point(
      name,
      (float(row['time']) - float(rows[0]['time'])) / 60.0,
      _count(row['imitation_learner_steps']),
      float(row['episode_return/imitation']) / float(row['episode_length']),
      float(row['episode_return/task']) / full,
    )
    for row in rows
  ]


def write(folder: str, points: Sequence[Point]) -> None:
  """Writes `curves.csv` and `curves.png`.

  Args:
    folder: folder of both files; made if it is not there.
    points: evaluations of all runs.
  """
  os.makedirs(folder, exist_ok=True)
  with open(os.path.join(folder, 'curves.csv'), 'w', newline='') as file:
    csv.writer(file).writerows([Point._fields, *points])
  picture = figure.Figure(figsize=(11, 4), constrained_layout=True)
  for axes, field, title in zip(
    picture.subplots(1, 2),
    ('imitation_reward', 'task_return'),
    ('imitation reward a step', 'task return / demonstration'),
  ):
    for run in dict.fromkeys(point.run for point in points):
      curve = [
        (p.updates / 1000, getattr(p, field)) for p in points if p.run == run
      ]
      axes.plot(*np.transpose(curve), 'o-', ms=3, label=run)
    axes.set(title=title, xlabel='thousand updates of the imitation half')
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
  picture.savefig(os.path.join(folder, 'curves.png'), dpi=100)


def main(argv: list[str]) -> None:
  """Compares the runs whose folders are given."""
  if len(argv) < 2:
    raise app.UsageError('Give folders of runs.')
  try:
    folders = [paths.expand(folder) for folder in argv[1:]]
    points = [point for folder in folders for point in read(folder)]
  except ValueError as error:
    raise SystemExit(f'Error: {error}') from error
  write(_OUTPUT.value, points)
  print(f'Curves are in {_OUTPUT.value}.')


if __name__ == '__main__':
  app.run(main)
