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

from experiments.distributed import groups
from experiments.operations import fault_trials

# Called by the name of its shell: an installed file may not be executable.
_SCRIPT = ('bash', str(pathlib.Path(__file__).parent / 'hosts.sh'))
_RAY = os.path.join(os.path.dirname(sys.executable), 'ray')
# CPUs by host: the first has room for what must not die, the others for the rest.
_CPUS = (8, 6, 6)
# GPUs that the first host pretends to have: learners alone claim them, which
# keeps the learners, and the replay beside them, on that host.
_GPUS_OF_FIRST = 2
_START_SECONDS = 60.0
# Custom resource of all hosts but the first, for nodes that must not be there.
CAN_BE_CUT = 'can_be_cut'


class Hosts(abc.ABC):
  """Three hosts, numbered from 0; the first has the head of the cluster."""

  number = len(_CPUS)

  def __init__(self) -> None:
    self._raylets: dict[int, int] = {}
    # The port also tells the processes of this cluster from those of others.
    self._port = portpicker.pick_unused_port()

  @property
  def address(self) -> str:
    """Address of the Ray cluster."""
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
    """Starts Ray on a host.

    Args:
      index: number of the host, from 0.
    """
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
    """Returns the number of the host that a process runs on.

    Args:
      pid: process id of a node of the program.

    Raises:
      LookupError: if it runs on none of the hosts.
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
    """Kills the processes of this cluster that are no raylets."""
    for process in self._own():
      with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()

  @abc.abstractmethod
  def prefix(self, index: int) -> Sequence[str]:
    """Returns the words that go before a command to run it on a host."""

  @abc.abstractmethod
  def cut(self, index: int) -> None:
    """Cuts a host off from the others, or kills its raylet in place of that."""

  @abc.abstractmethod
  def join(self, index: int) -> None:
    """Brings a host back, with Ray running on it."""

  @abc.abstractmethod
  def _ip(self, index: int) -> str: ...

  @abc.abstractmethod
  def _head_arguments(self) -> Sequence[str]: ...

  @abc.abstractmethod
  def _up(self) -> None: ...

  @abc.abstractmethod
  def _down(self) -> None: ...


class Namespaces(Hosts):
  """Network namespaces with delay and loss, made by hosts.sh; needs root."""

  def prefix(self, index: int) -> Sequence[str]:
    return [*_SCRIPT, 'run', str(index + 1)]

  def cut(self, index: int) -> None:
    _run_script('cut', index + 1)

  def join(self, index: int) -> None:
    _run_script('join', index + 1)
    deadline = time.monotonic() + _START_SECONDS
    # Ray gives up a host that was away for long, and its raylet then ends.
    while psutil.pid_exists(self._raylets[index]):
      if time.monotonic() > deadline:
        return
      time.sleep(0.5)
    self.start(index)

  def _ip(self, index: int) -> str:
    return f'10.77.0.{index + 1}'

  def _head_arguments(self) -> Sequence[str]:
    return ()  # Each host has its own folder for Ray.

  def _up(self) -> None:
    _run_script('up', self.number)

  def _down(self) -> None:
    _run_script('down')


class Loopback(Hosts):
  """Raylets on loopback: needs no root, and kills a host to cut it off."""

  def prefix(self, index: int) -> Sequence[str]:
    del index
    return ()

  def cut(self, index: int) -> None:
    psutil.Process(self._raylets[index]).kill()

  def join(self, index: int) -> None:
    self.start(index)

  def start(self, index: int) -> None:
    super().start(index)
    # Ray has the programs of a machine join the raylet that was started last.
    # They are to join the first, which is not cut off.
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
    # In Ray's usual folder, other programs would find and join this cluster.
    return (f'--temp-dir={self._folder}',)

  def _up(self) -> None:
    self._folder = tempfile.mkdtemp(prefix='ray_hosts')

  def _down(self) -> None:
    shutil.rmtree(self._folder, ignore_errors=True)


def can_be_cut(placed: dict[int, list[str]]) -> int:
  """Returns the number of a host whose nodes can all be started elsewhere.

  A host with a cache, whose address other nodes have, is preferred.

  Args:
    placed: names of the nodes on each host.

  Raises:
    TrialError: if there is no such host.
  """
  labels = {
    index: {name.split('/')[0] for name in placed[index]}
    for index in range(1, len(placed))
  }
  possible = [
    index
    for index, names in labels.items()
    if names and names <= set(groups.RESTARTABLE)
  ]
  if not possible:
    raise fault_trials.TrialError(f'No host can be cut off: {placed}.')
  return max(possible, key=lambda index: 'cacher' in labels[index])


def _run_script(*arguments: object) -> None:
  subprocess.run([*_SCRIPT, *map(str, arguments)], check=True)


def _kill_tree(pid: int) -> None:
  with contextlib.suppress(psutil.NoSuchProcess):
    process = psutil.Process(pid)
    for member in (*process.children(recursive=True), process):
      with contextlib.suppress(psutil.NoSuchProcess):
        member.kill()
