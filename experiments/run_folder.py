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
"""The folder of a run: what is run, and how far it is, kept for a resume."""

import contextlib
import dataclasses
import datetime
import fcntl
import json
import os
import shlex
import shutil
import sys
from typing import Any, Iterator, Mapping, Sequence

from experiments import experiment as experiment_lib
from experiments import overrides
from experiments import presets
from experiments import provenance
from experiments import schedule

ONE_PROCESS, PROGRAM = 'one_process', 'program'

# Folder in it of the demonstrations that a run records.
RECORDED_FOLDER = 'demonstrations'
_EXPERIMENT = 'experiment.json'
_PROVENANCE = 'provenance'
_PROGRESS = 'progress.json'
_LOCK = 'lock'
_DATASET = 'demonstrations.dataset'
# Less than a checkpoint of small networks takes.
_FULL_BYTES = 1_000_000
_COMMANDS = {
  ONE_PROCESS: 'experiments.run_metamimic',
  PROGRAM: 'experiments.run_distributed',
}


class RunFolderError(ValueError):
  """The run folder cannot be used; the message says why."""


def default() -> str:
  """Returns the path of a new folder, named after the time."""
  return os.path.join('runs', datetime.datetime.now().strftime('%Y%m%d-%H%M%S'))


def check_new(path: str) -> None:
  """Checks that there is no such folder yet.

  Args:
    path: path of the run's folder.

  Raises:
    RunFolderError: if it exists.
  """
  if os.path.exists(path):
    raise RunFolderError(
      f'the run folder {path!r} exists and is left as it is; give another '
      '--run_folder or move it away, or --resume to go on with it.'
    )


def make(path: str) -> None:
  """Makes the folder of a new run.

  Args:
    path: path of the run's folder.

  Raises:
    RunFolderError: if it exists or cannot be made.
  """
  check_new(path)
  try:
    os.makedirs(path)
  except OSError as error:
    raise RunFolderError(
      f'the run folder {path!r} cannot be made ({error.strerror}); give another '
      '--run_folder.'
    ) from None


@contextlib.contextmanager
def held(path: str) -> Iterator[None]:
  """Keeps other programs from going on with a run meanwhile.

  The lock ends with the process in any case. On a file system without locks
  there is none.

  Args:
    path: path of the run's folder.

  Raises:
    RunFolderError: if another process holds it.
  """
  try:
    lock = open(os.path.join(path, _LOCK), 'a+')  # noqa: SIM115  (Held below.)
  except OSError as error:
    raise RunFolderError(
      f'the run folder {path!r} cannot be written ({error.strerror}); mend this, '
      'or give another --run_folder.'
    ) from None
  with lock:
    try:
      fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
      lock.seek(0)
      raise RunFolderError(
        f'the run in {path!r} is going on, in process '
        f'{lock.read().strip() or "unknown"}: wait for its end, or stop it.'
      ) from None
    except OSError:
      pass
    lock.truncate(0)
    lock.write(f'{os.getpid()}\n')
    lock.flush()
    yield


def write(
  path: str,
  form: str,
  experiment: experiment_lib.Experiment,
  launch: Mapping[str, Any] | None = None,
) -> None:
  """Keeps what is run in the run's folder, and by what it was made each time.

  Args:
    path: path of the run's folder.
    form: `ONE_PROCESS` or `PROGRAM`.
    experiment: experiment that is run.
    launch: how its program is launched.
  """
  values = dict(overrides.values(experiment))
  if values[_DATASET]:
    values[_DATASET] = _kept_path(path, values[_DATASET])
  _write_json(
    os.path.join(path, _EXPERIMENT),
    {
      'form': form,
      'experiment': values,
      'launch': dict(launch or {}),
      _PROVENANCE: [*read_provenance(path), provenance.describe()],
    },
  )


def read(path: str) -> experiment_lib.Experiment:
  """Returns the experiment of a run.

  Args:
    path: path of the run's folder.

  Raises:
    RunFolderError: if it is the folder of no run, or of one of other code.
  """
  values = _read(path)['experiment']
  try:
    experiment = presets.make(values['preset'])
    return overrides.replace_all(experiment, values)
  except (KeyError, ValueError) as error:
    raise RunFolderError(
      f'{os.path.join(path, _EXPERIMENT)!r} is of other code ({error}); go on '
      'with the code that it was written by.'
    ) from None


def read_to_resume(path: str) -> experiment_lib.Experiment:
  """Returns the experiment of a run that goes on.

  Args:
    path: path of the run's folder.

  Raises:
    RunFolderError: as `read`, and if a setting is not in it, whose value in the
      preset of this code need not be that of the run.
  """
  experiment = read(path)
  missing = set(overrides.paths(experiment)) - set(_read(path)['experiment'])
  if missing:
    codes = [start['code'] for start in read_provenance(path)]
    raise RunFolderError(
      f'{os.path.join(path, _EXPERIMENT)!r} is of other code, which had no '
      f'{", ".join(sorted(missing))}; go on with the code that it was written by'
      f'{f" ({codes[-1]})" if codes else ""}, or add what the run had.'
    )
  return experiment


def read_launch(path: str, form: str) -> Mapping[str, Any]:
  """Returns how a run was launched.

  Args:
    path: path of the run's folder.
    form: `ONE_PROCESS` or `PROGRAM`.

  Raises:
    RunFolderError: if it is the folder of no run, or of one of the other form.
  """
  content = _read(path)
  if content['form'] != form:
    raise RunFolderError(
      f'{path!r} is a run of {_COMMANDS[content["form"]]}: go on with that.'
    )
  return content['launch']


def read_provenance(path: str) -> Sequence[Mapping[str, str]]:
  """Returns by what a run was made, for each time that it was begun or resumed.

  Args:
    path: path of the run's folder. That of a run by older code has none.
  """
  try:
    with open(os.path.join(path, _EXPERIMENT)) as file:
      return [{**each} for each in json.load(file)[_PROVENANCE]]
  except (OSError, KeyError, TypeError, ValueError):
    return []


def dataset_folder(path: str) -> str:
  """Returns the folder of a run's dataset: a given one, or in the run's folder.

  Args:
    path: path of the run's folder.

  Raises:
    RunFolderError: if it is the folder of no run.
  """
  given = _read(path)['experiment'][_DATASET]
  return given or os.path.join(path, RECORDED_FOLDER)


def settings(path: str) -> Mapping[str, Any]:
  """Returns all settings of a run by their names, for what shows them.

  Args:
    path: path of the run's folder.

  Raises:
    RunFolderError: if it is the folder of no run.
  """
  content = _read(path)
  return {**content['experiment'], **content['launch']}


def _read(path: str) -> Mapping[str, Any]:
  file_path = os.path.join(path, _EXPERIMENT)
  if not os.path.exists(file_path):
    raise RunFolderError(
      f'{path!r} holds no run to resume; give its --run_folder, or leave '
      '--resume out to start one.'
    )
  try:
    with open(file_path) as file:
      content = json.load(file)
    if content['form'] in _COMMANDS:
      # Other keys are looked at by those who read them.
      values = {**content['experiment']}
      if values.get(_DATASET):
        values[_DATASET] = _found_path(path, values[_DATASET])
      return {
        'form': content['form'],
        'experiment': values,
        'launch': {**content['launch']},
      }
  except (KeyError, TypeError, ValueError):
    pass
  raise RunFolderError(
    f'{file_path!r} is not what a run writes; restore a copy, or start another '
    'run.'
  )


def _kept_path(folder: str, path: str) -> str:
  """Returns a path as a run keeps it: what is inside its folder moves with it."""
  path, folder = os.path.abspath(path), os.path.abspath(folder)
  if os.path.commonpath((path, folder)) == folder:
    return os.path.relpath(path, folder)
  return path


def _found_path(folder: str, path: str) -> str:
  """Returns the path that a run has kept; an old run kept it as it was given."""
  inside = os.path.join(folder, path)
  return inside if os.path.exists(inside) else path


def write_progress(path: str, progress: schedule.Progress) -> None:
  """Keeps how far a run is.

  Args:
    path: path of the run's folder.
    progress: how far it is.
  """
  _write_json(os.path.join(path, _PROGRESS), dataclasses.asdict(progress))


def read_progress(path: str) -> schedule.Progress:
  """Returns how far a run was when it was saved.

  Args:
    path: path of the run's folder.

  Raises:
    RunFolderError: if what says it is damaged.
  """
  file_path = os.path.join(path, _PROGRESS)
  if not os.path.exists(file_path):
    return schedule.Progress()
  try:
    with open(file_path) as file:
      return schedule.Progress(**json.load(file))
  except (TypeError, ValueError):
    raise RunFolderError(
      f'{file_path!r} is not what a run writes; restore a copy, or start another '
      'run.'
    ) from None


def _write_json(path: str, content: Mapping[str, Any]) -> None:
  # Whole at any time, also if the process is killed meanwhile.
  with open(f'{path}.new', 'w') as file:
    json.dump(content, file, indent=2)
  os.replace(f'{path}.new', path)


def resume_command(form: str, path: str) -> str:
  """Returns the command that goes on with a run, to be pasted into a shell.

  Args:
    form: `ONE_PROCESS` or `PROGRAM`.
    path: path of the run's folder.
  """
  python = sys.executable
  if not os.path.relpath(python).startswith('..'):
    python = os.path.relpath(python)
  return (
    f'{shlex.quote(python)} -m {_COMMANDS[form]} --resume '
    f'{shlex.quote(f"--run_folder={path}")}'
  )


def disk_advice(path: str) -> str:
  """Returns what to do if the folder's disk is full, '' if it is not.

  Nodes on a full disk cannot even write why they end.

  Args:
    path: path of the run's folder.
  """
  try:
    free = shutil.disk_usage(path).free
  except OSError:
    return ''
  if free >= _FULL_BYTES:
    return ''
  return f'The disk of {path} is full: make room there before you go on.\n'
