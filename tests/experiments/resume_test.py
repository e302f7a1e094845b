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
"""A run in one process goes on after a kill, and ends in good order when asked.

That of a resumed run which ends by its budget is in run_metamimic_test.py.
"""

import csv
import json
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any, Callable

import numpy as np
import pytest

from experiments import one_process
from experiments import overrides
from experiments import run_folder as run_folder_lib

pytestmark = pytest.mark.slow

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_SECONDS = 240.0
_EPISODE_LENGTH = 50
# One for each step, and n - 1 = 2 shorter ones at the end.
_ITEMS_PER_EPISODE = _EPISODE_LENGTH + 2

# Says what a run starts to train with.
_PROGRAM = """
import json, runpy, sys
from experiments import training

def run(self, *args, run=training.Trainer.run):
  agent = self._agent
  sizes = agent.replay_client.server_info()
  print(json.dumps({
    'sizes': {name: info.current_size for name, info in sizes.items()},
    'steps': {
      half: int(getattr(agent, f'{half}_learner')._num_steps.numpy())
      for half in sizes
    },
    'counts': agent.imitation_learner._counter.get_counts(),
  }), flush=True)
  return run(self, *args)

training.Trainer.run = run
runpy.run_module('experiments.run_metamimic', run_name='__main__', alter_sys=True)
"""


def _start(folder: pathlib.Path, *arguments: str) -> subprocess.Popen:
  return subprocess.Popen(
    [sys.executable, '-c', _PROGRAM, f'--run_folder={folder}', *arguments],
    cwd=_ROOT,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def _wait(process: subprocess.Popen, condition: Callable[[], bool]) -> None:
  deadline = time.monotonic() + _SECONDS
  while not condition():
    assert process.poll() is None, process.communicate()
    assert time.monotonic() < deadline
    time.sleep(0.02)


def _said_at_the_start(out: str) -> dict[str, Any]:
  (line,) = (line for line in out.splitlines() if line.startswith('{'))
  return json.loads(line)


def _points(folder: pathlib.Path) -> list[dict[str, float]]:
  with open(folder / 'curves.csv', newline='') as file:
    return [
      {name: float(value) for name, value in row.items()}
      for row in csv.DictReader(file)
    ]


def _has_learned(folder: pathlib.Path, since: int = 0) -> bool:
  """Whether both learners have been saved after some updates, and nothing since.

  A point comes before what is saved with it, and the progress last.

  Args:
    folder: folder of the run.
    since: number of points that are not enough.
  """
  points = _points(folder) if (folder / 'curves.csv').exists() else []
  if len(points) <= since or not (folder / 'progress.json').exists():
    return False
  saved = run_folder_lib.read_progress(str(folder))
  return (
    saved.minutes >= points[-1]['minutes'] * (1.0 - 1e-5)
    and points[-1]['imitation_updates'] > 0
    and points[-1]['task_updates'] > 0
  )


def _killed(folder: pathlib.Path) -> None:
  """Leaves a run without a chance to save anything more."""
  process = _start(
    folder,
    '--preset=light',
    '--budget_minutes=20',
    '--evaluation_period_minutes=0.02',
    '--set=evaluation.episodes=1',
  )
  try:
    _wait(process, lambda: _has_learned(folder))
  finally:
    process.kill()
  out, _ = process.communicate(timeout=60.0)
  assert process.returncode == -signal.SIGKILL
  assert _said_at_the_start(out) == {
    'sizes': {'imitation': 0, 'task': 0},
    'steps': {'imitation': 0, 'task': 0},
    'counts': {},
  }


def _terminated(folder: pathlib.Path) -> dict[str, Any]:
  """Goes on with a run until it is asked to end; returns what it starts with."""
  number = len(_points(folder))
  process = _start(folder, '--resume')
  try:
    _wait(process, lambda: _has_learned(folder, since=number))
    saved = run_folder_lib.read_progress(str(folder))
    time.sleep(0.5)
    process.terminate()
    out, err = process.communicate(timeout=_SECONDS)
  finally:
    process.kill()
  assert process.returncode == 143, out + err
  assert 'Traceback' not in err
  assert out.rstrip().endswith(
    f'Interrupted. What there is was kept in {folder}. To go on:\n'
    + run_folder_lib.resume_command(run_folder_lib.ONE_PROCESS, str(folder))
  )
  for half in ('imitation', 'task'):
    policy = folder / 'policies' / f'{half}_policy'
    assert (policy / 'saved_model.pb').exists()
  progress = run_folder_lib.read_progress(str(folder))
  assert progress.minutes > saved.minutes
  # What was done since the last evaluation is not lost.
  assert progress.imitation_steps > saved.imitation_steps
  return _said_at_the_start(out)


def _ended(folder: pathlib.Path, *arguments: str) -> None:
  """Goes on with a run to its end."""
  process = _start(folder, '--resume', *arguments)
  try:
    out, err = process.communicate(timeout=_SECONDS)
  finally:
    process.kill()
  assert process.returncode == 0, out + err


def test_run_goes_on_after_a_kill_and_after_a_stop(tmp_path):
  folder = tmp_path / 'run'
  _killed(folder)
  saved = run_folder_lib.read_progress(str(folder))
  before = _points(folder)
  assert saved.minutes > 0.02

  start = _terminated(folder)
  steps = {'imitation': saved.imitation_steps, 'task': saved.task_steps}
  # Both halves stood still at the end of an episode when they were saved.
  items = {
    half: count // _EPISODE_LENGTH * _ITEMS_PER_EPISODE
    for half, count in steps.items()
  }
  assert start['sizes'] == {
    'imitation': items['imitation'],
    'task': items['imitation'] + items['task'],
  }
  for half in ('imitation', 'task'):
    assert start['steps'][half] == before[-1][f'{half}_updates'] > 0
  assert (
    start['counts']['imitation_learner_steps'] == (start['steps']['imitation'])
  )

  points = _points(folder)
  # A loss is NaN until something was learned.
  np.testing.assert_equal(points[: len(before)], before)
  for name in (
    'minutes',
    'imitation_updates',
    'task_updates',
    'imitation_environment_steps',
    'task_environment_steps',
  ):
    values = [point[name] for point in points]
    assert values == sorted(values), name
    assert values[-1] > values[len(before) - 1], name
  assert points[len(before)]['minutes'] >= saved.minutes
  stopped = run_folder_lib.read_progress(str(folder))
  for half, count in steps.items():
    assert getattr(stopped, f'{half}_steps') > count

  # Settings that do not fit what was kept are refused, and not noted.
  noted = (folder / 'experiment.json').read_bytes()
  other = overrides.replace(
    run_folder_lib.read(str(folder)), 'networks.policy_layer_sizes', (8, 8)
  )
  with pytest.raises(run_folder_lib.RunFolderError, match='another network'):
    one_process.run(other, str(folder), resume=True)
  assert (folder / 'experiment.json').read_bytes() == noted

  # A budget that was used up before is no error, and loses nothing.
  _ended(folder, '--budget_minutes=0.01')
  after = _points(folder)
  np.testing.assert_equal(after[: len(points)], points)
  assert len(after) > len(points)
  # The file has six digits.
  assert after[-1]['minutes'] >= stopped.minutes * (1.0 - 1e-5)
  assert after[-1]['imitation_updates'] >= points[-1]['imitation_updates']
  assert run_folder_lib.read(str(folder)).budget.minutes == 0.01
