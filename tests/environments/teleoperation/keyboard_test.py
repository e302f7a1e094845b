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
"""Tests of the keyboard, through a pseudo-terminal."""

import os
import pty
import termios
from typing import Iterator

import numpy as np
import pytest

from environments.teleoperation import device
from environments.teleoperation import keyboard


class _Terminal:
  """A pseudo-terminal: `type` is the person's side."""

  def __init__(self) -> None:
    self.person, self.program = pty.openpty()
    self.keys = keyboard.Keyboard(self.program)

  def type(self, keys: bytes) -> device.Command:
    os.write(self.person, keys)
    return self.keys.read()


@pytest.fixture
def terminal() -> Iterator[_Terminal]:
  terminal = _Terminal()
  yield terminal
  terminal.keys.close()
  for descriptor in (terminal.person, terminal.program):
    try:
      os.close(descriptor)
    except OSError:
      continue  # A test closed it.


def test_nothing_is_wanted_at_first_and_reading_does_not_wait(terminal):
  for _ in range(3):
    command = terminal.keys.read()
    np.testing.assert_array_equal(command.translation, np.zeros(3))
    np.testing.assert_array_equal(command.rotation, np.zeros(3))
    assert command.events == ()


@pytest.mark.parametrize(
  'key,translation',
  [
    (b'a', (-1, 0, 0)),
    (b'd', (1, 0, 0)),
    (b's', (0, -1, 0)),
    (b'w', (0, 1, 0)),
    (b'f', (0, 0, -1)),
    (b'r', (0, 0, 1)),
    (b'wd', (1, 1, 0)),
    (b'R', (0, 0, 0.25)),
  ],
)
def test_translation(terminal, key, translation):
  command = terminal.type(key)
  np.testing.assert_array_equal(command.translation, translation)
  np.testing.assert_array_equal(command.rotation, np.zeros(3))


@pytest.mark.parametrize(
  'key,rotation', [(b'q', (0, 0, 1)), (b'E', (0, 0, -0.25)), (b'i', (1, 0, 0))]
)
def test_rotation(terminal, key, rotation):
  command = terminal.type(key)
  np.testing.assert_array_equal(command.rotation, rotation)
  np.testing.assert_array_equal(command.translation, np.zeros(3))


def test_motion_ends_soon_after_the_key(terminal):
  speeds = [terminal.type(b'd').translation[0]]
  speeds += [terminal.keys.read().translation[0] for _ in range(4)]
  assert speeds == [1, 1, 1, 0, 0]


def test_held_key_moves_on(terminal):
  for _ in range(5):
    assert terminal.type(b'd').translation[0] == 1
    assert terminal.keys.read().translation[0] == 1


def test_opposite_key_turns_round_at_once(terminal):
  terminal.type(b'd')
  assert terminal.type(b'a').translation[0] == -1


@pytest.mark.parametrize(
  'keys,events',
  [
    (b' ', (device.Event.FINGERS,)),
    (b'\r', (device.Event.RECORD,)),
    (b'\n', (device.Event.RECORD,)),
    (b'\x7f', (device.Event.DISCARD,)),
    (b'z', (device.Event.REDO,)),
    (b'\x04', (device.Event.QUIT,)),
    (b' \rz', tuple(map(device.Event, ('fingers', 'record', 'redo')))),
    (b'xyz', (device.Event.REDO,)),
  ],
)
def test_events(terminal, keys, events):
  command = terminal.type(keys)
  assert command.events == events
  assert terminal.keys.read().events == ()


@pytest.mark.parametrize(
  'keys',
  [b'\x1b[A', b'\x1b[D', b'\x1bOD', b'\x1b[3~', b'\x1b', b'\xc3\xa4', b'1'],
)
def test_other_keys_do_nothing(terminal, keys):
  command = terminal.type(keys)
  np.testing.assert_array_equal(command.translation, np.zeros(3))
  np.testing.assert_array_equal(command.rotation, np.zeros(3))
  assert command.events == ()


def test_keys_are_unseen_and_the_terminal_is_restored():
  person, program = pty.openpty()
  before = termios.tcgetattr(program)
  keys = keyboard.Keyboard(program)
  local_modes = termios.tcgetattr(program)[3]
  assert not local_modes & (termios.ECHO | termios.ICANON)
  assert local_modes & termios.ISIG  # Ctrl-C interrupts.
  keys.close()
  keys.close()
  assert termios.tcgetattr(program) == before
  os.close(person)
  os.close(program)


def test_closed_window_is_an_error_and_can_be_closed(terminal):
  os.close(terminal.person)
  with pytest.raises(device.DeviceError, match='terminal is gone'):
    terminal.keys.read()
  terminal.keys.close()


def test_pipe_is_no_keyboard():
  reading, writing = os.pipe()
  try:
    with pytest.raises(device.DeviceError, match='start the program in a ter'):
      keyboard.Keyboard(reading)
  finally:
    os.close(reading)
    os.close(writing)


def test_closed_standard_input_is_no_keyboard(monkeypatch):
  monkeypatch.setattr('sys.stdin', None)
  with pytest.raises(device.DeviceError, match='standard input is none'):
    keyboard.Keyboard()


def test_combined_devices_add_up(terminal):
  other = _Terminal()
  try:
    both = device.Combined((terminal.keys, other.keys))
    os.write(terminal.person, b'dq ')
    os.write(other.person, b'dwe\r')
    command = both.read()
    np.testing.assert_array_equal(command.translation, (1, 1, 0))
    np.testing.assert_array_equal(command.rotation, (0, 0, 0))
    assert command.events == (device.Event.FINGERS, device.Event.RECORD)
    before = termios.tcgetattr(other.program)
    both.close()
    assert termios.tcgetattr(other.program) != before
  finally:
    os.close(other.person)
    os.close(other.program)
