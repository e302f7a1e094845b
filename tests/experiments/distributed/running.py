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

"""Starts the small program and watches its processes."""

import contextlib
import os
import pathlib
import subprocess
import sys
import time
from typing import Callable, Iterator

import psutil

# For a loaded machine; what is waited for takes seconds on an idle one.
START_SECONDS = 300.0
NODES = ('server_0', 'worker_0', 'worker_1')

_ROOT = pathlib.Path(__file__).resolve().parents[3]


class Run:
  """The program in a process of its own."""

  def __init__(self, launch_type: str, folder: pathlib.Path, fault: str = ''):
    self._folder = folder
    self._output = folder / 'launcher'
    with open(self._output, 'w') as output:
      self.process = subprocess.Popen(
        [
          sys.executable,
          '-W',
          'ignore',
          '-m',
          'tests.experiments.distributed.small_program',
          launch_type,
          str(folder),
          fault,
        ],
        cwd=_ROOT,
        stdout=output,
        stderr=output,
        # A group of its own, for signals such as a terminal's.
        start_new_session=True,
        env={**os.environ, 'PYTHONPATH': str(_ROOT)},
      )

  def pids(self) -> dict[str, int]:
    """Process ids of the nodes that have started."""
    files = [self._folder / name for name in NODES]
    return {f.name: int(f.read_text()) for f in files if f.exists()}

  def count(self, index: int) -> int:
    """What a worker heard from the server last, 0 before that."""
    path = self._folder / f'count_{index}'
    text = path.read_text() if path.exists() else ''
    return int(text or 0)

  def wait_until(self, condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
      assert self.process.poll() is None, self.said()
      assert time.monotonic() < deadline, f'Not {what}. {self.said()}'
      time.sleep(0.1)

  def wait_until_running(self) -> None:
    self.wait_until(
      lambda: len(self.pids()) == 3 and self.count(0) > 0 and self.count(1) > 0,
      'running',
    )

  def end(self, seconds: float) -> int:
    """Returns the exit code; fails if it takes longer than it may."""
    return self.process.wait(seconds)

  def said(self) -> str:
    return self._output.read_text()

  def has_saved(self) -> bool:
    return (self._folder / 'saved').exists()


def left_over(pids: dict[str, int], seconds: float = 15.0) -> list[str]:
  """Returns nodes that still run after some seconds."""
  deadline = time.monotonic() + seconds
  while time.monotonic() < deadline:
    left = [name for name, pid in pids.items() if _runs(pid)]
    if not left:
      return []
    time.sleep(0.1)
  return left


def _runs(pid: int) -> bool:
  try:
    return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
  except psutil.NoSuchProcess:
    return False


@contextlib.contextmanager
def started(
  launch_type: str, folder: pathlib.Path, fault: str = ''
) -> Iterator[Run]:
  """The program; nothing of it is left behind."""
  run = Run(launch_type, folder, fault)
  try:
    yield run
  finally:
    children = []
    with contextlib.suppress(psutil.NoSuchProcess):
      children = psutil.Process(run.process.pid).children(recursive=True)
    for pid in run.pids().values():
      with contextlib.suppress(psutil.NoSuchProcess):
        children.append(psutil.Process(pid))
    run.process.kill()
    run.process.wait()
    for child in children:
      with contextlib.suppress(psutil.NoSuchProcess):
        child.kill()
