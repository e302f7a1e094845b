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

"""A single process and a program come to one set of curves."""

import csv
import os

import pytest

from experiments import overrides
from experiments import presets
from experiments import run_folder as run_folder_lib
from experiments.studies import compare_runs


def _write(path, *rows):
  os.makedirs(os.path.dirname(path), exist_ok=True)
  with open(path, 'w', newline='') as file:
    csv.writer(file).writerows(rows)


def test_single_process_has_its_curves(tmp_path):
  _write(
    str(tmp_path / 'single' / 'curves.csv'),
    (
      'minutes',
      'imitation_updates',
      'validation_imitation_reward',
      'validation_task_return',
    ),
    (3.5, 1000, 0.25, 0.125),
  )
  assert compare_runs.read(str(tmp_path / 'single')) == [
    compare_runs.Point('single', 3.5, 1000, 0.25, 0.125)
  ]


@pytest.mark.parametrize('kind', ['dataset', 'masked'])
def test_program_is_in_units_of_its_demonstrations(
  tmp_path, request, validation_set, kind
):
  """The evaluator logs sums over an episode."""
  dataset = request.getfixturevalue(kind)
  folder = tmp_path / 'program'
  folder.mkdir()
  experiment = overrides.replace(
    presets.make('features'), 'demonstrations.dataset', dataset
  )
  run_folder_lib.write(str(folder), run_folder_lib.PROGRAM, experiment)
  full = sum(d.task_return for d in validation_set) / len(validation_set)
  _write(
    str(folder / 'imitation_evaluator' / 'validation' / 'log.csv'),
    (
      'time',
      'episode_length',
      'episode_return/imitation',
      'episode_return/task',
      'imitation_learner_steps',
    ),
    (600.0, 80.0, 20.0, full / 4, ''),
    (660.0, 100.0, 50.0, full / 2, '2000.0'),
  )
  first, second = compare_runs.read(str(folder) + os.sep)
  assert first == ('program', 0.0, 0, 0.25, pytest.approx(0.25))
  assert second == ('program', 1.0, 2000, 0.5, pytest.approx(0.5))


_COLUMNS = (
  'minutes',
  'imitation_updates',
  'validation_imitation_reward',
  'validation_task_return',
)


def test_run_that_ended_before_its_first_update_has_none(tmp_path):
  _write(str(tmp_path / 'curves.csv'), _COLUMNS, (0.5, 'nan', 0.25, 0.125))
  (point,) = compare_runs.read(str(tmp_path))
  assert point[1:] == (0.5, 0, 0.25, 0.125)


@pytest.mark.parametrize(
  'rows', [[_COLUMNS[:2], (0.5, 3)], [_COLUMNS, (0.5, 3, 0.25)]]
)
def test_run_without_demonstrations_or_cut_is_named(tmp_path, rows):
  _write(str(tmp_path / 'curves.csv'), *rows)
  with pytest.raises(ValueError, match=r'curves.csv. lacks .*demonstrations'):
    compare_runs.read(str(tmp_path))


def test_folder_without_evaluations_is_named(tmp_path):
  with pytest.raises(ValueError, match='has evaluations neither in'):
    compare_runs.read(str(tmp_path))


def test_curves_are_written(tmp_path):
  points = [
    compare_runs.Point(run, minutes, 1000 * minutes, 0.5, 0.25)
    for run in ('a', 'b')
    for minutes in (1, 2)
  ]
  compare_runs.write(str(tmp_path / 'new'), points)
  with open(tmp_path / 'new' / 'curves.csv', newline='') as file:
    rows = list(csv.reader(file))
  assert rows[0] == list(compare_runs.Point._fields)
  assert rows[1:] == [list(map(str, point)) for point in points]
  assert (tmp_path / 'new' / 'curves.png').stat().st_size > 1000
