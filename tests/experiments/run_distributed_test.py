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

import csv
import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from experiments import overrides
from experiments import presets
from experiments import run_folder as run_folder_lib

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# For a loaded machine; it takes half a minute on an idle one.
_SECONDS = 300.0
# TensorFlow would read it as a pattern.
_RUN = 'lr=[3e-4,1e-4] x'
_PROGRAM = ('-m', 'experiments.run_distributed')


def _run(*arguments: str, cwd: pathlib.Path) -> subprocess.CompletedProcess:
  process = subprocess.Popen(
    [sys.executable, *arguments],
    cwd=cwd,
    env={
      **os.environ,
      'PYTHONPATH': str(_ROOT),
      'PYTHONFAULTHANDLER': '1',
      # As in offices; nothing answers there.
      'http_proxy': 'http://127.0.0.1:9',
      'https_proxy': 'http://127.0.0.1:9',
    },
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  try:
    said = process.communicate(timeout=_SECONDS)
  except subprocess.TimeoutExpired:
    # Has it say where its threads are.
    process.send_signal(signal.SIGABRT)
    pytest.fail('\n'.join(('It does not end.', *process.communicate())))
  return subprocess.CompletedProcess(process.args, process.returncode, *said)


def _last_row(folder: pathlib.Path) -> dict[str, str]:
  with open(folder / 'log.csv', newline='') as file:
    return list(csv.DictReader(file))[-1]


_REFUSED = (
  (['--lp_launch_type=vertex'], 'local_mt|local_mp|ray'),
  (['--resume', '--run_folder=none'], 'holds no run to resume'),
  (['--run_folder=.', '--preset=light'], 'exists and is left as it is'),
  (['--run_folder=file/run'], 'cannot be made'),
  (['--num_imitation_actors=0'], 'num_imitation_actors=0 must be at least 1'),
  (['--preset=vertex'], "no preset 'vertex'"),
  (['--preset=d4pg', '--run_folder=baseline'], 'use experiments.run_metamimic'),
  (['--set=program.num_cashes=2'], 'did you mean program.num_caches'),
  (
    ['--preset=light', '--num_replay_shards=2', '--run_folder=new'],
    'num_replay_shards=2 leaves shards without data',
  ),
  (['--dataset=absent', '--run_folder=newer'], 'absent'),
  (['--resume', '--run_folder=other'], 'is not what a run writes'),
  (
    ['--resume', '--run_folder=one_process'],
    'a run of experiments.run_metamimic: go on with that',
  ),
  (['more'], "Unknown arguments: ['more']"),
)

# Most of the program's time is that of its imports: it forks after them.
_FORKS = """
import json, os, sys
from absl import app
from experiments import run_distributed

for arguments in json.loads(sys.argv[1]):
  print('>>>', flush=True)
  child = os.fork()
  if not child:
    os.dup2(1, 2)
    app.run(run_distributed.main, ['run_distributed', *arguments])
  print('\\ncode', os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture(scope='module')
def refusals(tmp_path_factory) -> list[str]:
  """What the program says to each of the arguments above, and its exit code."""
  folder = tmp_path_factory.mktemp('refused')
  (folder / 'file').write_text('')
  (folder / 'other').mkdir()
  (folder / 'other' / 'experiment.json').write_text('{"budget": 1}')
  (folder / 'one_process').mkdir()
  run_folder_lib.write(
    str(folder / 'one_process'),
    run_folder_lib.ONE_PROCESS,
    presets.make('light'),
  )
  arguments = json.dumps([arguments for arguments, _ in _REFUSED])
  done = _run('-c', _FORKS, arguments, cwd=folder)
  assert done.returncode == 0, done.stdout + done.stderr
  assert not (folder / 'baseline').exists()
  return done.stdout.split('>>>\n')[1:]


@pytest.mark.slow
@pytest.mark.parametrize(
  ('number', 'words'), [(n, words) for n, (_, words) in enumerate(_REFUSED)]
)
def test_bad_arguments_are_refused_with_a_remedy(refusals, number, words):
  assert len(refusals) == len(_REFUSED)
  said, _, code = refusals[number].rpartition('code ')
  assert int(code) == 1
  assert 'Traceback' not in said
  assert words in said


@pytest.mark.slow
def test_threads_run_to_the_end_log_and_resume(tmp_path):
  done = _run(
    *_PROGRAM,
    f'--run_folder={_RUN}',
    '--lp_launch_type=local_mt',
    '--preset=light',
    '--set=budget.imitation_updates=1000',
    '--num_imitation_actors=2',
    '--environments_per_actor=2',
    '--num_replay_shards=2',
    '--half_precision=true',
    '--evaluation_period_seconds=10',
    cwd=tmp_path,
  )
  assert done.returncode == 0, done.stdout + done.stderr
  assert 'The run has ended: stopped' in done.stdout
  assert 'updates/s' in done.stdout
  assert '[reverb/' not in done.stdout + done.stderr
  run = tmp_path / _RUN
  for label in (
    'replay/0',
    'replay/1',
    'counter',
    'imitation_learner',
    'task_learner',
    'imitation_cacher/0',
    'task_cacher/0',
    'imitation_actor/0',
    'task_actor/0',
    'imitation_evaluator/training',
    'imitation_evaluator/validation',
    'task_evaluator/validation',
  ):
    assert (run / label / 'log.csv').exists(), label
    assert list((run / label).glob('events.out.tfevents.*')), label
  assert 'episode_return/imitation' in _last_row(run / 'imitation_actor' / '0')
  assert run_folder_lib.read(str(run)) == overrides.apply(
    presets.make('light'),
    [
      'budget.imitation_updates=1000',
      'num_imitation_actors=2',
      'program.environments_per_actor=2',
      'program.num_replay_shards=2',
      'program.half_precision=True',
      'program.evaluation_period_seconds=10',
    ],
  )
  before = _last_row(run / 'counter')
  assert float(before['imitation_learner_steps']) >= 1000

  # As the first run said; it goes on in threads, as it was started. A limit of
  # updates could be reached before an actor ends its first episode.
  actor_steps = int(float(before['imitation_actor_steps'])) + 500
  done = _run(
    *_PROGRAM,
    '--resume',
    f'--run_folder={_RUN}',
    '--set=budget.imitation_updates=none',
    f'--set=budget.actor_steps={actor_steps}',
    cwd=tmp_path,
  )
  assert done.returncode == 0, done.stdout + done.stderr
  assert not (run / 'output').exists()
  after = _last_row(run / 'counter')
  for name in ('imitation_actor_steps', 'imitation_learner_steps'):
    assert float(after[name]) > float(before[name])
  with open(run / 'replay' / '0' / 'log.csv', newline='') as file:
    sizes = [float(row['task_size']) for row in csv.DictReader(file)]
  assert run_folder_lib.read(str(run)).budget.actor_steps == actor_steps
  # What was there before the restart is there at once.
  assert min(sizes[len(sizes) // 2 :]) > 0
