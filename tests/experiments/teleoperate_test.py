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
"""Tests of the program that records a person's takes."""

import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from typing import Iterator

import numpy as np
import pytest

from environments import block_stacking
from environments import demonstrations
from environments.block_stacking import features
from environments.teleoperation import device
from environments.teleoperation import session
from environments.teleoperation import space_mouse
from experiments import teleoperate
from experiments.datasets import scenes

_TIMEOUT = 60.0  # s
_METADATA = demonstrations.Metadata(block_stacking.TASK_NAME, 0.05)


class _Terminal:
  """A terminal in which the program runs, and the person at it."""

  def __init__(self, output: pathlib.Path, *arguments: str):
    self._person, self._program = pty.openpty()
    self.before = termios.tcgetattr(self._program)
    self._screen = ''
    # setsid: Ctrl-C then reaches the program alone. env: a test run in the
    # background of a shell hands down an ignored Ctrl-C.
    self._process = subprocess.Popen(
      [
        *('setsid', '--ctty', 'env', '--default-signal=INT', sys.executable),
        *('-m', 'experiments.teleoperate'),
        *('--device=keyboard', f'--output={output}', *arguments),
      ],
      stdin=self._program,
      stdout=self._program,
      stderr=self._program,
    )

  def expect(self, pattern: str) -> None:
    """Waits until the program has said something, and forgets what was before."""
    end = time.monotonic() + _TIMEOUT
    while (found := re.search(pattern, self._screen)) is None:
      left = end - time.monotonic()
      if not select.select([self._person], [], [], max(left, 0.0))[0]:
        raise AssertionError(f'No {pattern!r} in {self._screen!r}')
      self._screen += os.read(self._person, 4096).decode()
    self._screen = self._screen[found.end() :]

  def type(self, keys: bytes) -> None:
    os.write(self._person, keys)

  def type_for(self, keys: bytes, seconds: float) -> None:
    """Holds keys down."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
      self.type(keys)
      time.sleep(0.03)

  def wait(self) -> int:
    return self._process.wait(_TIMEOUT)

  @property
  def settings(self) -> list:
    return termios.tcgetattr(self._program)

  def close(self) -> None:
    if self._process.poll() is None:
      self._process.send_signal(signal.SIGKILL)
      self._process.wait()
    os.close(self._person)
    os.close(self._program)


@pytest.fixture
def start(tmp_path) -> Iterator:
  """Starts the program in a terminal."""
  terminals: list[_Terminal] = []

  def _start(*arguments: str) -> _Terminal:
    terminals.append(_Terminal(tmp_path / 'takes', *arguments))
    return terminals[-1]

  yield _start
  for terminal in terminals:
    terminal.close()


def _load(file: pathlib.Path) -> demonstrations.Demonstration:
  (take,) = demonstrations.load(
    file,
    block_stacking.TASK_NAME,
    control_timestep=block_stacking.CONTROL_TIMESTEP,
  )
  return take


def _check_replay(take: demonstrations.Demonstration) -> None:
  environment = block_stacking.load(('body', 'blocks'), seed=0)
  environment.random_state.seed(take.seed)
  environment.reset()
  for action, state in zip(take.actions, take.states):
    np.testing.assert_array_equal(environment.get_state(), state)
    environment.step(action)
  environment.close()


@pytest.mark.slow
def test_person_records_discards_redoes_and_quits(start, tmp_path):
  terminal = start('--view=none', '--demonstrator=anna', '--seed=3')
  terminal.expect('Start 3 is ready; 0 takes kept')
  terminal.type(b'\r')
  terminal.expect('Recording')
  terminal.type_for(b'd', 0.8)
  terminal.type(b'\r')
  terminal.expect(r'Kept \d+ steps, NOT stacked: \S+take_0.hdf5')
  terminal.expect('Start 4 is ready; 1 takes kept')
  terminal.type(b'\r')
  terminal.expect('Recording')
  terminal.type_for(b'w', 0.3)
  terminal.type(b'z')
  terminal.expect('Dropped a take')
  terminal.expect('Start 4 is ready; 1 takes kept')
  terminal.type(b'\r')
  terminal.expect('Recording')
  terminal.type_for(b'w', 0.3)
  terminal.type(b'\x7f')
  terminal.expect('Start 5 is ready; 1 takes kept')
  terminal.type(b'\x04')
  terminal.expect('1 takes kept in .*, 2 discarded')
  assert terminal.wait() == 0
  assert terminal.settings == terminal.before
  assert os.listdir(tmp_path / 'takes') == ['take_0.hdf5']
  file = tmp_path / 'takes' / 'take_0.hdf5'
  take = _load(file)
  _check_replay(take)
  # So it can be merged with what a script has recorded.
  metadata = demonstrations.load(file).metadata
  assert metadata.arguments == scenes.DEFAULT_ARGUMENTS
  assert take.demonstrator == 'anna'
  assert take.seed == 3
  hand = take.observations['body'][:, features.BODY_LAYOUT['hand_position']]
  moved = hand[-1] - hand[0]
  # About 0.8 s at 0.15 m/s, to the right; less on a busy machine.
  assert moved[0] > 0.03
  np.testing.assert_allclose(moved[1:], 0.0, atol=0.01)


@pytest.mark.slow
def test_ctrl_c_in_a_take_keeps_the_earlier_ones(start, tmp_path):
  terminal = start('--view=preview')
  terminal.expect('drawn to .*preview.png')
  terminal.expect('Start 0 is ready')
  terminal.type(b'\r')
  terminal.expect('Recording')
  time.sleep(0.5)
  preview = tmp_path / 'takes' / 'preview.png'
  deadline = time.monotonic() + 20  # The first picture takes long at times.
  while not preview.exists() and time.monotonic() < deadline:
    time.sleep(0.02)
  assert preview.stat().st_size > 0
  terminal.type(b'\r')
  terminal.expect('Kept')
  terminal.type(b'\r')
  terminal.expect('Recording')
  terminal.type(b'\x03')
  terminal.expect('Interrupted; the takes that were kept are in')
  assert terminal.wait() == 130
  assert terminal.settings == terminal.before
  assert os.listdir(tmp_path / 'takes') == ['take_0.hdf5']
  assert _load(tmp_path / 'takes' / 'take_0.hdf5').seed == 0


def test_space_mouse_without_a_terminal_until_it_is_unplugged(
  tmp_path, capsys, monkeypatch
):
  here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
  mouse = space_mouse.SpaceMouse(there.detach(), 'SpaceNavigator')
  monkeypatch.setattr(space_mouse, 'open_space_mouse', lambda: mouse)
  right = struct.pack('<Bhhh', 1, 350, 0, 0)
  press, release = b'\x03\x02\x00', b'\x03\x00\x00'
  for report in (press, release, right):
    here.send(report)

  class _Pacer(session.Pacer):
    steps = 0

    def wait(self) -> None:
      super().wait()
      self.steps += 1
      if self.steps == 20:
        here.send(press)
        here.close()

  monkeypatch.setattr(session, 'Pacer', _Pacer)
  arguments = ('--device=spacemouse', '--view=none', f'--output={tmp_path}')
  error = _error(capsys, *arguments)
  assert 'SpaceNavigator was closed' in error
  take = _load(tmp_path / 'take_0.hdf5')
  assert take.actions.shape[1] == 9
  hand = take.observations['body'][:, features.BODY_LAYOUT['hand_position']]
  assert hand[-1, 0] > hand[0, 0] + 0.05


def _error(capsys, *arguments: str) -> str:
  assert teleoperate.main(arguments) == 1
  error = capsys.readouterr().err
  assert error.startswith('Error: ')
  return error


def test_missing_space_mouse_is_said_before_anything_is_made(
  tmp_path, capsys, monkeypatch
):
  def fail() -> None:
    raise device.DeviceError('No SpaceMouse: plug one in.')

  monkeypatch.setattr(space_mouse, 'open_space_mouse', fail)
  output = tmp_path / 'takes'
  error = _error(capsys, '--device=spacemouse', f'--output={output}')
  assert 'No SpaceMouse: plug one in.' in error
  assert not output.exists()


def test_keyboard_needs_a_terminal(tmp_path, capsys):
  error = _error(capsys, '--device=keyboard', f'--output={tmp_path}')
  assert 'start the program in a terminal' in error


@pytest.mark.parametrize(
  'argument,message',
  [
    ('--observables=smell', "observables are ('smell',)"),
    ('--speed=0', 'speed is 0.0'),
    ('--episode_length=0', 'episode_length is 0'),
  ],
)
def test_bad_settings(capsys, tmp_path, argument, message):
  output = f'--output={tmp_path}'
  assert message in _error(capsys, '--device=keyboard', output, argument)


def test_unknown_device(capsys):
  with pytest.raises(SystemExit):
    teleoperate.main(['--device=joystick'])
  assert "choose from 'spacemouse', 'keyboard'" in capsys.readouterr().err


def test_help_has_examples_and_keys(capsys):
  with pytest.raises(SystemExit) as raised:
    teleoperate.main(['--help'])
  assert raised.value.code == 0
  text = capsys.readouterr().out
  assert '--device=spacemouse --output=data/anna' in text
  assert 'SPACE  close or open the fingers' in text


def _takes(number: int) -> list[demonstrations.Demonstration]:
  return [
    demonstrations.Demonstration(
      observations={'body': np.zeros((3, 4), np.float32)},
      states=np.full((3, 5), seed, np.float64),
      actions=np.zeros((2, 9), np.float32),
      rewards=np.zeros(2, np.float32),
      demonstrator='anna',
      seed=seed,
    )
    for seed in range(number)
  ]


def test_takes_are_numbered_on_in_a_folder_that_has_some(tmp_path):
  folder = teleoperate.TakeFolder(tmp_path / 'takes', _METADATA)
  assert folder.num_takes == 0
  for take in _takes(2):
    folder.keep(take)
  (tmp_path / 'takes' / 'take_best.hdf5').touch()
  os.remove(tmp_path / 'takes' / 'take_0.hdf5')
  again = teleoperate.TakeFolder(tmp_path / 'takes', _METADATA)
  assert again.num_takes == 2
  (take,) = _takes(1)
  file = again.keep(take)
  assert file == str(tmp_path / 'takes' / 'take_2.hdf5')
  np.testing.assert_array_equal(_load(pathlib.Path(file)).states, take.states)


def test_take_of_another_program_is_not_overwritten(tmp_path):
  first, second = (
    teleoperate.TakeFolder(tmp_path, _METADATA) for _ in range(2)
  )
  first.keep(_takes(1)[0])
  with pytest.raises(demonstrations.DatasetError, match='exists'):
    second.keep(_takes(1)[0])


def test_home_folder_is_expanded(monkeypatch, tmp_path):
  monkeypatch.setenv('HOME', str(tmp_path))
  options = teleoperate._parser().parse_args(
    ['--device=keyboard', '--output=~/takes']
  )
  assert options.output == tmp_path / 'takes'
