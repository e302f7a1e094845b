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

import collections
import dataclasses
import math
import os
import signal
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Union

import cloudpickle
import launchpad as lp
from launchpad import address as lp_address
from launchpad import context
import ray
from ray.util import scheduling_strategies

from experiments.launching import supervision
from experiments.launchpad_ray import keeper as keeper_lib
from experiments.launchpad_ray import node as node_lib

_POLL_SECONDS = 0.5
_CALL_SECONDS = 60.0
# A node that dies sooner than this after it was started, that often in a row,
# would do so for ever.
_SOON_SECONDS = 60.0
_MAX_SOON = 5


class PlacementError(RuntimeError):
  """The program cannot be placed; the message says why."""


@dataclasses.dataclass(frozen=True)
class Resources:
  """What each node of a group needs, and what happens when one dies.

  Attributes:
    num_cpus: that Ray counts for a node; it limits nothing.
    num_gpus: likewise. A node without sees none.
    custom: further resources, as hosts were started with, such as
      `{'learner_host': 1}`.
    restart: whether a node that dies is started anew; otherwise its death ends
      the program.
    beside: another group, whose hosts the nodes go to in turn. One that is
      restarted may go elsewhere if that host is gone.
    environment: variables for the node's process.
  """

  num_cpus: float = 1.0
  num_gpus: float = 0.0
  custom: Mapping[str, float] = dataclasses.field(default_factory=dict)
  restart: bool = False
  beside: Optional[str] = None
  environment: Mapping[str, str] = dataclasses.field(default_factory=dict)


class _Address(lp_address.AbstractAddressBuilder):
  """An address that is known."""

  def __init__(self, address: str):
    self._address = address

  def build(self) -> str:
    return self._address


@dataclasses.dataclass
class _Placed:
  """A node with its keeper."""

  name: str
  node: Any
  resources: Resources
  keeper: Any
  node_id: str = ''
  serves: bool = False
  function: bytes = b''
  run: Any = None
  started: float = 0.0
  soon: int = 0
  lost: float = -math.inf


class Launcher:
  """Runs one program on the cluster that `ray.init` has connected to."""

  def __init__(
    self,
    program: lp.Program,
    resources: Union[Mapping[str, Resources], Callable[[str], Resources]],
    *,
    output_folder: str,
    packages: Sequence[str] = ('dm-launchpad', 'dm-reverb', 'ray'),
    placement_seconds: float = 120.0,
    report: Callable[[str], None] = print,
  ):
    """Initializes the launcher.

    Args:
      program: any Launchpad program of nodes that run Python functions.
      resources: of each group, by label.
      output_folder: for what nodes print, on the host of each.
      packages: that must be the same on all hosts.
      placement_seconds: to wait for hosts with the resources.
      report: is told of deaths and restarts.
    """
    self._program = program
    self._resources = (
      resources if callable(resources) else resources.__getitem__
    )
    self._output_folder = output_folder
    self._packages = list(packages)
    self._placement_seconds = placement_seconds
    self._report = report
    self._placed: Dict[str, List[_Placed]] = collections.OrderedDict()
    self._stopping = threading.Event()

  @property
  def placed(self) -> Mapping[str, Sequence[_Placed]]:
    """The nodes by group."""
    return self._placed

  def stop(self) -> None:
    """Has `run` end the program; for signal handlers."""
    self._stopping.set()

  def run(
    self, watch: Callable[[], None] = lambda: None
  ) -> supervision.Outcome:
    """Places the program and runs it until it ends.

    Args:
      watch: is called some times a second meanwhile.

    Raises:
      PlacementError: if it cannot be placed.
    """
    try:
      self._place()
      self._check_versions()
      self._bind()
      for placed in self._everyone():
        self._start(placed)
      return self._wait(watch)
    finally:
      self._end()

  def _everyone(self) -> List[_Placed]:
    return [placed for group in self._placed.values() for placed in group]

  def _place(self) -> None:
    """Makes a keeper for each node; groups beside others come after them."""
    groups = sorted(
      self._program.groups.items(),
      key=lambda item: self._resources(item[0]).beside is not None,
    )
    for label, nodes in groups:
      resources = self._resources(label)
      self._placed[label] = [
        self._make_keeper(f'{label}/{index}', node, resources, index)
        for index, node in enumerate(nodes)
      ]
      self._locate(self._placed[label])

  def _make_keeper(
    self, name: str, node: Any, resources: Resources, index: int
  ) -> _Placed:
    strategy: Any = 'SPREAD'
    # A program may do without a group, such as caches.
    neighbours = self._placed.get(resources.beside or '')
    if neighbours:
      neighbour = neighbours[index % len(neighbours)]
      strategy = scheduling_strategies.NodeAffinitySchedulingStrategy(
        neighbour.node_id, soft=resources.restart
      )
    environment = dict(resources.environment)
    if not resources.num_gpus:
      environment['CUDA_VISIBLE_DEVICES'] = '-1'
    keeper = (
      ray.remote(keeper_lib.Keeper)
      .options(
        name=f'{name}-{os.getpid()}-{id(self)}',
        num_cpus=resources.num_cpus,
        num_gpus=resources.num_gpus,
        resources=dict(resources.custom),
        scheduling_strategy=strategy,
        max_restarts=-1 if resources.restart else 0,
        # `run` and `stop` at once.
        max_concurrency=8,
      )
      .remote(name, self._output_folder, environment, self._packages)
    )
    return _Placed(name, node, resources, keeper)

  def _locate(self, group: Sequence[_Placed]) -> None:
    """Waits until Ray has placed a group."""
    asked = [placed.keeper.node_id.remote() for placed in group]
    _, waiting = ray.wait(
      asked, num_returns=len(asked), timeout=self._placement_seconds
    )
    if waiting:
      placed = group[asked.index(waiting[0])]
      raise PlacementError(
        f'{len(waiting)} nodes such as {placed.name!r} found no host in '
        f'{self._placement_seconds:.0f} s: each needs {placed.resources}, the '
        f'cluster has {ray.available_resources()} free. Add hosts, or lower '
        'the numbers or needs of nodes.'
      )
    for placed, node_id in zip(group, ray.get(asked)):
      placed.node_id = node_id

  def _check_versions(self) -> None:
    """Raises if a host has other code than the launcher."""
    expected = keeper_lib.fingerprint(self._packages)
    keepers = {placed.node_id: placed for placed in self._everyone()}
    for placed in keepers.values():
      found = ray.get(placed.keeper.versions.remote(), timeout=_CALL_SECONDS)
      wrong = {
        name: f'{found.get(name)} instead of {version}'
        for name, version in expected.items()
        if found.get(name) != version
      }
      if wrong:
        host = ray.get(placed.keeper.host.remote(), timeout=_CALL_SECONDS)
        raise PlacementError(
          f'the host {host} of {placed.name!r} has {wrong}: install the same '
          'code and packages on all hosts.'
        )

  def _bind(self) -> None:
    """Gives each node an address on its host, and pickles it with all."""
    everyone = self._everyone()
    for placed in everyone:
      placed.node._launch_context.initialize(
        # Of the types there are, the one with processes.
        context.LaunchType.LOCAL_MULTI_PROCESSING,
        None,
        node_lib.RequestStop(),
      )
      for handle in placed.node.input_handles:
        handle.connect(placed.node, placed.name.rpartition('/')[0])
    hosts = [placed.keeper.host.remote() for placed in everyone]
    ports = [
      placed.keeper.free_ports.remote(len(placed.node.addresses))
      for placed in everyone
    ]
    for placed, host, free in zip(everyone, ray.get(hosts), ray.get(ports)):
      for address, port in zip(placed.node.addresses, free):
        address.bind(_Address(f'{host}:{port}'))
    known = {
      id(handle._address)
      for placed in everyone
      for handle in placed.node.input_handles
    }
    for placed in everyone:
      placed.serves = any(id(a) in known for a in placed.node.addresses)
      placed.function = cloudpickle.dumps(placed.node.function)

  def _start(self, placed: _Placed) -> None:
    placed.started = time.monotonic()
    # Others keep the address of a node that serves them.
    home = placed.node_id if placed.serves else None
    placed.run = placed.keeper.run.remote(placed.function, home)

  def _wait(self, watch: Callable[[], None]) -> supervision.Outcome:
    """Watches the nodes until the program ends."""
    while not self._stopping.is_set():
      runs = {p.run: p for p in self._everyone() if p.run is not None}
      if not runs:
        return supervision.Outcome(0, 'all nodes have finished')
      ended, _ = ray.wait(list(runs), num_returns=1, timeout=_POLL_SECONDS)
      for run in ended:
        outcome = self._handle(runs[run])
        if outcome is not None:
          return outcome
      watch()
    return supervision.Outcome(0, 'stopped')

  def _handle(self, placed: _Placed) -> Optional[supervision.Outcome]:
    """Restarts a node that has died, or says how the program ended."""
    try:
      ended = ray.get(placed.run)
    except ray.exceptions.RayError as error:
      # Its keeper or host has died. Ray makes a new keeper.
      how = f'was lost with its host or keeper ({type(error).__name__})'
      if placed.resources.restart:
        self._start_elsewhere(placed, how)
        return None
    else:
      if ended.stop_requested:
        return supervision.Outcome(0, f'{placed.name} has asked for the end')
      if ended.moved:
        return supervision.Outcome(
          1, f'{placed.name} has lost its host, where others know it'
        )
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
    self, placed: _Placed, how: str
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

  def _start_elsewhere(self, placed: _Placed, how: str) -> None:
    """Tries again and again, until Ray gives the host up and has another."""
    if time.monotonic() - placed.lost > _SOON_SECONDS:
      self._report(f'{placed.name} {how}; starting it again.')
    placed.lost = time.monotonic()
    self._stopping.wait(_POLL_SECONDS)
    self._start(placed)

  def _end(self) -> None:
    """Stops all nodes, and then their keepers."""
    everyone = self._everyone()
    stops = [placed.keeper.stop.remote() for placed in everyone]
    if stops:
      ray.wait(
        stops, num_returns=len(stops), timeout=keeper_lib.STOP_SECONDS + 1.0
      )
    for placed in everyone:
      ray.kill(placed.keeper)
    self._placed.clear()


def _describe(ended: keeper_lib.Ended) -> str:
  if ended.exit_code < 0:
    # What it printed last has nothing to do with it.
    return f'was ended by {signal.Signals(-ended.exit_code).name}'
  words = f': {ended.last_words:.300}' if ended.last_words else ''
  return f'failed with exit code {ended.exit_code}{words}'


def connect(
  address: Optional[str] = None, num_cpus: Optional[int] = None
) -> None:
  """Connects to a Ray cluster.

  Args:
    address: of the cluster, 'auto' for the one that this host is part of; None
      for one of this machine alone, which listens on loopback.
    num_cpus: that a cluster of this machine pretends to have.

  Raises:
    PlacementError: if there is no such cluster.
  """
  # As Ray does it, which takes no number of CPUs then.
  address = address or os.environ.get('RAY_ADDRESS')
  try:
    ray.init(
      # Not None, which is any cluster that this machine is part of.
      address=address or 'local',
      num_cpus=num_cpus if address is None else None,
      include_dashboard=False,
      logging_level='error',
      log_to_driver=False,
    )
  except (ConnectionError, ValueError, RuntimeError) as error:
    raise PlacementError(
      f'there is no Ray cluster at {address!r} ({error}): start one with `ray '
      'start`, or leave the address out to use this machine alone.'
    ) from None


def disconnect() -> None:
  """Leaves the cluster, and ends it if it is this machine's own."""
  ray.shutdown()
