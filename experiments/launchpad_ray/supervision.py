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

"""What surrounds a node's function in a process of its own.

Launchpad calls the function in the main thread. There a signal waits until a
call into TensorFlow or gRPC returns, which may be never: a node that waits for
one that has died can only be killed. Here the function has another thread, and
the main one ends the process.
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

# What a node may take to save and to end; the launcher waits a little longer.
# With that a stop takes at most 15 s; a large replay takes more to be saved.
GRACE_SECONDS = 8.0
# Of a node that could not save in the end, and of one that was not done by then.
NOT_SAVED, CUT_OFF = 73, 75

_POLL_SECONDS = 0.1
_PR_SET_PDEATHSIG = 1


@dataclasses.dataclass(frozen=True)
class Outcome:
  """How a program ended.

  Attributes:
    exit_code: 0 if it was finished or stopped, 1 if a node failed.
    reason: in a sentence.
  """

  exit_code: int
  reason: str


def stopped(codes: Mapping[str, int], grace_seconds: float) -> Outcome:
  """Returns how a program ended that was stopped.

  Args:
    codes: exit codes of the nodes' processes by name, negative for a signal.
    grace_seconds: that they had.
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
    function: of the node.
    name: of the node.
    parent: process that the node must not outlive; None to outlive any.
    grace_seconds: from the stop to the end of the process.
  """

  function: Callable[[], Any]
  name: str
  parent: Optional[int] = None
  grace_seconds: float = GRACE_SECONDS

  def __call__(self) -> None:
    """Runs the function, and then ends the process.

    The exit code is 0 if the function returned or was stopped, 1 if it raised;
    after a stop `NOT_SAVED` if it raised an error of the file system, `CUT_OFF`
    if it had not ended when the time was over.
    """
    # A terminal sends it to nodes and launcher alike, and a scheduler perhaps
    # twice, which Launchpad takes for a kill: the launcher alone is to answer.
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
          # What is printed last is the reason that the launcher gives.
          print(advice(error), file=sys.stderr)
    _exit(code)


def wait_for_stop(
  manager: worker_manager.WorkerManager, seconds: float
) -> bool:
  """Waits for a program's stop, and returns whether it has come.

  Not with the event's own `wait`, whose lock is lost if Acme ends a thread that
  waits likewise: it does so by an exception, which may come at any line.

  Args:
    manager: of the program.
    seconds: to wait at least, unless it has been stopped before.
  """
  if not manager.stop_event().is_set():
    time.sleep(seconds)
  return manager.stop_event().is_set()


def advice(error: Optional[BaseException]) -> str:
  """Returns what to do about an error that does not say so; '' if it does."""
  # Of Courier and of Reverb, which know neither port nor cause.
  if 'gRPC server' not in str(error):
    return ''
  return (
    f'{error}: its port is in use by another process. Start the program again, '
    'which takes other ports.'
  )


def exit_code(error: Optional[BaseException]) -> int:
  """Returns the exit code of a node that ended after the program's stop.

  Args:
    error: that it raised, if any. Those of connections are none: servers may
      end before those that use them.
  """
  of_files = isinstance(error, OSError) and not isinstance(
    error, (ConnectionError, TimeoutError)
  )
  return NOT_SAVED if of_files else 0


def end_with_parent(parent: int) -> None:
  """Has this process told to stop when its parent dies, however that comes.

  Args:
    parent: process id of the parent, which may be dead already.
  """
  ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
  if os.getppid() != parent:
    _exit(0)


def supervise(
  program: lp.Program, grace_seconds: float = GRACE_SECONDS
) -> None:
  """Puts all nodes of a program under supervision by this process.

  Args:
    program: that was not launched yet.
    grace_seconds: from a stop to the end of a node's process.
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
