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
"""Tests of the program of a run in one process: flags, messages, and an interrupt."""

import csv
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import NamedTuple

from absl import app
from absl import flags
from absl.testing import flagsaver
import pytest
import tensorflow as tf

from environments import demonstrations
from experiments import command_line
from experiments import experiment as experiment_lib
from experiments import one_process
from experiments import overrides
from experiments import presets
from experiments import run_folder as run_folder_lib
from experiments import run_metamimic

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_PROGRAM = (sys.executable, '-m', 'experiments.run_metamimic')


class _Taken(NamedTuple):
  """What a run is started with."""

  experiment: experiment_lib.Experiment
  run_folder: str
  resume: bool


@pytest.fixture
def run(monkeypatch):
  """Runs the program in this process; returns the settings that it makes."""
  # Fails once TensorFlow is in use, as it is in this process.
  monkeypatch.setattr(
    tf.config.threading, 'set_intra_op_parallelism_threads', lambda _: None
  )
  taken: list[_Taken] = []
  monkeypatch.setattr(
    one_process, 'run', lambda *arguments: taken.append(_Taken(*arguments))
  )
  monkeypatch.setattr(command_line, 'stop_on_signals', lambda: None)

  def run_with(*arguments: str) -> _Taken:
    with flagsaver.flagsaver():
      rest = flags.FLAGS(['run_metamimic', *arguments])
      run_metamimic.main(rest)
    return taken.pop()

  return run_with


def test_defaults_are_those_of_the_demo(run):
  experiment, run_folder, resume = run()
  assert experiment == presets.make('features')
  assert experiment.demonstrations == experiment_lib.Demonstrations(
    dataset=None, num_train=300, num_validation=40
  )
  assert experiment.seed == 0
  assert os.path.dirname(run_folder) == 'runs'
  assert not resume
  # Half an hour in all, with set-up and evaluation.
  minutes = experiment.budget.minutes
  assert experiment.evaluation.period_minutes < minutes <= 25.0


def test_flags_become_settings(run):
  experiment, run_folder, _ = run(
    '--budget_minutes=2.5',
    '--seed=7',
    '--num_demonstrations=1',
    '--num_validation_demonstrations=2',
    '--evaluation_period_minutes=0',
    '--run_folder=mine',
    '--dataset=data',
    '--train_mask=train',
    '--validation_mask=valid',
    '--set=imitation.discount=0.9',
    '--set=networks.policy_layer_sizes=32,16',
  )
  assert run_folder == 'mine'
  assert experiment == overrides.replace_all(
    presets.make('features'),
    {
      'budget.minutes': 2.5,
      'seed': 7,
      'demonstrations.dataset': 'data',
      'demonstrations.train_mask': 'train',
      'demonstrations.validation_mask': 'valid',
      'demonstrations.num_train': 1,
      'demonstrations.num_validation': 2,
      'evaluation.period_minutes': 0.0,
      'imitation.discount': 0.9,
      'networks.policy_layer_sizes': (32, 16),
    },
  )


@pytest.mark.parametrize('name', presets.PRESETS)
def test_presets_are_experiments_by_name(run, name):
  assert run(f'--preset={name}').experiment == presets.make(name)


@pytest.mark.parametrize(
  ('argument', 'message'),
  [
    ('--budget_minutes=abc', r"budget.minutes='abc' does not fit.*float"),
    ('--budget_minutes=-1', r'budget.minutes=-1.0 must be .*not negative'),
    ('--budget_minutes=nan', r"budget.minutes='nan' does not fit"),
    ('--budget_minutes=1e999', 'budget.minutes=inf must be a finite number'),
    ('--evaluation_period_minutes=nan', r"evaluation.period_minutes='nan'"),
    ('--evaluation_period_minutes=1e999', 'must be a finite number'),
    ('--seed=-1', 'seed=-1 must be at least 0'),
    ('--seed=4294967296', 'seed=4294967296 must be less than 2147483648'),
    ('--seed=1.5', r'seed=1.5 does not fit.*int'),
    ('--num_demonstrations=0', 'num_train=0 must be at least 1'),
    (
      '--num_validation_demonstrations=1',
      'num_validation=1 must be at least 2',
    ),
  ],
)
def test_flag_out_of_range_is_refused(run, argument, message):
  with pytest.raises(SystemExit) as error:
    run(argument)
  assert re.match(f'Error: .*{message}', str(error.value.code))
  assert '\n' not in str(error.value.code)


def test_unknown_flag_and_argument_are_refused(run):
  with pytest.raises(flags.UnrecognizedFlagError, match='minuets'):
    run('--budget_minuets=1')
  with pytest.raises(app.UsageError, match=r"Unknown arguments: \['short'\]"):
    run('short')


@pytest.mark.parametrize(
  'error', [run_folder_lib.RunFolderError, demonstrations.DatasetError]
)
def test_bad_input_ends_with_one_sentence(run, monkeypatch, error):
  def fail(*unused_arguments):
    raise error('it is so; do this.')

  monkeypatch.setattr(one_process, 'run', fail)
  with pytest.raises(SystemExit) as exit_error:
    run()
  # Python prints it as it is, and exits with 1.
  assert exit_error.value.code == 'Error: it is so; do this.'


def _check_refused(process: subprocess.Popen, *messages: str) -> None:
  out, err = process.communicate(timeout=120.0)
  assert process.returncode == 1
  assert out == ''
  assert 'Traceback' not in err
  errors = [line for line in err.splitlines() if line.startswith('Error: ')]
  assert len(errors) == 1
  for message in messages:
    assert message in errors[0]


@pytest.mark.slow
def test_refusals_of_the_program(tmp_path, dataset):
  folder = tmp_path / 'run'
  folder.mkdir()
  (folder / 'table.md').write_text('precious')
  truncated = tmp_path / 'truncated'
  shutil.copytree(dataset, truncated)
  file = truncated / 'train' / 'demonstrations.hdf5'
  file.write_bytes(file.read_bytes()[:5000])
  before = file.read_bytes()
  # At the same time: most of it is the import of TensorFlow.
  with_folder, with_dataset, without_gl = (
    subprocess.Popen(
      [*_PROGRAM, *arguments],
      cwd=_ROOT,
      env={**os.environ, 'MUJOCO_GL': backend},
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )
    for backend, *arguments in (
      ('egl', f'--run_folder={folder}'),
      ('egl', f'--run_folder={tmp_path}/new', f'--dataset={truncated}'),
      ('none_such', f'--run_folder={tmp_path}/new'),
    )
  )
  _check_refused(with_folder, f"'{folder}' exists and is left as it is")
  _check_refused(with_dataset, f'{file} cannot be read')
  _check_refused(without_gl, 'no picture can be drawn', 'none_such', 'doctor')
  assert [path.name for path in folder.iterdir()] == ['table.md']
  assert (folder / 'table.md').read_text() == 'precious'
  assert file.read_bytes() == before
  assert not (tmp_path / 'new').exists()


# What starts tests in the background may ignore interrupts, which a new process
# would inherit.
_INTERRUPTIBLE = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module('experiments.run_metamimic', run_name='__main__', alter_sys=True)
"""


@pytest.fixture
def start(tmp_path):
  """Starts the program behind a proxy, from where `~` is the test's folder."""
  started: list[subprocess.Popen] = []
  # As in offices; nothing answers there.
  proxies = dict.fromkeys(('http_proxy', 'https_proxy'), 'http://127.0.0.1:9')

  def start_with(*arguments: str) -> subprocess.Popen:
    started.append(
      subprocess.Popen(
        [sys.executable, '-c', _INTERRUPTIBLE, *arguments],
        cwd=_ROOT,
        env={**os.environ, **proxies, 'HOME': str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
      )
    )
    return started[-1]

  yield start_with
  for process in started:
    process.kill()


def _read_points(path: pathlib.Path) -> list[dict]:
  if not path.exists():
    return []
  with open(path, newline='') as file:
    return list(csv.DictReader(file))


def _points_once_there(
  process: subprocess.Popen, path: pathlib.Path
) -> list[dict]:
  """Waits for the first point of a run; returns all that there are then."""
  deadline = time.monotonic() + 240.0
  while not _read_points(path):
    assert process.poll() is None, process.communicate()
    assert time.monotonic() < deadline
    time.sleep(0.1)
  return _read_points(path)


def _check_kept(folder: pathlib.Path, points: list[dict]) -> None:
  """Checks what a run leaves behind that has had these points."""
  assert _read_points(folder / 'curves.csv')[: len(points)] == points
  for half in ('imitation', 'task'):
    checkpoints = folder / 'checkpoints' / f'{half}_learner'
    assert list(checkpoints.rglob('*.index'))
    policy = folder / 'policies' / f'{half}_policy'
    assert (policy / 'saved_model.pb').exists()
  assert run_folder_lib.read(str(folder)).seed == 0
  progress = run_folder_lib.read_progress(str(folder))
  assert progress.minutes >= float(points[-1]['minutes'])


def _kept_imitation(folder: pathlib.Path) -> str:
  """Returns the name of the one checkpoint that is kept of that half."""
  (kept,) = (folder / 'checkpoints' / 'imitation_learner').glob('*.index')
  return kept.stem


@pytest.mark.slow
def test_an_interrupted_run_goes_on_behind_a_proxy_in_any_folder(
  tmp_path, start
):
  folder, moved = tmp_path / 'lr=[3e-4,1e-4] x', tmp_path / 'moved *'
  process = start(
    f'--run_folder=~/{folder.name}',
    *('--preset=light', '--budget_minutes=20'),
    *('--evaluation_period_minutes=0', '--set=evaluation.episodes=1'),
  )
  points = _points_once_there(process, folder / 'curves.csv')
  process.send_signal(signal.SIGINT)
  out, first_said = process.communicate(timeout=120.0)
  assert process.returncode == 130, first_said
  assert out.rstrip().endswith(
    f'Interrupted. What there is was kept in {folder}. To go on:\n'
    + run_folder_lib.resume_command(run_folder_lib.ONE_PROCESS, str(folder))
  )
  _check_kept(folder, points)
  before = run_folder_lib.read_progress(str(folder))
  kept = _kept_imitation(folder)

  folder.rename(moved)
  budget = before.minutes + 0.05
  process = start(
    '--resume', f'--run_folder=~/{moved.name}', f'--budget_minutes={budget}'
  )
  _, said = process.communicate(timeout=300.0)
  assert process.returncode == 0, said
  after = run_folder_lib.read_progress(str(moved))
  assert after.imitation_steps > before.imitation_steps
  assert after.minutes >= budget
  assert run_folder_lib.read(str(moved)).budget.minutes == budget
  _check_kept(moved, points)
  # The file has six digits.
  minutes = float(_read_points(moved / 'curves.csv')[-1]['minutes'])
  assert after.minutes == pytest.approx(minutes, rel=1e-5)
  assert _kept_imitation(moved) != kept
  # The ends of the bars, and no word of the libraries.
  assert len((first_said + said).splitlines()) == 2
  assert '\r' not in first_said + said
