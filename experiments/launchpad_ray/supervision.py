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

"""Runs a node's function so that its process ends when it is told to.

Launchpad calls the function in the main thread. There a signal waits until a
call into TensorFlow or gRPC returns, which may be never: a node that waits for
one that has died can only be killed. Here the function has another thread, and
the main thread ends the process.
"""

import contextlib
import ctypes
import dataclasses
import os
import signal
import sys
import time
import traceback
from typing import Any, Callable, Mapping, Optional

import launchpad as lp
from launchpad.launch import worker_manager

# Seconds that a node may take to save and exit after a stop; the launcher waits a
# little longer. Who is done sooner ends sooner: it bounds a node that hangs. The
# paper's networks take 9 s on an idle machine; a large replay needs more.
GRACE_SECONDS = 60.0
# Exit codes of a node that could not save, and of one that was not done in time.
NOT_SAVED, CUT_OFF = 73, 75

_POLL_SECONDS = 0.1
_PR_SET_PDEATHSIG = 1


@dataclasses.dataclass(frozen=True)
class Outcome:
  """How a program ended.

  Attributes:
    exit_code: 0 if it was finished or stopped, 1 if a node failed.
    reason: reason of the end, in words.
  """

  exit_code: int
  reason: str


def stopped(codes: Mapping[str, int], grace_seconds: float) -> Outcome:
  """Returns the outcome of a program that was stopped.

  Args:
    codes: exit codes of the nodes' processes by name, negative for a signal.
    grace_seconds: seconds that the nodes had to save and exit.
  """
  failed = sorted(name for name, code in codes.items() if code == NOT_SAVED)
  if failed:
    return Outcome(1, f'stopped, but not saved by {", ".join(failed)}')
  cut_off = sorted(
    name
    for name, code in codes.items()
    if code in (CUT_OFF, -int(signal.SIGKILL))
  )
  if cut_off:
    return Outcome(
      0,
      f'stopped; not done after {grace_seconds:.0f} s, and so perhaps not saved: '
      + ', '.join(cut_off),
    )
  return Outcome(0, 'stopped')


@dataclasses.dataclass(frozen=True)
class Supervised:
  """A node's function, which ends when the program does or its parent dies.

  Attributes:
    function: function of the node.
    name: name of the node.
    parent: id of the process that the node must not outlive, None if it may
      outlive any.
    grace_seconds: seconds that the node may take to save and exit after a stop.
  """

  function: Callable[[], Any]
  name: str
  parent: Optional[int] = None
  grace_seconds: float = GRACE_SECONDS

  def __call__(self) -> None:
    """Runs the function, and then ends the process.

    The exit code is 0 if the function returned or was stopped, and 1 if it
    raised. After a stop it is `NOT_SAVED` if the function raised an error of the
    file system, and `CUT_OFF` if it had not ended in time.
    """
    # The launcher alone is to answer it: a terminal sends it to nodes as well, and
    # Launchpad takes a second one for a kill.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if self.parent is not None:
      end_with_parent(self.parent)
    manager = worker_manager.get_worker_manager()
    manager.thread_worker(self.name, self.function)
    (worker,) = manager._active_workers[self.name]
    while worker.thread.is_alive():
      if wait_for_stop(manager, _POLL_SECONDS):
        worker.thread.join(self.grace_seconds)
        if worker.thread.is_alive():
          _exit(CUT_OFF)
    error = worker.future.exception()
    stopped = manager.stop_event().is_set()
    code = exit_code(error) if stopped else int(error is not None)
    if code:
      with contextlib.suppress(OSError):  # On a full disk; the code tells, too.
        traceback.print_exception(type(error), error, error.__traceback__)
        if advice(error):
          # The launcher gives the last printed line as the reason.
          print(advice(error), file=sys.stderr)
    _exit(code)


def wait_for_stop(
  manager: worker_manager.WorkerManager, seconds: float
) -> bool:
  """Waits some seconds and returns whether the program has been stopped.

  It does not call the event's own `wait`: Acme ends threads by an exception, which
  may come at any line, and a thread that is ended in `wait` keeps the lock.

  Args:
    manager: Launchpad's manager of the program.
    seconds: seconds to wait, unless the program has been stopped before.
  """
  if not manager.stop_event().is_set():
    time.sleep(seconds)
  return manager.stop_event().is_set()


def advice(error: Optional[BaseException]) -> str:
  """Returns an explanation of an error that has none; '' for others.

  Args:
    error: error that a node raised, if any.
  """
  # An error of Courier or Reverb, which tells neither port nor cause.
  if 'gRPC server' not in str(error):
    return ''
  return (
    f'{error}: its port is in use by another process. Start the program again, '
    'which takes other ports.'
  )


def exit_code(error: Optional[BaseException]) -> int:
  """Returns the exit code of a node that ended after the program's stop.

  Args:
    error: error that the node raised, if any. Errors of connections do not
      count, as servers may end before their clients.
  """
  of_files = isinstance(error, OSError) and not isinstance(
    error, (ConnectionError, TimeoutError)
  )
  return NOT_SAVED if of_files else 0


def end_with_parent(parent: int) -> None:
  """Makes the kernel send SIGTERM to this process when its parent dies.

  Args:
    parent: process id of the parent, which may be dead already.
  """
  ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
  if os.getppid() != parent:
    _exit(0)


def supervise(
  program: lp.Program, grace_seconds: float = GRACE_SECONDS
) -> None:
  """Makes all nodes of a program end with this process, or when they are told.

  Args:
    program: program that was not launched yet.
    grace_seconds: seconds that a node may take to save and exit after a stop.
  """
  for label, nodes in program.groups.items():
    for index, node in enumerate(nodes):
      node._partial_function = Supervised(
        node.function, f'{label}/{index}', os.getpid(), grace_seconds
      )


def _exit(code: int) -> None:
  """Ends the process now: threads inside TensorFlow or gRPC may never end."""
  for stream in (sys.stdout, sys.stderr):
    with contextlib.suppress(OSError):
      stream.flush()
  os._exit(code)
