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

"""Runs of the light program that are hurt, and what follows."""

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

from experiments.operations import fault_outcomes
from experiments.operations import processes

_POLL_SECONDS = 0.2
_STEPS = re.compile(r'updates/s, (\d+) steps')
_REPLAY = re.compile(r'task replay (\d+)')
# Seconds after a stop in which all processes have to end.
_ORPHAN_SECONDS = 15.0
# The small networks of the trials are saved in a second. A node that hangs is to
# show as one that is late.
_GRACE_SECONDS = 8.0

# Flags of a new run. The environment is paced, so that the trials show how nodes
# end and start, and not how busy the machine is.
_FLAGS = {
  'preset': 'paced',
  'evaluation_period_seconds': 5,
  'replay_checkpoint_period_minutes': 0.05,
}


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
      launch_type: launch type of the program.
      folder: folder of the run.
      patience_seconds: seconds to wait for what takes a few seconds on an idle
        machine.
      arguments: flags of a new run, beside those of all trials.
      prefix: words that go before the command, such as `nice`.
    """
    self._folder = os.path.abspath(folder)
    self.patience_seconds = patience_seconds
    flags = {
      'lp_launch_type': launch_type,
      'grace_seconds': _GRACE_SECONDS,
      'run_folder': self._folder,
      **(
        {'resume': True} if os.path.exists(folder) else _FLAGS | {**arguments}
      ),
    }
    os.makedirs(os.path.dirname(self._folder), exist_ok=True)
    self._log = f'{self._folder}.log'
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
    """Returns the output of the launcher."""
    with open(self._log, errors='replace') as log:
      return log.read()

  def steps(self) -> int:
    """Returns the steps of all actors in the launcher's last status line."""
    return _last_number(_STEPS, self.said())

  def replay_size(self) -> int:
    """Returns the items of the task table in the last status line."""
    return _last_number(_REPLAY, self.said())

  def checkpoints(self) -> dict[str, float]:
    """Returns the times of the last checkpoints, by the name of the node."""
    root = os.path.join(self._folder, 'checkpoints')
    times: dict[str, float] = {}
    for path in glob.glob(os.path.join(glob.escape(root), '*', '*')):
      name = os.path.basename(os.path.dirname(path))
      # Files that are being written have other names in the next moment.
      with contextlib.suppress(FileNotFoundError):
        times[name] = max(times.get(name, 0.0), os.path.getmtime(path))
    return times

  def wait_until(self, condition: Callable[[], bool], what: str) -> float:
    """Waits for a condition and returns the seconds that it took.

    Args:
      condition: function that returns whether to wait no longer.
      what: words for the condition in the error, after "Not".

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
    """Waits until the actors are at work and every node has saved.

    Args:
      steps: number of steps that the actors have to exceed.
    """
    started = time.time()
    self.wait_until(lambda: self.steps() > steps, f'past {steps} steps')
    self.wait_until(
      lambda: len([t for t in self.checkpoints().values() if t > started]) >= 4,
      'saved',
    )

  def nodes(self) -> dict[str, int]:
    """Returns the process ids of the running nodes, by the nodes' names."""
    output = os.path.join(self._folder, 'output')
    return {name: p.pid for name, p in processes.of_program(output)}

  def family(self) -> list[psutil.Process]:
    """Returns the launcher's children and all of their descendants."""
    return psutil.Process(self.process.pid).children(recursive=True)

  def logged(self, group: str) -> float:
    """Returns the time by which every node of a group has logged again.

    That is the oldest of the times at which its nodes logged last; 0 if there is
    no log.

    Args:
      group: label of a group.
    """
    logs = glob.glob(
      os.path.join(glob.escape(self._folder), f'*{group}', '*', 'log.csv')
    )
    return min((os.path.getmtime(log) for log in logs), default=0.0)

  def kill_all(self) -> None:
    """Kills the launcher and all nodes, after a trial that has failed."""
    for pid in (self.process.pid, *self.nodes().values()):
      with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).kill()
    self.process.wait()


def hurt(
  run: Run, target: str, number: signal.Signals
) -> fault_outcomes.Outcome:
  """Sends a signal to a node and returns the outcome, except for `resumed`.

  Args:
    run: run whose actors and learners are at work.
    target: label of a group, whose first node is hurt, or
      `fault_outcomes.LAUNCHER`.
    number: signal that is sent.

  Raises:
    TrialError: if neither the node comes back nor the run ends.
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
  """Waits for processes to end and returns the ids of those that do not."""
  deadline = time.monotonic() + _ORPHAN_SECONDS + _GRACE_SECONDS
  left = [process.pid for process in family if _runs(process)]
  while left and time.monotonic() < deadline:
    time.sleep(_POLL_SECONDS)
    left = [process.pid for process in family if _runs(process)]
  return left


def _runs(process: psutil.Process) -> bool:
  # A zombie has ended; its parent may be gone, too, and not wait for it.
  with contextlib.suppress(psutil.NoSuchProcess):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
  return False


def _reason(said: str) -> str:
  found = re.findall(r'The run has ended: (.*)', said)
  return found[-1].strip() if found else ''


def _last_number(pattern: re.Pattern, text: str) -> int:
  numbers: list[str] = pattern.findall(text)
  return int(numbers[-1]) if numbers else 0
