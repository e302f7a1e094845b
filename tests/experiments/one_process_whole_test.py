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
"""A whole run of some seconds, and what it leaves behind."""

import dataclasses
import pathlib

import imageio_ffmpeg
import numpy as np
from PIL import Image
import pytest

from acme_metamimic.replay import saving
from environments import block_stacking
from environments import demonstrations as demonstrations_lib
from experiments import evaluate
from experiments import one_process
from experiments import overrides
from experiments import run_folder as run_folder_lib
from experiments import schedule


@pytest.mark.slow
def test_whole_run_leaves_everything(experiment, run_folder, capsys):
  experiment = dataclasses.replace(
    experiment,
    demonstrations=dataclasses.replace(
      experiment.demonstrations, dataset=None, num_train=2
    ),
    budget=schedule.Budget(task_updates=1),
    task_phase=schedule.TaskPhase(after_imitation_updates=1, source_steps=200),
    # Two episodes say as much as ten here. Either phase takes a second or more.
    evaluation=schedule.Evaluation(1.5 / 60, episodes=2, filmed=1),
    seed=1,
  )
  experiment = overrides.apply(
    experiment,
    [
      'domain.task_episode_length=50',
      'imitation.min_replay_size=200',
      'task.min_replay_size=50',
    ],
  )
  one_process.run(experiment, run_folder)
  folder = pathlib.Path(run_folder)
  assert {path.name for path in folder.iterdir()} == {
    'checkpoints',
    'curves.csv',
    'curves.png',
    'policies',
    'demonstrations',
    'experiment.json',
    'lock',
    'progress.json',
    'report.html',
    'table.csv',
    'table.md',
    'task_table.csv',
    'task_table.md',
    'validation.mp4',
    'validation.png',
  }
  assert run_folder_lib.read(run_folder) == experiment
  _check_progress(folder)
  _check_demonstrations(folder / 'demonstrations')
  for half in ('imitation', 'task'):
    checkpoints = folder / 'checkpoints' / f'{half}_learner'
    assert list(checkpoints.rglob('*.index'))
  assert saving.saved_bytes(str(folder / 'checkpoints' / 'replay_0')) > 10_000
  _check_curves(folder)
  _check_table(folder)
  _check_pictures(folder)
  out = capsys.readouterr().out
  assert 'Kept 2 of' in out
  assert (folder / 'table.md').read_text() in out
  assert out.rstrip().endswith(f'is in {folder}.')
  validation = str(folder / 'demonstrations' / 'validation')
  _check_evaluation(folder, evaluate.evaluate(str(folder), validation))
  # From the same starts the exported policy does what that of the run did.
  task_table = (folder / 'task_table.md').read_text()
  assert task_table in out
  assert evaluate.evaluate_task(str(folder)) == task_table


def _check_progress(folder: pathlib.Path) -> None:
  progress = run_folder_lib.read_progress(str(folder))
  assert 0 < progress.source_steps < progress.imitation_steps
  header, *_, last = (folder / 'curves.csv').read_text().splitlines()
  point = dict(zip(header.split(','), map(float, last.split(','))))
  # The curves end where the run was saved.
  assert point['minutes'] <= progress.minutes + 1e-5  # It is rounded.
  assert point['imitation_environment_steps'] == progress.imitation_steps
  assert point['task_environment_steps'] == progress.task_steps


def _check_demonstrations(folder: pathlib.Path) -> None:
  for name, count, demonstrator in (
    ('train', 2, 'brisk'),
    ('validation', 2, 'careful'),
  ):
    recorded = demonstrations_lib.load(folder / name, block_stacking.TASK_NAME)
    assert [d.demonstrator for d in recorded] == [demonstrator] * count


def _check_curves(folder: pathlib.Path) -> None:
  header, *points = (folder / 'curves.csv').read_text().splitlines()
  assert header.split(',')[0] == 'minutes'
  assert {'validation_stacked', 'task_policy_return'} < set(header.split(','))
  assert len(points) >= 2
  last = dict(zip(header.split(','), map(float, points[-1].split(','))))
  assert last['imitation_environment_steps'] > 0
  assert last['task_environment_steps'] > 0


def _check_table(folder: pathlib.Path) -> None:
  _, *rows = (folder / 'table.csv').read_text().splitlines()
  assert len(rows) == 8
  assert len((folder / 'table.md').read_text().splitlines()) == 10
  assert [row.split(',')[0] for row in rows] == (
    ['training'] * 4 + ['validation'] * 4
  )
  for row in rows:
    if 'actions replayed' in row:
      assert row.split(',')[3:] == ['1.0', '1.0', '0.0', '1.0', '1.0']


def _check_evaluation(folder: pathlib.Path, printed: str) -> None:
  """Checks that the exported policy does what that of the run did."""

  def cells(text: str) -> list[list[str]]:
    lines = (line.split('|') for line in text.splitlines() if '|' in line)
    return [[cell.strip() for cell in line] for line in lines]

  in_run = [row for row in cells((folder / 'table.md').read_text())]
  validation = [row for row in in_run if row[1] == 'validation']
  del validation[1]  # The policy that has learned nothing is not kept.
  assert cells(printed)[2:] == validation


def _check_pictures(folder: pathlib.Path) -> None:
  for name, width, height in (
    ('curves.png', 1300, 380),
    ('validation.png', 6 * 240, 2 * 240),
  ):
    picture = Image.open(folder / name).convert('RGB')
    assert picture.size == (width, height)
    assert np.asarray(picture).std() > 10.0
  frames = imageio_ffmpeg.read_frames(str(folder / 'validation.mp4'))
  assert next(frames)['size'] == (2 * 240, 240)
  recorded = demonstrations_lib.load(folder / 'demonstrations' / 'validation')
  # Demonstration and rollout, from the first state to the last.
  assert sum(1 for _ in frames) == len(recorded[0]) + 1
