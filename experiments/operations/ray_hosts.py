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

"""Hosts of a Ray cluster on this machine that can be cut off and come back."""

import abc
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Sequence

import portpicker
import psutil

from experiments.operations import fault_outcomes
from experiments.operations import fault_trials

_SCRIPT = pathlib.Path(__file__).parent / 'hosts.sh'
_RAY = os.path.join(os.path.dirname(sys.executable), 'ray')
# The first has room for what must not die, the others for the rest.
_CPUS = (8, 6, 6)
# Claimed by learners and by none else: what keeps them, and the replay beside
# them, on the first host.
_GPUS_OF_FIRST = 2
_START_SECONDS = 60.0
# A resource of all but the first, for nodes that are not to be on that.
CAN_BE_CUT = 'can_be_cut'


class Hosts(abc.ABC):
  """Three hosts, numbered from 0; the first has the head of the cluster."""

  number = len(_CPUS)

  def __init__(self) -> None:
    self._raylets: dict[int, int] = {}
    # Also what tells the processes of this cluster from those of others.
    self._port = portpicker.pick_unused_port()

  @property
  def address(self) -> str:
    """Of the Ray cluster."""
    return f'{self._ip(0)}:{self._port}'

  def __enter__(self) -> 'Hosts':
    self._up()
    try:
      for index in range(self.number):
        self.start(index)
    except BaseException:
      self.__exit__()
      raise
    return self

  def __exit__(self, *_: object) -> None:
    for pid in self._raylets.values():
      _kill_tree(pid)
    self._kill_heads()
    self._down()

  def start(self, index: int) -> None:
    """Starts Ray on a host."""
    before = set(self._list_raylets())
    # Any free ports for workers: hosts on loopback share them.
    arguments = ['--min-worker-port=0', '--max-worker-port=0']
    arguments += [f'--num-cpus={_CPUS[index]}', '--disable-usage-stats']
    arguments.append(f'--node-ip-address={self._ip(index)}')
    if index == 0:
      arguments += [
        '--head',
        f'--port={self._port}',
        '--include-dashboard=false',
      ]
      arguments += [f'--num-gpus={_GPUS_OF_FIRST}', *self._head_arguments()]
    else:
      arguments += [f'--address={self.address}', '--num-gpus=0']
      arguments.append(f'--resources={{"{CAN_BE_CUT}": 100}}')
    subprocess.run(
      [*self.prefix(index), _RAY, 'start', *arguments],
      check=True,
      capture_output=True,
      timeout=_START_SECONDS,
    )
    (self._raylets[index],) = set(self._list_raylets()) - before

  def host_of(self, pid: int) -> int:
    """Returns the host that a process of the cluster runs on.

    Raises:
      LookupError: if it runs on none.
    """
    ancestors = {parent.pid for parent in psutil.Process(pid).parents()}
    for index, raylet in self._raylets.items():
      if raylet in ancestors:
        return index
    raise LookupError(f'Process {pid} runs on none of the hosts.')

  def _list_raylets(self) -> list[int]:
    return [p.pid for p in self._own() if p.info['name'] == 'raylet']

  def _own(self) -> list[psutil.Process]:
    """Returns Ray's own processes of this cluster."""
    found = []
    for process in psutil.process_iter(['cmdline', 'name']):
      line = ' '.join(process.info['cmdline'] or ())
      # Ray may put the host's other address in the place of loopback's.
      if f':{self._port} ' in f'{line} ' or (
        f'gcs_server_port={self._port}' in line
      ):
        found.append(process)
    return found

  def _kill_heads(self) -> None:
    """Kills what `ray start` left beside the raylets of this cluster."""
    for process in self._own():
      with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()

  @abc.abstractmethod
  def prefix(self, index: int) -> Sequence[str]:
    """Returns what goes before a command that is to run on a host."""

  @abc.abstractmethod
  def cut(self, index: int) -> None:
    """Takes a host off the network, or as much of it as can be had."""

  @abc.abstractmethod
  def join(self, index: int) -> None:
    """Brings it back, with Ray."""

  @abc.abstractmethod
  def _ip(self, index: int) -> str: ...

  @abc.abstractmethod
  def _head_arguments(self) -> Sequence[str]: ...

  @abc.abstractmethod
  def _up(self) -> None: ...

  @abc.abstractmethod
  def _down(self) -> None: ...


class Namespaces(Hosts):
  """Network namespaces with delay and loss; see experiments/operations/hosts.sh. Needs root."""

  def prefix(self, index: int) -> Sequence[str]:
    return [str(_SCRIPT), 'run', str(index + 1)]

  def cut(self, index: int) -> None:
    _run_script('cut', index + 1)

  def join(self, index: int) -> None:
    _run_script('join', index + 1)
    deadline = time.monotonic() + _START_SECONDS
    # Ray gives up a host that was away for long: its raylet ends by itself when
    # it hears of that.
    while psutil.pid_exists(self._raylets[index]):
      if time.monotonic() > deadline:
        return
      time.sleep(0.5)
    self.start(index)

  def _ip(self, index: int) -> str:
    return f'10.77.0.{index + 1}'

  def _head_arguments(self) -> Sequence[str]:
    return ()  # Ray's folder is each host's own.

  def _up(self) -> None:
    _run_script('up', self.number)

  def _down(self) -> None:
    _run_script('down')


class Loopback(Hosts):
  """Raylets on loopback: without root, and to cut one off is to kill it."""

  def prefix(self, index: int) -> Sequence[str]:
    del index
    return ()

  def cut(self, index: int) -> None:
    psutil.Process(self._raylets[index]).kill()

  def join(self, index: int) -> None:
    self.start(index)

  def start(self, index: int) -> None:
    super().start(index)
    # Ray takes a machine for one host, and has its programs join the one that
    # was started last: here the first, which is not cut off.
    if index == 0:
      self._first = self._chosen.read_text()
    else:
      self._chosen.write_text(self._first)

  @property
  def _chosen(self) -> pathlib.Path:
    return pathlib.Path(self._folder, 'session_latest', 'node_ip_address.json')

  def _ip(self, index: int) -> str:
    return f'127.0.0.{index + 1}'

  def _head_arguments(self) -> Sequence[str]:
    # Others would take the cluster for this machine's.
    return (f'--temp-dir={self._folder}',)

  def _up(self) -> None:
    self._folder = tempfile.mkdtemp(prefix='ray_hosts')

  def _down(self) -> None:
    shutil.rmtree(self._folder, ignore_errors=True)


def can_be_cut(placed: dict[int, list[str]]) -> int:
  """Returns a host whose nodes can all be started again elsewhere.

  One with a cache, whose address others have, goes before those without.

  Raises:
    TrialError: if there is none.
  """
  groups = {
    index: {name.split('/')[0] for name in placed[index]}
    for index in range(1, len(placed))
  }
  possible = [
    index
    for index, names in groups.items()
    if names and names <= set(fault_outcomes.RESTARTED)
  ]
  if not possible:
    raise fault_trials.TrialError(f'No host can be cut off: {placed}.')
  return max(possible, key=lambda index: 'cacher' in groups[index])


def _run_script(*arguments: object) -> None:
  subprocess.run([str(_SCRIPT), *map(str, arguments)], check=True)


def _kill_tree(pid: int) -> None:
  with contextlib.suppress(psutil.NoSuchProcess):
    process = psutil.Process(pid)
    for member in (*process.children(recursive=True), process):
      with contextlib.suppress(psutil.NoSuchProcess):
        member.kill()
