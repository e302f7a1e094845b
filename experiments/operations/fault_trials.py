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

"""One run of the light program that is hurt, and what came of it."""

import contextlib
import glob
import os
import re
import signal
import subprocess
import sys
import time
from typing import Any, Callable, Mapping, Sequence

import psutil

from experiments.launchpad_ray import supervision
from experiments.operations import fault_outcomes

_POLL_SECONDS = 0.2
_STEPS = re.compile(r'updates/s, (\d+) steps')
_REPLAY = re.compile(r'task replay (\d+)')
# Nothing is left after that; the limit for a stop by a signal is 15 s.
_ORPHAN_SECONDS = 15.0


class TrialError(RuntimeError):
  """A trial could not be brought to an end; the message says where."""


class Run:
  """A run in a folder, in a process of its own."""

  def __init__(
    self,
    launch_type: str,
    folder: str,
    patience_seconds: float,
    arguments: Mapping[str, Any] = {},
    prefix: Sequence[str] = (),
  ):
    """Starts the run, or resumes it if the folder is there.

    Args:
      launch_type: of the program.
      folder: of the run.
      patience_seconds: to wait for what takes seconds on an idle machine.
      arguments: flags of a new run.
      prefix: of the command, such as `nice`.
    """
    self._folder = os.path.abspath(folder)
    self.patience_seconds = patience_seconds
    resume = os.path.exists(folder)
    os.makedirs(os.path.dirname(self._folder), exist_ok=True)
    self._log = f'{self._folder}.log'
    flags = {
      'lp_launch_type': launch_type,
      'run_folder': self._folder,
      **(
        {'resume': True}
        if resume
        else {
          # What is measured is how nodes end and start, and not a machine that
          # is busy.
          'environment': 'paced',
          'evaluation_period_seconds': 5,
          'replay_checkpoint_period_minutes': 0.05,
          **arguments,
        }
      ),
    }
    with open(self._log, 'w') as log:
      self.process = subprocess.Popen(
        [
          *prefix,
          sys.executable,
          '-m',
          'experiments.run_distributed',
          *(f'--{name}={value}' for name, value in flags.items()),
        ],
        stdout=log,
        stderr=log,
        start_new_session=True,
      )

  def said(self) -> str:
    """Returns what the launcher printed."""
    with open(self._log, errors='replace') as log:
      return log.read()

  def steps(self) -> int:
    """Returns the steps of all actors, as told last."""
    return _last_number(_STEPS, self.said())

  def replay_size(self) -> int:
    """Returns the items in the task table, as told last."""
    return _last_number(_REPLAY, self.said())

  def checkpoints(self) -> dict[str, float]:
    """Returns when each of learners, counter and replay was saved last."""
    root = os.path.join(self._folder, 'checkpoints')
    times: dict[str, float] = {}
    for path in glob.glob(os.path.join(root, '*', '*')):
      name = os.path.basename(os.path.dirname(path))
      # Files that are being written have other names in the next moment.
      with contextlib.suppress(FileNotFoundError):
        times[name] = max(times.get(name, 0.0), os.path.getmtime(path))
    return times

  def wait_until(self, condition: Callable[[], bool], what: str) -> float:
    """Waits and returns the seconds that it took.

    Raises:
      TrialError: if it takes too long or the run ends.
    """
    started = time.monotonic()
    while not condition():
      if self.process.poll() is not None:
        raise TrialError(f'Not {what}, as the run has ended: {self.said()}')
      if time.monotonic() - started > self.patience_seconds:
        raise TrialError(
          f'Not {what} in {self.patience_seconds:.0f} s; see {self._log}.'
        )
      time.sleep(_POLL_SECONDS)
    return time.monotonic() - started

  def wait_until_learning(self, steps: int = 0) -> None:
    """Waits until actors have made more steps and everything was saved."""
    started = time.time()
    self.wait_until(lambda: self.steps() > steps, f'past {steps} steps')
    self.wait_until(
      lambda: len([t for t in self.checkpoints().values() if t > started]) >= 4,
      'saved',
    )

  def nodes(self) -> dict[str, int]:
    """Returns process ids of the nodes that run, by name."""
    output = os.path.join(self._folder, 'output') + os.sep
    found: dict[str, int] = {}
    for process in psutil.process_iter():
      try:
        target = os.readlink(f'/proc/{process.pid}/fd/1')
      except OSError:
        continue
      if target.startswith(output):
        found[target.removeprefix(output)] = process.pid
    return found

  def family(self) -> list[psutil.Process]:
    """Returns all processes that the launcher has brought about."""
    return psutil.Process(self.process.pid).children(recursive=True)

  def logged(self, group: str) -> float:
    """Returns when that node of a group logged whose last row is oldest."""
    logs = glob.glob(os.path.join(self._folder, f'*{group}', '*', 'log.csv'))
    return min((os.path.getmtime(log) for log in logs), default=0.0)

  def kill_all(self) -> None:
    """Ends everything at once, for a trial that has failed."""
    for pid in (self.process.pid, *self.nodes().values()):
      with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).kill()
    self.process.wait()


def hurt(
  run: Run, target: str, number: signal.Signals
) -> fault_outcomes.Outcome:
  """Sends a signal to a node and returns what comes of it, but for resuming.

  Args:
    run: that is learning.
    target: a group, whose first node is hit, or `fault_outcomes.LAUNCHER`.
    number: the signal.
  """
  name = target if target == fault_outcomes.LAUNCHER else f'{target}/0'
  pid = (
    run.process.pid if target == fault_outcomes.LAUNCHER else run.nodes()[name]
  )
  family = run.family()
  started = time.monotonic()
  os.kill(pid, number)

  def ended() -> bool:
    return run.process.poll() is not None

  def back() -> bool:
    return run.nodes().get(name, pid) != pid

  while not (ended() or (target != fault_outcomes.LAUNCHER and back())):
    if time.monotonic() - started > run.patience_seconds:
      raise TrialError(f'Nothing came of {number.name} to {name}.')
    time.sleep(_POLL_SECONDS)
  seconds = time.monotonic() - started
  fault = fault_outcomes.name_fault(target, number)
  if not ended():
    steps, now = run.steps(), time.time()
    run.wait_until(lambda: run.logged(target) > now, 'back at work')
    run.wait_until(lambda: run.steps() > steps + 200, 'going on')
    return fault_outcomes.Outcome(fault, True, seconds, None, '', 0)
  left = _wait_for_orphans(family)
  return fault_outcomes.Outcome(
    fault,
    False,
    time.monotonic() - started,
    run.process.returncode,
    _reason(run.said()),
    len(left),
  )


def _wait_for_orphans(family: Sequence[psutil.Process]) -> list[int]:
  """Waits for processes to end; returns those that do not."""
  deadline = time.monotonic() + _ORPHAN_SECONDS + supervision.GRACE_SECONDS
  left = [process.pid for process in family if _runs(process)]
  while left and time.monotonic() < deadline:
    time.sleep(_POLL_SECONDS)
    left = [process.pid for process in family if _runs(process)]
  return left


def _runs(process: psutil.Process) -> bool:
  # The one that waits for it may be gone, and with it whoever would clear it up.
  with contextlib.suppress(psutil.NoSuchProcess):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
  return False


def _reason(said: str) -> str:
  found = re.findall(r'The run has ended: (.*)', said)
  return found[-1].strip() if found else ''


def _last_number(pattern: re.Pattern, text: str) -> int:
  numbers: list[str] = pattern.findall(text)
  return int(numbers[-1]) if numbers else 0
