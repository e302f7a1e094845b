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

from experiments import one_process
from experiments import overrides
from experiments import presets
from experiments import run_folder as run_folder_lib

pytestmark = pytest.mark.slow

# For a loaded machine.
_SECONDS = 600.0
_SHORT = (
  'budget.imitation_updates=1',
  'budget.minutes=none',
  'task_phase.after_share=none',
  'evaluation.episodes=1',
  'evaluation.filmed=1',
  'evaluation.period_minutes=60',
)
_SMALL = (
  'domain.task_episode_length=20',
  'domain.task_starts=2',
  *(
    f'{half}.{field}={value}'
    for half in ('imitation', 'task')
    for field, value in (
      ('batch_size', 2),
      ('min_replay_size', 20),
      ('max_replay_size', 2000),
      ('updates_per_step', 1),
    )
  ),
)
_IMAGES = (*_SMALL, 'domain.image_size=32')
_SETTINGS: Mapping[str, Sequence[str]] = {
  'features': _SMALL,
  'pixels': _IMAGES,
  'paper': _IMAGES,
  'paced': ('imitation.min_replay_size=50', 'task.min_replay_size=50'),
}
# An evaluation in one process has some hundred frames, of which one takes the
# paper's network a tenth of a second.
_ONE_PROCESS: Mapping[str, Sequence[str]] = {
  'paper': ('networks.torso=64_p4_16_32',),
  'pixels': (),
  'paced': (),
}
_PROGRAM: Mapping[str, Sequence[str]] = {
  'pixels': ('program.environments_per_actor=2',)
}
# They have no imitation half, and run in one process alone.
_BASELINES = ('d4pg', 'd4pg_curriculum', 'd4pgfd')


@pytest.fixture
def settings(request, preset) -> Sequence[str]:
  """Settings of a short run of the test's preset, in either form."""
  own = _SETTINGS.get(preset, _SMALL)
  if preset == 'paced':
    return (*_SHORT, *own)
  name = 'image_dataset' if own[: len(_IMAGES)] == _IMAGES else 'short_dataset'
  dataset = request.getfixturevalue(name)
  return (*_SHORT, *own, f'demonstrations.dataset={dataset}')


def _run(
  folder: pathlib.Path, preset: str, *settings: str, resume: bool = False
) -> None:
  """Runs a preset in this process."""
  experiment = overrides.apply(presets.make(preset), settings)
  one_process.run(experiment, str(folder), resume)


def _last_row(path: pathlib.Path) -> Mapping[str, str]:
  with open(path, newline='') as file:
    return list(csv.DictReader(file))[-1]


def _check_policies(folder: pathlib.Path) -> None:
  for half in ('imitation', 'task'):
    policy = folder / 'policies' / f'{half}_policy'
    assert (policy / 'saved_model.pb').exists()


def test_all_presets_are_tried():
  # The one differs from `features` in the task actor's environment alone, which
  # the baseline with a curriculum has as well; two in numbers and names alone, and
  # the last in who sees what, as `pixels` does.
  like_features = (
    'metamimic_curriculum',
    'features_long',
    'features_pair',
    'features_still',
  )
  # By resume_test.py and run_distributed_test.py.
  elsewhere = ('light',)
  assert {*_SETTINGS, *_BASELINES, *like_features, *elsewhere} == set(
    presets.PRESETS
  )
  assert {*_ONE_PROCESS, 'features'} == set(_SETTINGS)


@pytest.mark.parametrize(
  ('name', 'paths'),
  [
    (
      'features_long',
      {
        'budget.minutes',
        'domain.task_retry_probability',
        'evaluation.period_minutes',
        'task.learning_rate_decay_updates',
        'task_phase.after_share',
      },
    ),
    (
      'features_pair',
      {
        'domain.playback_speeds',
        'domain.source_speed',
        'domain.task_episode_length',
        'demonstrations.train_demonstrator',
        'demonstrations.validation_demonstrator',
        'demonstrations.num_train',
        'budget.minutes',
        'evaluation.period_minutes',
        'task.final_regression_weight',
        'task.regression_decay_updates',
        'task.learning_rate_decay_updates',
        'task_phase.source_steps',
      },
    ),
    (
      'features_still',
      {
        'domain.policy_keys',
        'domain.critic_keys',
        'domain.shows_velocities',
      },
    ),
  ],
)
def test_presets_like_the_demo_differ_from_it_in_these_alone(name, paths):
  demo, other = (
    overrides.values(presets.make(each)) for each in ('features', name)
  )
  assert {path for path in demo if demo[path] != other[path]} == {
    'preset',
    *paths,
  }


@pytest.mark.parametrize('preset', ['d4pg_curriculum'])
def test_baseline_in_one_process(tmp_path, preset, settings):
  folder = tmp_path / 'run'
  budget = ('budget.imitation_updates=none', 'budget.task_updates=2')
  _run(folder, preset, *settings, *budget)
  assert float(_last_row(folder / 'curves.csv')['task_updates']) >= 2
  assert _last_row(folder / 'task_table.csv')['policy'].startswith('demonst')
  assert [path.name for path in (folder / 'policies').iterdir()] == [
    'task_policy'
  ]


@pytest.mark.parametrize('preset', ['d4pgfd'])
def test_a_baseline_goes_on_with_what_its_tables_held(
  tmp_path, preset, settings, capsys
):
  folder = tmp_path / 'run'
  settings = (*settings, 'budget.imitation_updates=none')
  _run(folder, preset, *settings, 'budget.task_updates=2')
  capsys.readouterr()
  _run(folder, preset, *settings, 'budget.task_updates=4', resume=True)
  assert 'of replay from the disk' in capsys.readouterr().out
  assert float(_last_row(folder / 'curves.csv')['task_updates']) >= 4


def _check_one_process(folder: pathlib.Path) -> None:
  assert float(_last_row(folder / 'curves.csv')['imitation_updates']) >= 1
  _check_policies(folder)


@pytest.mark.parametrize('preset', list(_ONE_PROCESS))
def test_one_process(tmp_path, preset, settings):
  folder = tmp_path / 'run'
  _run(folder, preset, *settings, *_ONE_PROCESS[preset])
  _check_one_process(folder)


@pytest.mark.parametrize('preset', ['features'])
def test_one_process_learns_from_a_file_of_another_project(
  tmp_path, doubles, preset, settings, caplog
):
  """One file of doubles, which its masks divide."""
  folder = tmp_path / 'run'
  _run(folder, preset, *settings, f'demonstrations.dataset={doubles}')
  _check_one_process(folder)
  kept = run_folder_lib.read(str(folder)).demonstrations
  assert (kept.dataset, kept.train_mask) == (doubles, None)
  loss = 'obs/body of float64 is read as float32, which keeps 6 digits'
  assert caplog.text.count(loss) == 1


@pytest.mark.parametrize('preset', list(_SETTINGS))
def test_program(tmp_path, preset, settings):
  """With references to goals where there are images: one or two an actor."""
  folder = tmp_path / 'run'
  done = subprocess.run(
    [
      *(sys.executable, '-m', 'experiments.run_distributed'),
      *(f'--preset={preset}', f'--run_folder={folder}'),
      *('--lp_launch_type=local_mt', '--num_imitation_actors=1'),
      '--num_task_actors=1',
      *(f'--set={text}' for text in (*settings, *_PROGRAM.get(preset, ()))),
    ],
    capture_output=True,
    text=True,
    timeout=_SECONDS,
  )
  assert done.returncode == 0, done.stdout + done.stderr
  assert 'The run has ended: stopped' in done.stdout
  assert (folder / 'imitation_learner' / 'log.csv').exists()
  _check_policies(folder)
