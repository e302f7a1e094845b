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
"""Every preset makes updates in both forms, small as it may be here."""

import csv
import pathlib
import subprocess
import sys
from typing import Mapping, Sequence

import pytest

from experiments import overrides
from experiments import presets
from experiments import run_folder as run_folder_lib

pytestmark = pytest.mark.slow

# For a loaded machine.
_SECONDS = 600.0
_SHORT = (
  '--set=budget.imitation_updates=1',
  '--set=budget.minutes=none',
  '--set=task_phase.after_share=none',
  '--set=evaluation.episodes=1',
  '--set=evaluation.filmed=1',
  '--set=evaluation.period_minutes=60',
)
_SMALL = (
  '--set=domain.task_episode_length=20',
  '--num_demonstrations=2',
  '--num_validation_demonstrations=2',
  '--set=domain.task_starts=2',
  *(
    f'--set={half}.{field}={value}'
    for half in ('imitation', 'task')
    for field, value in (
      ('batch_size', 2),
      ('min_replay_size', 20),
      ('max_replay_size', 2000),
      ('updates_per_step', 1),
    )
  ),
)
# The paper's demonstrators take three times as long as these.
_QUICK = (
  '--set=demonstrations.train_demonstrator=brisk',
  '--set=demonstrations.validation_demonstrator=brisk',
)
_ARGUMENTS: Mapping[str, Sequence[str]] = {
  'features': _SMALL,
  'pixels': (*_SMALL, *_QUICK),
  'paper': (*_SMALL, *_QUICK),
  'light': (),
  'paced': (),
}
# The table at the end of a run in one process has some thousand frames, of which
# one takes the paper's network a tenth of a second.
_LOOKS = ('--set=domain.image_size=32', '--set=networks.torso=64_p4_16_32')
_ONE_PROCESS: Mapping[str, Sequence[str]] = {'paper': _LOOKS, 'pixels': _LOOKS}


def _run(folder: pathlib.Path, module: str, *arguments: str) -> str:
  return _ended(folder, module, *arguments).stdout


def _ended(
  folder: pathlib.Path, module: str, *arguments: str
) -> subprocess.CompletedProcess:
  done = subprocess.run(
    [
      *(sys.executable, '-m', f'experiments.{module}'),
      f'--run_folder={folder}',
      *_SHORT,
      *arguments,
    ],
    capture_output=True,
    text=True,
    timeout=_SECONDS,
  )
  assert done.returncode == 0, done.stdout + done.stderr
  return done


def _last_row(path: pathlib.Path) -> Mapping[str, str]:
  with open(path, newline='') as file:
    return list(csv.DictReader(file))[-1]


# They have no imitation half, and run in one process alone.
_BASELINES = ('d4pg', 'd4pg_curriculum', 'd4pgfd')


def test_all_presets_are_tried():
  # The one differs from `features` in the task actor's environment alone, which
  # the baseline with a curriculum has as well; the other in numbers alone.
  like_features = ('metamimic_curriculum', 'features_long')
  assert {*_ARGUMENTS, *_BASELINES, *like_features} == set(presets.PRESETS)


def test_the_long_preset_differs_from_the_demo_in_numbers_alone():
  demo, long = (
    overrides.values(presets.make(name))
    for name in ('features', 'features_long')
  )
  assert {path for path in demo if demo[path] != long[path]} == {
    'preset',
    'demonstrations.num_train',
    'budget.minutes',
    'evaluation.period_minutes',
    'task.learning_rate_decay_updates',
    'task.regression_decay_updates',
  }


@pytest.mark.parametrize('preset', ['d4pg_curriculum'])
def test_baseline_in_one_process(tmp_path, preset):
  folder = tmp_path / 'run'
  _run(
    folder,
    'run_metamimic',
    f'--preset={preset}',
    *_SMALL,
    '--set=budget.imitation_updates=none',
    '--set=budget.task_updates=2',
  )
  assert float(_last_row(folder / 'curves.csv')['task_updates']) >= 2
  assert _last_row(folder / 'task_table.csv')['policy'].startswith('demonst')
  assert [path.name for path in (folder / 'policies').iterdir()] == [
    'task_policy'
  ]


def test_a_baseline_goes_on_with_what_its_tables_held(tmp_path):
  folder = tmp_path / 'run'
  quick = ('--set=budget.imitation_updates=none', '--set=budget.task_updates=2')
  _run(folder, 'run_metamimic', '--preset=d4pgfd', *_SMALL, *quick)
  said = _run(
    folder, 'run_metamimic', '--resume', '--set=budget.task_updates=4'
  )
  assert 'of replay from the disk' in said
  assert float(_last_row(folder / 'curves.csv')['task_updates']) >= 4


def test_baselines_are_no_programs(tmp_path):
  done = subprocess.run(
    [
      *(sys.executable, '-m', 'experiments.run_distributed'),
      *('--preset=d4pg', f'--run_folder={tmp_path / "run"}'),
    ],
    capture_output=True,
    text=True,
    timeout=_SECONDS,
  )
  assert done.returncode == 1
  assert 'use experiments.run_metamimic' in done.stderr.splitlines()[-1]
  assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('preset', list(_ARGUMENTS))
def test_one_process(tmp_path, preset):
  folder = tmp_path / 'run'
  arguments = (*_ARGUMENTS[preset], *_ONE_PROCESS.get(preset, ()))
  _run(folder, 'run_metamimic', f'--preset={preset}', *arguments)
  assert float(_last_row(folder / 'curves.csv')['imitation_updates']) >= 1
  for half in ('imitation', 'task'):
    policy = folder / 'policies' / f'{half}_policy'
    assert (policy / 'saved_model.pb').exists()


@pytest.mark.parametrize('preset', list(_ARGUMENTS))
def test_program(tmp_path, preset):
  folder = tmp_path / 'run'
  said = _run(
    folder,
    'run_distributed',
    f'--preset={preset}',
    '--lp_launch_type=local_mt',
    '--num_imitation_actors=1',
    '--num_task_actors=1',
    *_ARGUMENTS[preset],
  )
  assert 'The run has ended: stopped' in said
  assert (folder / 'imitation_learner' / 'log.csv').exists()
  for half in ('imitation', 'task'):
    policy = folder / 'policies' / f'{half}_policy'
    assert (policy / 'saved_model.pb').exists()


@pytest.mark.parametrize('environments_per_actor', [1, 2])
def test_program_with_references_to_goals(tmp_path, environments_per_actor):
  folder = tmp_path / 'run'
  _run(
    folder,
    'run_distributed',
    '--lp_launch_type=local_mt',
    '--set=domain.goal_references=true',
    f'--environments_per_actor={environments_per_actor}',
    *_SMALL,
  )
  assert (folder / 'imitation_learner' / 'log.csv').exists()


def test_a_file_of_another_project_is_learned_from(tmp_path, doubles):
  """One file of doubles, which its masks divide."""
  folder = tmp_path / 'run'
  done = _ended(folder, 'run_metamimic', f'--dataset={doubles}', *_SMALL)
  kept = run_folder_lib.read(str(folder)).demonstrations
  assert (kept.dataset, kept.train_mask) == (doubles, None)
  assert (folder / 'policies' / 'imitation_policy').is_dir()
  loss = 'obs/body of float64 is read as float32, which keeps 6 digits'
  assert (done.stdout + done.stderr).count(loss) == 1
