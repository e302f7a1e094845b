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

"""Places the nodes of a Launchpad program, watches them and restarts them."""

import contextlib
import math
import os
import signal
import threading
import time
from typing import Callable, Dict, Mapping, Optional, Sequence, Union

import launchpad as lp
import ray

from experiments.launchpad_ray import keeper as keeper_lib
from experiments.launchpad_ray import placement as placement_lib
from experiments.launchpad_ray import supervision

_POLL_SECONDS = 0.5
# A node that dies this often in a row, each time this soon after its start, is
# not started again.
_SOON_SECONDS = 60.0
_MAX_SOON = 5
_LOST_HOST = (
  'the Ray cluster has given up the host of the launcher, and with it the '
  'program: its raylet died or was cut off. Start Ray there again'
)
_RECONNECT, _RECONNECT_SECONDS = 'RAY_gcs_rpc_server_reconnect_timeout_s', '5'


class Launcher:
  """Runs one program on the cluster that `ray.init` has connected to."""

  def __init__(
    self,
    program: lp.Program,
    resources: Union[
      Mapping[str, placement_lib.Resources],
      Callable[[str], placement_lib.Resources],
    ],
    *,
    output_folder: str,
    packages: Sequence[str] = ('dm-launchpad', 'dm-reverb', 'ray'),
    sources: Sequence[str] = (),
    shared_folder: Optional[str] = None,
    placement_seconds: float = 120.0,
    grace_seconds: float = supervision.GRACE_SECONDS,
    report: Callable[[str], None] = print,
  ):
    """Initializes the launcher.

    Args:
      program: any Launchpad program of nodes that run Python functions.
      resources: resources of the groups, by label.
      output_folder: folder, on each node's host, of the files that nodes print to.
      packages: installed distributions that must be the same on all hosts.
      sources: Python packages whose sources must be the same on all hosts.
      shared_folder: folder that all hosts must see, such as that of checkpoints.
      placement_seconds: seconds to wait for hosts with the resources.
      grace_seconds: seconds that a node may take to save and exit after a stop.
      report: function that is given a sentence about each death and restart.
    """
    self._program = program
    self._output_folder = output_folder
    self._shared_folder = shared_folder
    self._grace_seconds = grace_seconds
    self._report = report
    self._stopping = threading.Event()
    self._placement = placement_lib.Placement(
      resources if callable(resources) else resources.__getitem__,
      output_folder=output_folder,
      code=keeper_lib.Code.here(list(packages), list(sources)),
      seconds=placement_seconds,
      grace_seconds=grace_seconds,
      stopping=self._stopping,
    )

  @property
  def placed(self) -> Mapping[str, Sequence[placement_lib.Placed]]:
    """The placed nodes, by the label of their group."""
    return self._placement.groups

  def stop(self) -> None:
    """Makes `run` stop the program; may be called by signal handlers."""
    self._stopping.set()

  def run(
    self, watch: Callable[[], None] = lambda: None
  ) -> supervision.Outcome:
    """Places the program and runs it until it ends.

    Args:
      watch: function that is called several times a second meanwhile.

    Returns:
      The exit code and its reason.

    Raises:
      PlacementError: if the program cannot be placed.
    """
    codes: Dict[str, int] = {}
    try:
      self._placement.place(self._program)
      if not self._stopping.is_set():
        self._placement.check_code()
        if self._shared_folder is not None:
          self._placement.check_shared(self._shared_folder)
        self._placement.bind()
        for placed in self._placement.everyone():
          self._start(placed)
      outcome = self._wait(watch)
    finally:
      codes.update(self._end())
    if self._stopping.is_set() and outcome.exit_code == 0:
      return supervision.stopped(codes, self._grace_seconds)
    return outcome

  def _start(self, placed: placement_lib.Placed) -> None:
    placed.started, placed.due = time.monotonic(), math.inf
    # A node that serves others stays where they have its address.
    home = placed.node_id if placed.serves else None
    placed.run = placed.keeper.run.remote(placed.function, home)

  def _wait(self, watch: Callable[[], None]) -> supervision.Outcome:
    """Watches the nodes until the program ends."""
    while not self._stopping.is_set():
      everyone = self._placement.everyone()
      for placed in everyone:
        if placed.due <= time.monotonic():
          self._start(placed)
      runs = {p.run: p for p in everyone if p.run is not None}
      if runs:
        ended, _ = ray.wait(list(runs), num_returns=1, timeout=_POLL_SECONDS)
      elif any(placed.due < math.inf for placed in everyone):
        ended = []
        self._stopping.wait(_POLL_SECONDS)
      else:
        return supervision.Outcome(0, 'all nodes have finished')
      for run in ended:
        outcome = self._handle(runs[run])
        if outcome is not None:
          return outcome
      watch()
    return supervision.Outcome(0, 'stopped')

  def _handle(
    self, placed: placement_lib.Placed
  ) -> Optional[supervision.Outcome]:
    """Starts a node that has ended again, or returns how the program ended."""
    try:
      ended = ray.get(placed.run)
    except ray.exceptions.RayTaskError as error:
      # The keeper failed, such as at a folder that it cannot write.
      how = f'could not be started on its host: {error.cause!r}'
    except ray.exceptions.RayError as error:
      if not _has_host():
        return supervision.Outcome(1, _LOST_HOST)
      # The keeper or its host has died. Ray makes a new keeper.
      how = f'was lost with its host or keeper ({type(error).__name__})'
      if placed.resources.restart:
        self._start_elsewhere(placed, how)
        return None
    else:
      if ended.stop_requested:
        return supervision.Outcome(0, f'{placed.name} has asked for the end')
      if ended.moved:
        return self._move(placed)
      if ended.exit_code == 0:
        placed.run = None
        return None
      how = _describe(ended)
    if not placed.resources.restart:
      return supervision.Outcome(
        1, f'{placed.name} {how} (see {self._output_folder}/{placed.name})'
      )
    return self._restart(placed, how)

  def _restart(
    self, placed: placement_lib.Placed, how: str
  ) -> Optional[supervision.Outcome]:
    soon = time.monotonic() - placed.started < _SOON_SECONDS
    placed.soon = placed.soon + 1 if soon else 0
    if placed.soon >= _MAX_SOON:
      return supervision.Outcome(
        1,
        f'{placed.name} {how}, {_MAX_SOON} times within {_SOON_SECONDS:.0f} s '
        f'of its start (see {self._output_folder}/{placed.name})',
      )
    self._report(f'{placed.name} {how}; starting it again.')
    self._start(placed)
    return None

  def _start_elsewhere(self, placed: placement_lib.Placed, how: str) -> None:
    """Starts a node again in a moment, until Ray has another host for it."""
    if time.monotonic() - placed.lost > _SOON_SECONDS:
      self._report(f'{placed.name} {how}; starting it again.')
    placed.run, placed.lost = None, time.monotonic()
    # Not a pause here, which would add up for all nodes of a host.
    placed.due = placed.lost + _POLL_SECONDS

  def _move(
    self, placed: placement_lib.Placed
  ) -> Optional[supervision.Outcome]:
    """Lets a node serve from another host and restarts all that have its address."""
    clients = self._placement.clients(placed)
    for client in clients:
      if not client.resources.restart:
        return supervision.Outcome(
          1, f'{placed.name} has lost its host, where {client.name} knows it'
        )
    try:
      self._placement.move(placed)
    except ray.exceptions.RayError as error:
      self._start_elsewhere(placed, f'was lost again ({type(error).__name__})')
      return None
    self._report(
      f'{placed.name} serves from another host; starting those again that know '
      f'it: {", ".join(client.name for client in clients)}.'
    )
    for each in (placed, *clients):
      if each.run is not None:
        self._start(each)
    return None

  def _end(self) -> Dict[str, int]:
    """Stops all nodes, then their keepers, and returns exit codes by name."""
    everyone = self._placement.everyone()
    stops = {p.keeper.stop.remote(): p.name for p in everyone}
    codes: Dict[str, int] = {}
    if stops:
      seconds = self._grace_seconds + keeper_lib.MARGIN_SECONDS + 1.0
      done, _ = ray.wait(list(stops), num_returns=len(stops), timeout=seconds)
      for stop in done:
        with contextlib.suppress(ray.exceptions.RayError):
          codes[stops[stop]] = ray.get(stop)
    for placed in everyone:
      ray.kill(placed.keeper)
    self._placement.groups.clear()
    return codes


def _has_host() -> bool:
  """Returns whether the host that this process is connected to is alive.

  If it is not, Ray ends all keepers of the launcher and makes no new ones.
  """
  home = ray.get_runtime_context().get_node_id()
  return any(host['NodeID'] == home and host['Alive'] for host in ray.nodes())


def _describe(ended: keeper_lib.Ended) -> str:
  if ended.exit_code < 0:
    # What a killed node printed last does not explain its death.
    return f'was ended by {signal.Signals(-ended.exit_code).name}'
  how = f'failed with exit code {ended.exit_code}'
  # The sentence goes on after it.
  words = ended.last_words[:300].rstrip('.')
  return f'{how}: {words}' if words else how


def connect(
  address: Optional[str] = None, num_cpus: Optional[int] = None
) -> None:
  """Connects to a Ray cluster.

  Args:
    address: address of the cluster, 'auto' for the one that this host is part
      of; None for a cluster of this machine alone, which listens on loopback.
    num_cpus: number of CPUs that a cluster of this machine pretends to have.

  Raises:
    PlacementError: if there is no such cluster.
  """
  # Ray reads this variable itself, but refuses a number of CPUs with it.
  address = address or os.environ.get('RAY_ADDRESS')
  if address is None:
    # A cluster of this machine ends with its launcher; by default Ray's agents
    # would try for a minute to reach it.
    os.environ.setdefault(_RECONNECT, _RECONNECT_SECONDS)
  try:
    ray.init(
      # None would join any cluster that this machine is part of.
      address=address or 'local',
      num_cpus=num_cpus if address is None else None,
      include_dashboard=False,
      logging_level='error',
      log_to_driver=False,
    )
  except (ConnectionError, ValueError, RuntimeError) as error:
    raise placement_lib.PlacementError(
      f'there is no Ray cluster at {address!r} ({error}): start one with `ray '
      'start`, or leave the address out to use this machine alone.'
    ) from None


def disconnect() -> None:
  """Leaves the cluster, and ends it if it is of this machine alone."""
  ray.shutdown()
