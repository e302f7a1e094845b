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
"""Tests of `python -m experiments.demonstrations record`."""

import pathlib
import signal
import subprocess
import sys
import time

import numpy as np

from environments import demonstrations
from environments.demonstrations import recording
from experiments import demonstrations as command
from tests.experiments.datasets import dataset_commands

_ROOT = pathlib.Path(__file__).parents[2]


def test_recorded_dataset_says_how_it_was_recorded(recorded):
  found = demonstrations.load(recorded)
  assert len(found) == 3
  assert all(item.success for item in found)
  assert found.metadata.task == 'jaco_block_stacking'
  assert found.metadata.control_timestep == 0.05
  assert len(found.metadata.model_hash or '') == 64
  assert found.metadata.arguments['episode_length'] == 200


def test_existing_dataset_is_not_recorded_over(recorded, capsys):
  for option in ([], ['--resume']):
    message = dataset_commands.fails(
      capsys, 'record', recorded, *dataset_commands.SHORT, *option
    )
    assert 'exists and is left as it is' in message


def test_resumed_recording_is_the_same_as_one_in_one_go(
  recorded, tmp_path, monkeypatch, capsys
):
  path = str(tmp_path / 'resumed.hdf5')
  arguments = ['record', path, '--episodes=3', *dataset_commands.SHORT]
  record_episode = recording.record_episode
  left = [3]  # Attempts before Ctrl-C; not all of them stack.

  def interrupted(*args):
    if not left[0]:
      raise KeyboardInterrupt
    left[0] -= 1
    return record_episode(*args)

  with monkeypatch.context() as context:
    context.setattr(recording, 'record_episode', interrupted)
    assert command.main(arguments) == 130
  message = capsys.readouterr().err
  assert f'{path}.partial' in message
  assert '--resume' in message
  assert 'did not come to its end' in dataset_commands.fails(capsys, *arguments)
  assert 'has not come to its end' in dataset_commands.fails(
    capsys, 'info', path
  )
  assert 'same settings' in dataset_commands.fails(
    capsys, *arguments, '--resume', '--half-size=0.02'
  )
  assert command.main([*arguments, '--resume']) == 0
  for one, other in zip(
    demonstrations.load(path), demonstrations.load(recorded), strict=True
  ):
    assert one.seed == other.seed
    np.testing.assert_array_equal(one.states, other.states)


def test_control_c_keeps_complete_episodes(tmp_path):
  path = tmp_path / 'interrupted.hdf5'
  process = subprocess.Popen(
    [
      # A test run in the background of a shell hands down an ignored Ctrl-C.
      *('env', '--default-signal=INT', sys.executable),
      *('-m', 'experiments.demonstrations', 'record', path),
      *dataset_commands.SHORT,
    ],
    cwd=_ROOT,
    stderr=subprocess.PIPE,
    text=True,
  )
  episode = tmp_path / 'interrupted.hdf5.partial' / 'episode_000001.hdf5'
  deadline = time.monotonic() + 120
  while not episode.exists() and time.monotonic() < deadline:
    time.sleep(0.02)
  process.send_signal(signal.SIGINT)
  errors = process.communicate()[1]
  assert process.returncode == 130
  assert 'Interrupted' in errors
  assert 'Traceback' not in errors
  number = len(list(episode.parent.glob('episode_*.hdf5')))
  assert number >= 2
  assert (
    command.main(
      [
        'record',
        str(path),
        '--resume',
        f'--episodes={number}',
        *dataset_commands.SHORT,
      ]
    )
    == 0
  )
  assert len(demonstrations.load(path)) == number


def test_attempts_that_never_stack_end_with_an_error(tmp_path, capsys):
  message = dataset_commands.fails(
    capsys,
    *('record', str(tmp_path / 'none.hdf5'), '--episodes=1'),
    *('--demonstrator=brisk', '--episode-length=5'),
  )
  assert 'stacked 0 of 5 times' in message
  assert not list(tmp_path.iterdir())


def test_cubes_without_a_size_or_room(tmp_path, capsys):
  for size in ('0', 'nan', '0.2'):
    message = dataset_commands.fails(
      capsys, 'record', str(tmp_path / 'new'), f'--half-size={size}'
    )
    assert f'half_size is {float(size)}; it must be positive' in message
  assert not list(tmp_path.iterdir())


def test_a_log_has_lines_and_no_carriage_returns(tmp_path, capfd):
  path = str(tmp_path / 'new.hdf5')
  arguments = ['record', path, '--episodes=2', *dataset_commands.SHORT]
  assert command.main(arguments) == 0
  text = capfd.readouterr().err
  assert '\r' not in text
  assert '2/2' in text
  assert len(text.splitlines()) <= 3
