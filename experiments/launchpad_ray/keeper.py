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

"""The Ray actor of a node: starts the node's process on its host."""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import os
import pathlib
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

# Environment variables that tell the node's process what it is.
NAME = 'LAUNCHPAD_RAY_NODE'
PARENT = 'LAUNCHPAD_RAY_PARENT'
STOP_FILE = 'LAUNCHPAD_RAY_STOP_FILE'
GRACE = 'LAUNCHPAD_RAY_GRACE_SECONDS'

# Named and not imported, as an import of Launchpad takes 300 MB.
_NODE_MODULE = 'experiments.launchpad_ray.node'

# Seconds after the grace, in which a node exits by itself, until it is killed.
MARGIN_SECONDS = 2.0

# Stands for the version of a package that is not there.
MISSING = 'missing'

_POLL_SECONDS = 0.2
_LAST_BYTES = 4096  # Bytes of the output in which the last line is looked for.


class Ended(NamedTuple):
  """How a node's process ended.

  Attributes:
    exit_code: exit code of the process, negative for a signal.
    stop_requested: whether the node called `lp.stop()`.
    last_words: last line that the node printed.
    moved: whether the node was not started, as it has to be on another host.
  """

  exit_code: int
  stop_requested: bool
  last_words: str = ''
  moved: bool = False


@dataclasses.dataclass(frozen=True)
class Code:
  """Code that must be the same on all hosts.

  Attributes:
    packages: names of installed distributions, whose versions are compared.
    sources: names of Python packages in the working folder or on the path, whose
      sources are hashed, as a version may be worked on.
    expected: fingerprint of the launcher's host.
  """

  packages: Sequence[str] = ()
  sources: Sequence[str] = ()
  expected: Mapping[str, str] = dataclasses.field(default_factory=dict)

  @classmethod
  def here(cls, packages: Sequence[str], sources: Sequence[str]) -> 'Code':
    """Returns the code of this host.

    Args:
      packages: names of installed distributions.
      sources: names of Python packages.
    """
    code = cls(packages, sources)
    return dataclasses.replace(code, expected=code.fingerprint())

  def fingerprint(self) -> Dict[str, str]:
    """Returns versions and hashes on this host, `MISSING` for what it lacks."""
    versions = {'python': platform.python_version()}
    for name in self.packages:
      versions[name] = MISSING
      with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        versions[name] = importlib.metadata.version(name)
    return {**versions, **{name: _hash_sources(name) for name in self.sources}}

  def differences(self) -> Dict[str, str]:
    """Returns how this host's code differs from what is expected, by name."""
    found = self.fingerprint()
    return {
      name: f'{found.get(name)} instead of {version}'
      for name, version in self.expected.items()
      if found.get(name) != version
    }


class Keeper:
  """Starts and stops the process of one node; Ray makes an actor of it.

  The node has a process of its own, as it needs the main thread for signals, an
  environment that is set before anything is imported, and an exit that Ray's own
  threads do not delay. It is told to stop when the actor's process dies.
  """

  def __init__(
    self,
    name: str,
    output_folder: str,
    environment: Dict[str, str],
    grace_seconds: float,
    code: Code = Code(),
  ):
    """Initializes the keeper.

    Args:
      name: name of the node, `group/index`.
      output_folder: folder of the file that the node prints to; it is made on
        the host of the keeper.
      environment: environment variables to add for the node.
      grace_seconds: seconds that the node may take to save and exit after a stop.
      code: code that the host must have.
    """
    self._code = code
    self._name = name
    self._path = os.path.join(output_folder, name)
    self._environment = environment
    self._grace_seconds = grace_seconds
    self._process: Optional[subprocess.Popen] = None
    self._starting = threading.Lock()
    self._stopping = False

  def host(self) -> str:
    """Returns the address of this host in the cluster."""
    # Imported here, so that only a process of Ray needs it.
    import ray

    return ray.util.get_node_ip_address()

  def node_id(self) -> str:
    """Returns Ray's id of this host."""
    import ray

    return ray.get_runtime_context().get_node_id()

  def free_ports(self, number: int) -> List[int]:
    """Returns ports of this host that are free now, all different.

    Args:
      number: number of ports.
    """
    sockets = [socket.socket(socket.AF_INET6) for _ in range(number)]
    try:
      for each in sockets:
        # Free on IPv4 and on IPv6, as servers listen on both.
        each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        each.bind(('', 0))
      return [each.getsockname()[1] for each in sockets]
    finally:
      for each in sockets:
        each.close()

  def differences(self) -> Dict[str, str]:
    """Returns how this host's code differs from what is expected, by name."""
    return self._code.differences()

  def sees(self, path: str) -> bool:
    """Returns whether this host has a file.

    Args:
      path: path of the file.
    """
    return os.path.exists(path)

  def run(self, function: bytes, home: Optional[str] = None) -> Ended:
    """Runs the node until it ends; stops the process of an earlier call.

    Args:
      function: pickled function of the node.
      home: Ray's id of the only host to run the node on, as other nodes have its
        address there; None for any host.
    """
    if home is not None and home != self.node_id():
      return Ended(1, False, moved=True)
    # A host may have joined after all were compared. A host that was compared is
    # not compared again: its sources may be worked on meanwhile.
    wrong = self.differences() if self._process is None else {}
    if wrong:
      return Ended(1, False, other_code(self.host(), wrong))
    os.makedirs(os.path.dirname(self._path), exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
      stop_file = os.path.join(folder, 'stop')
      with self._starting:
        # The process of an earlier call may still run, if the launcher lost the
        # connection for a moment, or if other nodes have another address now.
        self._end_process()
        self._process = process = self._start(folder, function, stop_file)
      if self._stopping:
        self.stop()
      while process.poll() is None and not os.path.exists(stop_file):
        time.sleep(_POLL_SECONDS)
      requested = os.path.exists(stop_file)
      if requested:
        self.stop()
    return Ended(process.wait(), requested, _last_line(self._path))

  def _start(
    self, folder: str, function: bytes, stop_file: str
  ) -> subprocess.Popen:
    path = os.path.join(folder, 'function')
    with open(path, 'wb') as file:
      file.write(function)
    with open(self._path, 'a') as output:
      return subprocess.Popen(
        [sys.executable, '-m', _NODE_MODULE, path],
        stdout=output,
        stderr=output,
        stdin=subprocess.DEVNULL,
        env={
          **os.environ,
          **self._environment,
          'PYTHONPATH': os.pathsep.join(filter(None, sys.path)),
          NAME: self._name,
          PARENT: str(os.getpid()),
          GRACE: str(self._grace_seconds),
          STOP_FILE: stop_file,
        },
      )

  def stop(self) -> int:
    """Tells the node's process to stop; kills it if it takes too long.

    Returns:
      The exit code; 0 if the process was not started or had ended before.
    """
    self._stopping = True
    return self._end_process()

  def _end_process(self) -> int:
    process = self._process
    if process is None or process.poll() is not None:
      return 0
    process.send_signal(signal.SIGTERM)
    try:
      return process.wait(self._grace_seconds + MARGIN_SECONDS)
    except subprocess.TimeoutExpired:
      process.kill()
      return process.wait()

  def pid(self) -> Optional[int]:
    """Returns the process id of the node, None before its first start."""
    return self._process.pid if self._process is not None else None


def other_code(host: str, differences: Mapping[str, str]) -> str:
  """Returns a sentence about a host with other code.

  Args:
    host: address of the host.
    differences: differences of its code, by name.
  """
  return (
    f'the host {host} has {differences}: install the same code and packages on '
    'all hosts.'
  )


def _hash_sources(package: str) -> str:
  """Returns a hash of a package's sources, `MISSING` if there are none."""
  for root in ('.', *sys.path):
    folder = pathlib.Path(root, package)
    if (folder / '__init__.py').is_file():
      digest = hashlib.sha256()
      for file in sorted(folder.rglob('*.py')):
        digest.update(file.relative_to(folder).as_posix().encode())
        digest.update(file.read_bytes())
      return digest.hexdigest()[:12]
  return MISSING


def _last_line(path: str) -> str:
  with open(path, 'rb') as file:
    file.seek(max(0, os.path.getsize(path) - _LAST_BYTES))
    lines = file.read().decode(errors='replace').splitlines()
  return next((line.strip() for line in reversed(lines) if line.strip()), '')
