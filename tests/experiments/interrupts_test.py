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
import gc
import signal
import sys
import time

import pytest

from experiments import command_line
from experiments import interrupts


@pytest.fixture(autouse=True)
def signals(monkeypatch):
  """Has SIGINT raise, and puts back all that a test changes."""
  monkeypatch.setattr(sys, 'unraisablehook', sys.unraisablehook)
  numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
  before = {number: signal.getsignal(number) for number in numbers}
  signal.signal(signal.SIGINT, signal.default_int_handler)
  yield
  for number, handler in before.items():
    signal.signal(number, handler)


class _Ended:
  """Gets a signal in its end, where an exception leads nowhere."""

  def __init__(self, number: int):
    self._number = number

  def __del__(self):
    signal.raise_signal(self._number)


def _collect_and_wait() -> None:
  gc.collect()
  _wait()


def _lose_and_wait(number: int) -> None:
  _Ended(number)
  _wait()


def _wait() -> None:
  end = time.monotonic() + 10.0
  while time.monotonic() < end:
    time.sleep(0.01)


def test_an_interrupt_in_the_garbage_collector_comes_again():
  interrupts.send_lost_again()
  asked: list[str] = []

  def callback(phase: str, unused_info: dict) -> None:
    if phase == 'stop' and not asked:
      asked.append(phase)
      signal.raise_signal(signal.SIGINT)

  gc.callbacks.append(callback)
  try:
    with pytest.raises(KeyboardInterrupt):
      _collect_and_wait()
  finally:
    gc.callbacks.remove(callback)
  assert asked


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP])
def test_a_stop_that_is_lost_comes_again_and_does_not_kill(number):
  command_line.stop_on_signals()
  with pytest.raises(command_line.Stopped) as stopped:
    _lose_and_wait(number)
  assert stopped.value.exit_code == 128 + number


def test_two_that_are_lost_at_once_come_again_as_one():
  interrupts.send_lost_again()
  _Ended(signal.SIGINT)
  with pytest.raises(KeyboardInterrupt):
    _lose_and_wait(signal.SIGINT)
  time.sleep(0.3)


def test_other_errors_are_printed_as_before(monkeypatch):
  seen = []
  monkeypatch.setattr(sys, 'unraisablehook', lambda e: seen.append(e.exc_type))
  interrupts.send_lost_again()

  class Broken:
    def __del__(self):
      raise ValueError

  Broken()
  assert seen == [ValueError]
