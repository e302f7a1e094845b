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

"""A program of three nodes, to be launched, hurt and watched by tests.

  python -m tests.experiments.distributed.small_program TYPE FOLDER [FAULT]

Nodes: `server/0`, `worker/0` and `worker/1`. Each writes its process id into
FOLDER, a file each. FAULT: `raise` has worker/0 fail, `stop` has it stop the
program, both once the server has answered; `full` has the server fail to save,
`slow` has it take too long; `lost` lets it be started again, on hosts that can be
cut off, with the workers on the first; and `lock` loses the lock of Launchpad's event, as a
thread does that is ended by an exception while it waits for the stop.
"""

import errno
import functools
import os
import signal
import sys
import time

from absl import flags
import launchpad as lp

from experiments.distributed import local
from experiments.launchpad_ray import supervision

_GRACE_SECONDS = 6.0


class Server:
  """Counts calls, and says in a file that it was told to stop."""

  def __init__(self, folder: str, fault: str):
    self._folder = folder
    self._fault = fault
    self._count = 0
    _write_pid(folder, 'server_0')

  def increment(self) -> int:
    self._count += 1
    return self._count

  def run(self) -> None:
    event = lp.stop_event()
    if self._fault == 'lock':
      lp.register_stop_handler(lambda *_: event._cond.acquire())
    while not event.is_set():
      time.sleep(0.1)
    if self._fault == 'full':
      raise OSError(errno.ENOSPC, 'No space left on device')
    if self._fault == 'slow':
      time.sleep(60.0)
    with open(os.path.join(self._folder, 'saved'), 'w') as file:
      file.write(str(self._count))


class Worker:
  """Calls the server for ever."""

  def __init__(self, folder: str, index: int, fault: str, server):
    self._path = os.path.join(folder, f'count_{index}')
    self._fault = fault if index == 0 else ''
    self._server = server
    _write_pid(folder, f'worker_{index}')

  def run(self) -> None:
    while True:
      count = self._server.increment()
      with open(self._path, 'w') as file:
        file.write(str(count))
      if self._fault == 'raise':
        raise ValueError('This is the reason.')
      if self._fault == 'stop':
        lp.stop()
        self._fault = ''
      time.sleep(0.1)


def _write_pid(folder: str, name: str) -> None:
  path = os.path.join(folder, name)
  with open(f'{path}.new', 'w') as file:
    file.write(str(os.getpid()))
  os.replace(f'{path}.new', path)


def make_program(folder: str, fault: str = '') -> lp.Program:
  program = lp.Program('small')
  with program.group('server'):
    server = program.add_node(lp.CourierNode(Server, folder, fault))
  with program.group('worker'):
    for index in range(2):
      program.add_node(lp.CourierNode(Worker, folder, index, fault, server))
  return program


def _run_with_ray(
  program: lp.Program, folder: str, fault: str
) -> supervision.Outcome:
  from experiments.launchpad_ray import launcher as ray_launcher
  from experiments.launchpad_ray import placement
  from experiments.operations import ray_hosts

  ray_launcher.connect(num_cpus=8)
  lost = fault == 'lost'

  def resources(group: str) -> placement.Resources:
    if group == 'worker':
      return placement.Resources(num_gpus=float(lost), restart=True)
    custom = {ray_hosts.CAN_BE_CUT: 1.0} if lost else {}
    return placement.Resources(custom=custom, restart=lost)

  launcher = ray_launcher.Launcher(
    program,
    resources,
    output_folder=os.path.join(folder, 'output'),
    packages=('ray',),
    sources=('experiments',),
    grace_seconds=_GRACE_SECONDS,
    report=functools.partial(print, flush=True),
  )
  for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: launcher.stop())
  outcome = launcher.run()
  ray_launcher.disconnect()
  return outcome


def main(launch_type: str, folder: str, fault: str = '') -> None:
  flags.FLAGS(sys.argv[:1])
  program = make_program(folder, fault)
  if launch_type == 'ray':
    outcome = _run_with_ray(program, folder, fault)
  else:
    outcome = local.run(
      program,
      launch_type,
      os.path.join(folder, 'output'),
      grace_seconds=_GRACE_SECONDS,
    )
  print(f'Ended: {outcome.reason}', flush=True)
  os._exit(outcome.exit_code)


if __name__ == '__main__':
  main(*sys.argv[1:])
