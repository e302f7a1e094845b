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
"""The keyboard of a terminal as an input device."""

import os
import re
import select
import sys
import termios
import tty
from typing import Any, Mapping, Optional

import numpy as np

from environments.teleoperation import device

HELP = """\
  w s  away, towards you     a d  left, right     r f  up, down
  q e  turn                  i k, j l  tilt       SHIFT  a quarter of the speed
  SPACE  close or open the fingers
  ENTER  begin a take, keep it      BACKSPACE  discard it, to another start
  z      redo it from its start     CTRL-D     quit"""

# A terminal reports pressed keys alone, some 30 times a second while one is held
# down. A key counts as held for this many reads of 50 ms, which bridges slower
# repetition, too.
_HOLD_READS = 3
# Share of the full speed while shift is held.
_SLOW = 0.25

# For each key a component of (translation, rotation) and its direction, see
# `Command`.
_MOTIONS: Mapping[str, tuple[int, float]] = {
  'a': (0, -1.0),
  'd': (0, 1.0),
  's': (1, -1.0),
  'w': (1, 1.0),
  'f': (2, -1.0),
  'r': (2, 1.0),
  'k': (3, -1.0),
  'i': (3, 1.0),
  'j': (4, -1.0),
  'l': (4, 1.0),
  'e': (5, -1.0),
  'q': (5, 1.0),
}
_EVENTS: Mapping[str, device.Event] = {
  ' ': device.Event.FINGERS,
  '\n': device.Event.RECORD,
  '\r': device.Event.RECORD,
  '\x7f': device.Event.DISCARD,
  '\b': device.Event.DISCARD,
  'z': device.Event.REDO,
  '\x04': device.Event.QUIT,
}
# Escape sequences of arrows and function keys, whose letters are not commands.
_ESCAPE_SEQUENCE = re.compile(rb'\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?', re.DOTALL)
_READ_SIZE = 1024


class Keyboard:
  """Reads keys from a terminal, without waiting for them.

  Args:
    descriptor: file descriptor of the terminal; standard input by default. Its
      settings change until `close` restores them.

  Raises:
    DeviceError: if the descriptor is not that of a terminal.
  """

  def __init__(self, descriptor: Optional[int] = None):
    if descriptor is None:
      descriptor = _standard_input()
    if not os.isatty(descriptor):
      raise device.DeviceError(
        'The keyboard is read from a terminal, but standard input is none; '
        'start the program in a terminal and do not redirect its input.'
      )
    self._descriptor = descriptor
    self._before: Optional[list[Any]] = termios.tcgetattr(descriptor)
    # Keys come at once and unseen; Ctrl-C still interrupts.
    tty.setcbreak(descriptor)
    self._velocity = np.zeros(6)
    self._reads_left = np.zeros(6, int)

  def read(self) -> device.Command:
    """Returns the velocities and events of the keys pressed lately."""
    self._reads_left = np.maximum(self._reads_left - 1, 0)
    events = []
    for key in self._read_keys():
      if key in _EVENTS:
        events.append(_EVENTS[key])
      elif key.lower() in _MOTIONS:
        axis, direction = _MOTIONS[key.lower()]
        self._velocity[axis] = direction * (_SLOW if key.isupper() else 1.0)
        self._reads_left[axis] = _HOLD_READS
    velocity = np.where(self._reads_left > 0, self._velocity, 0.0)
    return device.Command(velocity[:3], velocity[3:], tuple(events))

  def close(self) -> None:
    """Restores the settings of the terminal."""
    if self._before is not None:
      before, self._before = self._before, None
      try:
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, before)
      except termios.error:  # The terminal's window was closed.
        return

  def _read_keys(self) -> str:
    """Returns the keys pressed since the last call."""
    # Not a non-blocking file: it is the shell's, too.
    if not select.select((self._descriptor,), (), (), 0)[0]:
      return ''
    try:
      keys = os.read(self._descriptor, _READ_SIZE)
    except OSError:
      keys = b''
    if not keys:
      raise device.DeviceError(
        'The terminal is gone. Takes that were kept are safe.'
      )
    return _ESCAPE_SEQUENCE.sub(b'', keys).decode('ascii', 'ignore')


def _standard_input() -> int:
  """Returns the file descriptor of standard input; -1 if there is none."""
  try:
    return sys.stdin.fileno()
  except (AttributeError, OSError, ValueError):  # None, replaced or closed.
    return -1
