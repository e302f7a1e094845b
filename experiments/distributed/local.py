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

"""Runs a Launchpad program on this machine, in threads or processes."""

import os
import signal
import subprocess
import time
from typing import (
  Any,
  Callable,
  Dict,
  Iterator,
  Mapping,
  Optional,
  Sequence,
  Tuple,
)

from absl import flags
import launchpad as lp
from launchpad.launch import worker_manager
from launchpad.launch.run_locally import launch_local_output_to_files
from launchpad.nodes.python import local_multi_processing
import psutil

from experiments.launchpad_ray import supervision

_POLL_SECONDS = 0.2
# Seconds after the nodes' grace in which their processes have to exit.
_MARGIN_SECONDS = 3.0

# End of the labels of groups that see an accelerator.
_LEARNER = 'learner'
# Least number of threads between operations: some of a learner's data wait there.
_WAITING_THREADS = 4


class LaunchError(RuntimeError):
  """The program cannot be launched; the message says why."""


def process_environment(group: str, threads: int) -> Dict[str, str]:
  """Returns environment variables for the processes of a group.

  Args:
    group: label of the group; if it ends in `learner`, the processes see an
      accelerator, and no others do.
    threads: number of threads that TensorFlow may use for one operation.
  """
  environment = {
    'OMP_NUM_THREADS': str(threads),
    'TF_NUM_INTRAOP_THREADS': str(threads),
    'TF_NUM_INTEROP_THREADS': str(max(threads, _WAITING_THREADS)),
  }
  if not group.endswith(_LEARNER):
    environment['CUDA_VISIBLE_DEVICES'] = '-1'
  return environment


def run(
  program: lp.Program,
  launch_type: str,
  output_folder: str,
  *,
  threads: int = 1,
  grace_seconds: float = supervision.GRACE_SECONDS,
  watch: Callable[[], None] = lambda: None,
) -> supervision.Outcome:
  """Runs a program until it is finished, stopped by a signal, or a node fails.

  Args:
    program: program to run; it can be run once.
    launch_type: `local_mt` or `local_mp`.
    output_folder: folder of the files that the processes print to, one each.
    threads: number of threads that TensorFlow may use for one operation.
    grace_seconds: seconds that a node may take to save and exit after a stop.
    watch: function that is called several times a second while the program runs.

  Returns:
    The exit code and its reason.

  Raises:
    LaunchError: if the launch type is another, or the folder cannot be used.
  """
  # Launchpad is not to kill nodes, as it would end this process as well.
  flags.FLAGS['lp_termination_notice_secs'].value = -1
  if launch_type == 'local_mt':
    return _wait(lp.launch(program, launch_type), watch, None, grace_seconds)
  if launch_type != 'local_mp':
    raise LaunchError(
      f'launch type {launch_type!r} does not run on this machine: use local_mt '
      'or local_mp, or see docs/distributed.md for several machines.'
    )
  supervision.supervise(program, grace_seconds)
  manager = _launch_processes(program, output_folder, threads)
  return _wait(manager, watch, output_folder, grace_seconds)


def _launch_processes(
  program: lp.Program, output_folder: str, threads: int
) -> worker_manager.WorkerManager:
  """Starts a process for each node, which prints to a file of its own."""
  try:
    os.makedirs(output_folder, exist_ok=True)
  except OSError as error:
    raise LaunchError(
      f'the folder {output_folder!r} cannot be made ({error.strerror}); give '
      'another run folder.'
    ) from None
  # Launchpad reads it from the environment, but only when it is imported.
  launch_local_output_to_files._LOGGING_DIR = output_folder
  return lp.launch(
    program,
    'local_mp',
    local_resources={
      group: local_multi_processing.PythonProcess(
        env=process_environment(group, threads)
      )
      for group in program.groups
    },
    terminal='output_to_files',
  )


Failure = Tuple[str, str]


def _wait(
  manager: worker_manager.WorkerManager,
  watch: Callable[[], None],
  output_folder: Optional[str],
  grace_seconds: float,
) -> supervision.Outcome:
  """Waits until the program ends; stops it if a node fails."""
  workers = {
    name: list(group) for name, group in manager._active_workers.items()
  }
  failure: Optional[Failure] = None
  for number in stop_signals():
    if number != signal.SIGTERM:  # Launchpad's, which this one raises.
      signal.signal(number, _interrupt)
  while not supervision.wait_for_stop(manager, _POLL_SECONDS):
    failure = next(_failures(workers), None)
    if failure is not None:
      # The handler of Launchpad stops all nodes.
      signal.raise_signal(signal.SIGTERM)
      break
    if not any(
      _alive(worker) for group in workers.values() for worker in group
    ):
      return supervision.Outcome(0, 'all nodes have finished')
    watch()
  _end(workers, grace_seconds)
  if failure is None:
    return supervision.stopped(dict(_exit_codes(workers)), grace_seconds)
  name, how = failure
  # What a killed node printed last does not explain its death.
  words = '' if 'SIG' in how else _last_words(name, output_folder)
  return supervision.Outcome(1, f'{name} {how}{words}')


def stop_signals() -> Sequence[signal.Signals]:
  """Returns the signals that stop a program in good order.

  The end of the terminal is one, but not under nohup.
  """
  signals = [signal.SIGINT, signal.SIGTERM]
  if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
    signals.append(signal.SIGHUP)
  return signals


def _interrupt(*unused_arguments: Any) -> None:
  """Stops in good order, also if several signals come at once.

  Launchpad's handler kills when a second comes, and a terminal or a scheduler
  that signals all processes of a group makes two of one.
  """
  signal.raise_signal(signal.SIGTERM)


def _alive(worker: Any) -> bool:
  if isinstance(worker, subprocess.Popen):
    return worker.poll() is None
  return worker.thread.is_alive()


def _failures(workers: Mapping[str, list]) -> Iterator[Failure]:
  """Yields the groups of nodes that have failed, and how they failed."""
  for name, group in workers.items():
    for worker in group:
      if _alive(worker):
        continue
      if isinstance(worker, subprocess.Popen):
        if worker.returncode < 0:
          cause = signal.Signals(-worker.returncode).name
          yield name, f'was ended by {cause}'
        elif worker.returncode:
          yield name, f'failed with exit code {worker.returncode}'
      elif worker.future.exception() is not None:
        yield name, f'failed: {worker.future.exception()!r}'


def _exit_codes(workers: Mapping[str, list]) -> Iterator[Tuple[str, int]]:
  """Yields names and exit codes; for threads, the codes of processes alike."""
  for name, group in workers.items():
    for worker in group:
      if isinstance(worker, subprocess.Popen):
        yield name, worker.returncode
      elif _alive(worker):
        yield name, supervision.CUT_OFF
      else:
        yield name, supervision.exit_code(worker.future.exception())


def _end(workers: Mapping[str, list], grace_seconds: float) -> None:
  """Waits for all workers to end and kills processes that do not."""
  deadline = time.monotonic() + grace_seconds + _MARGIN_SECONDS
  everyone = [worker for group in workers.values() for worker in group]
  while time.monotonic() < deadline and any(map(_alive, everyone)):
    time.sleep(_POLL_SECONDS)
  for worker in everyone:
    if isinstance(worker, subprocess.Popen) and worker.poll() is None:
      for process in [psutil.Process(worker.pid)]:
        for child in process.children(recursive=True):
          child.kill()
      worker.kill()
      worker.wait()


def _last_words(name: str, output_folder: Optional[str]) -> str:
  """Returns the last line that a node printed, and the file of all lines."""
  if output_folder is None:
    return ''
  path = os.path.join(output_folder, name)
  try:
    with open(path, errors='replace') as file:
      lines = [line.strip() for line in file if line.strip()]
  except OSError:
    return ''
  last = f': {lines[-1]:.300}' if lines else ''
  return f'{last} (see {path})'
