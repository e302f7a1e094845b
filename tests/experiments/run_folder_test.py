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
"""Tests of the folder of a run: what is kept there, and what is refused."""

import contextlib
import errno
import fcntl
from importlib import metadata
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
from typing import Any
from unittest import mock

import pytest

from experiments import experiment as experiment_lib
from experiments import overrides
from experiments import presets
from experiments import run_folder
from experiments import schedule

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_FORMS = (run_folder.ONE_PROCESS, run_folder.PROGRAM)


def test_a_disk_that_is_full_is_said(tmp_path):
  usage = shutil.disk_usage(tmp_path)
  for free, said in ((10, f'The disk of {tmp_path} is full'), (10**9, '')):
    with mock.patch.object(
      shutil, 'disk_usage', return_value=usage._replace(free=free)
    ):
      assert run_folder.disk_advice(str(tmp_path)).startswith(said)
      assert bool(run_folder.disk_advice(str(tmp_path))) == bool(said)


def test_a_disk_that_is_gone_is_not_called_full(tmp_path):
  assert run_folder.disk_advice(str(tmp_path / 'absent')) == ''


def test_each_start_is_kept_with_what_made_it(tmp_path):
  experiment = presets.make('light')
  assert not run_folder.read_provenance(str(tmp_path))
  for number in (1, 2):
    run_folder.write(str(tmp_path), run_folder.ONE_PROCESS, experiment)
    starts = run_folder.read_provenance(str(tmp_path))
    assert len(starts) == number
  assert metadata.version('dm-acme') in starts[0]['libraries']
  commit = subprocess.run(
    ['git', 'rev-parse', 'HEAD'], cwd=_ROOT, capture_output=True, text=True
  ).stdout.strip()
  if commit:
    assert commit.startswith(starts[0]['code'].removesuffix('-dirty'))
  assert str(_ROOT) not in starts[0]['command'].split()[0]
  # Older code kept none.
  content = json.loads((tmp_path / 'experiment.json').read_text())
  del content['provenance']
  (tmp_path / 'experiment.json').write_text(json.dumps(content))
  assert not run_folder.read_provenance(str(tmp_path))
  assert run_folder.read(str(tmp_path)) == experiment


def _other(value: Any) -> Any:
  """Returns another value of the same type, the same where none is known."""
  if isinstance(value, bool):
    return not value
  if isinstance(value, (int, float)):
    # Small enough for shares and large enough for numbers of things.
    return value * 0.75 if 0.0 < value < 1.0 else value + 1
  if isinstance(value, tuple) and value and isinstance(value[0], (int, float)):
    return (*value, value[-1])
  return value


def _with_fields_changed(name: str) -> experiment_lib.Experiment:
  """Returns a preset with all fields changed of which another value fits."""
  before = experiment = presets.make(name)
  for path, value in overrides.values(before).items():
    if path != 'preset':
      with contextlib.suppress(overrides.OverrideError):
        experiment = overrides.replace(experiment, path, _other(value))
  given = {
    'budget.imitation_updates': 7,
    'budget.actor_steps': 8,
    'demonstrations.dataset': '/some folder',
    'imitation.checkpoint_period_minutes': float('inf'),
    'imitation.sigmas': (0.1,) * 9,
    'task.samples_per_insert': None,
  }
  experiment = overrides.replace_all(experiment, given)
  old, new = map(overrides.values, (before, experiment))
  assert sum(old[path] != new[path] for path in old) > 0.7 * len(old)
  return experiment


@pytest.mark.parametrize('form', _FORMS)
@pytest.mark.parametrize('name', presets.PRESETS)
def test_experiments_are_read_as_they_were_written(tmp_path, name, form):
  for experiment in (presets.make(name), _with_fields_changed(name)):
    run_folder.write(str(tmp_path), form, experiment)
    read = run_folder.read(str(tmp_path))
    assert read == experiment
    assert overrides.values(read) == overrides.values(experiment)
    types, read_types = (
      [type(value) for value in overrides.values(each).values()]
      for each in (experiment, read)
    )
    assert types == read_types
  assert presets.make(name) != experiment


def test_launch_and_settings_are_read_as_they_were_written(tmp_path):
  path = str(tmp_path)
  launch = {'launch_type': 'ray', 'threads': 3, 'ray_address': None}
  experiment = presets.make('light')
  run_folder.write(path, run_folder.PROGRAM, experiment, launch)
  assert run_folder.read_launch(path, run_folder.PROGRAM) == launch
  settings = run_folder.settings(path)
  assert settings['threads'] == 3
  assert settings['imitation.discount'] == 0.9
  assert len(settings) == len(overrides.paths(experiment)) + len(launch)


@pytest.mark.parametrize(
  ('form', 'other', 'command'),
  [
    (run_folder.ONE_PROCESS, run_folder.PROGRAM, 'run_metamimic'),
    (run_folder.PROGRAM, run_folder.ONE_PROCESS, 'run_distributed'),
  ],
)
def test_a_run_of_the_other_form_is_refused(tmp_path, form, other, command):
  run_folder.write(str(tmp_path), form, presets.make('light'))
  with pytest.raises(
    run_folder.RunFolderError, match=f'is a run of experiments.{command}: go on'
  ):
    run_folder.read_launch(str(tmp_path), other)


def test_folder_of_no_run_is_refused(tmp_path):
  for path in (str(tmp_path), str(tmp_path / 'absent')):
    for read in (
      run_folder.read,
      run_folder.dataset_folder,
      run_folder.settings,
      lambda p: run_folder.read_launch(p, run_folder.PROGRAM),
    ):
      with pytest.raises(
        run_folder.RunFolderError, match='holds no run to resume'
      ):
        read(path)


def _content(**changes: Any) -> dict[str, Any]:
  values = dict(overrides.values(presets.make('light')))
  return {'form': run_folder.PROGRAM, 'experiment': values, 'launch': {}} | (
    changes
  )


@pytest.mark.parametrize(
  'content',
  [
    '',
    '{"form": "program", "experi',
    '3',
    '[]',
    'null',
    '{}',
    '{"budget": 1}',
    json.dumps(_content(form='vertex')),
    json.dumps(_content(form=None)),
    json.dumps(_content(experiment=3)),
    json.dumps(_content(launch=None)),
  ],
)
def test_damaged_file_is_refused(tmp_path, content):
  (tmp_path / 'experiment.json').write_text(content)
  with pytest.raises(
    run_folder.RunFolderError,
    match=r'experiment.json. is not what a run writes; restore a copy',
  ):
    run_folder.read(str(tmp_path))


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'imitation.curiosity': 1.0}, 'curiosity'),
    ({'preset': 'fast'}, "no preset 'fast'"),
    ({'imitation.discount': 'low'}, 'imitation.discount'),
    ({'imitation.discount': 3.0}, 'imitation.discount'),
    ({'seed': None}, 'seed'),
  ],
)
def test_experiment_of_other_code_is_refused(tmp_path, changes, message):
  content = _content()
  content['experiment'].update(changes)
  (tmp_path / 'experiment.json').write_text(json.dumps(content))
  with pytest.raises(
    run_folder.RunFolderError, match='is of other code'
  ) as error:
    run_folder.read(str(tmp_path))
  assert message in str(error.value)
  assert str(error.value).endswith('with the code that it was written by.')


def test_a_run_of_code_without_a_setting_does_not_go_on(tmp_path):
  content = _content()
  (tmp_path / 'experiment.json').write_text(json.dumps(content))
  assert run_folder.read_to_resume(str(tmp_path)) == run_folder.read(
    str(tmp_path)
  )
  del content['experiment']['task.normalised_critic']
  content['provenance'] = [{'code': '0d373038dc49'}]
  (tmp_path / 'experiment.json').write_text(json.dumps(content))
  # It is still evaluated.
  run_folder.read(str(tmp_path))
  with pytest.raises(
    run_folder.RunFolderError,
    match=r'no task.normalised_critic; .* \(0d373038dc49\), or add',
  ):
    run_folder.read_to_resume(str(tmp_path))


def test_experiment_without_a_preset_is_refused(tmp_path):
  content = _content()
  del content['experiment']['preset']
  (tmp_path / 'experiment.json').write_text(json.dumps(content))
  with pytest.raises(run_folder.RunFolderError, match='is of other code'):
    run_folder.read(str(tmp_path))


def _with_dataset(path: str) -> experiment_lib.Experiment:
  return overrides.replace(
    presets.make('features'), 'demonstrations.dataset', path
  )


def test_dataset_is_the_given_one_or_in_the_folder(tmp_path, monkeypatch):
  path = str(tmp_path / 'run')
  os.mkdir(path)
  run_folder.write(path, run_folder.PROGRAM, presets.make('features'))
  assert run_folder.dataset_folder(path) == f'{path}/demonstrations'
  # From any working folder.
  monkeypatch.chdir(tmp_path)
  run_folder.write('run', run_folder.PROGRAM, _with_dataset('mine'))
  monkeypatch.chdir('/')
  given = str(tmp_path / 'mine')
  assert run_folder.dataset_folder(path) == given
  assert run_folder.read(path).demonstrations.dataset == given


def test_a_dataset_inside_the_run_moves_with_it(tmp_path):
  inside = tmp_path / 'run' / 'demonstrations'
  inside.mkdir(parents=True)
  path, moved = str(tmp_path / 'run'), str(tmp_path / 'moved')
  run_folder.write(path, run_folder.ONE_PROCESS, _with_dataset(str(inside)))
  os.rename(path, moved)
  for found in (
    run_folder.dataset_folder(moved),
    run_folder.read(moved).demonstrations.dataset,
    run_folder.settings(moved)['demonstrations.dataset'],
  ):
    assert found == f'{moved}/demonstrations'


def test_a_dataset_as_an_older_run_kept_it(tmp_path):
  content = _content()
  content['experiment']['demonstrations.dataset'] = 'data/mine'
  (tmp_path / 'experiment.json').write_text(json.dumps(content))
  assert run_folder.dataset_folder(str(tmp_path)) == 'data/mine'


_HOLD = """
import sys, time
from experiments import run_folder
with run_folder.held(sys.argv[1]):
  print('held', flush=True)
  time.sleep(300)
"""


@pytest.mark.slow
def test_a_run_is_gone_on_with_once_at_a_time(tmp_path):
  path = str(tmp_path)
  holder = subprocess.Popen(
    [sys.executable, '-c', _HOLD, path],
    cwd=_ROOT,
    stdout=subprocess.PIPE,
    text=True,
  )
  try:
    assert holder.stdout is not None
    assert holder.stdout.readline() == 'held\n'
    with (
      pytest.raises(
        run_folder.RunFolderError,
        match=rf'is going on, in process {holder.pid}: wait for its end',
      ),
      run_folder.held(path),
    ):
      pass
  finally:
    holder.kill()
    holder.communicate()
  # What a dead process left is no obstacle.
  with run_folder.held(path):
    assert (tmp_path / 'lock').read_text() == f'{os.getpid()}\n'
  with run_folder.held(path):
    pass


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
  def refuse(*unused_arguments):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

  monkeypatch.setattr(fcntl, 'flock', refuse)
  with run_folder.held(str(tmp_path)):
    pass


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
  with (
    pytest.raises(run_folder.RunFolderError, match=r'cannot be written \(No'),
    run_folder.held(str(tmp_path / 'absent')),
  ):
    pass


def test_progress_is_read_as_it_was_written(tmp_path):
  path = str(tmp_path)
  assert run_folder.read_progress(path) == schedule.Progress()
  progress = schedule.Progress(
    minutes=1 / 3, imitation_steps=5, task_steps=2, task_updates=3
  )
  run_folder.write_progress(path, progress)
  assert run_folder.read_progress(path) == progress


@pytest.mark.parametrize('content', ['', '{"minutes": 1', '[]', '{"hours": 2}'])
def test_damaged_progress_is_refused(tmp_path, content):
  (tmp_path / 'progress.json').write_text(content)
  with pytest.raises(
    run_folder.RunFolderError, match=r'progress.json. is not what a run writes'
  ):
    run_folder.read_progress(str(tmp_path))


def test_a_file_that_is_written_anew_is_whole_at_any_time(tmp_path):
  path = str(tmp_path)
  before = schedule.Progress(minutes=1.0)
  run_folder.write_progress(path, before)
  with (
    mock.patch.object(json, 'dump', side_effect=OSError('disk is full')),
    pytest.raises(OSError, match='full'),
  ):
    run_folder.write_progress(path, schedule.Progress(minutes=2.0))
  assert run_folder.read_progress(path) == before


def test_folder_is_made_once(tmp_path):
  path = str(tmp_path / 'runs' / 'mine')
  run_folder.check_new(path)
  run_folder.make(path)
  assert os.path.isdir(path)
  for check in (run_folder.check_new, run_folder.make):
    with pytest.raises(
      run_folder.RunFolderError,
      match=r"mine' exists and is left as it is; .* or --resume to go on",
    ):
      check(path)


@pytest.mark.parametrize(
  ('form', 'module'),
  [
    (run_folder.ONE_PROCESS, 'experiments.run_metamimic'),
    (run_folder.PROGRAM, 'experiments.run_distributed'),
  ],
)
@pytest.mark.parametrize(
  'path', ['runs/mine', 'my runs/it\'s $HOME; "mine"', '-x', 'runs/*']
)
def test_command_to_resume_can_be_pasted(form, module, path):
  command = run_folder.resume_command(form, path)
  python, *rest = shlex.split(command)
  assert os.path.samefile(python, sys.executable)
  assert rest == [
    '-m',
    module,
    '--resume',
    f'--run_folder={path}',
  ]
