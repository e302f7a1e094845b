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

"""Places the nodes of a program: hosts, ports, and the code of the hosts."""

import dataclasses
import math
import os
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, Sequence
import uuid

import cloudpickle
import launchpad as lp
from launchpad import address as lp_address
from launchpad import context
import ray
from ray.util import scheduling_strategies

from experiments.launchpad_ray import keeper as keeper_lib
from experiments.launchpad_ray import node as node_lib

_POLL_SECONDS = 0.5
_CALL_SECONDS = 60.0


class PlacementError(RuntimeError):
  """The program cannot be placed; the message says why."""


@dataclasses.dataclass(frozen=True)
class Resources:
  """Resources of each node of a group, and what happens when a node dies.

  Attributes:
    num_cpus: number of CPUs that Ray counts for a node; it limits nothing.
    num_gpus: number of GPUs that Ray counts for a node; a node with 0 sees none.
    custom: further resources that a node needs, such as `{'learner_host': 1}`,
      of which hosts were started with some.
    restart: whether a node that dies is started again; otherwise its death ends
      the program.
    beside: labels of other groups to whose hosts the nodes go: each node to the
      host of the node whose address it has, or else in turn. With `restart` a
      node may go elsewhere if that host is full or gone.
    environment: environment variables of the node's process.
  """

  num_cpus: float = 1.0
  num_gpus: float = 0.0
  custom: Mapping[str, float] = dataclasses.field(default_factory=dict)
  restart: bool = False
  beside: Sequence[str] = ()
  environment: Mapping[str, str] = dataclasses.field(default_factory=dict)


class _Address(lp_address.AbstractAddressBuilder):
  """An address that is known already."""

  def __init__(self, address: str):
    self._address = address

  def build(self) -> str:
    return self._address


@dataclasses.dataclass
class Placed:
  """A node with its keeper. All times are on the monotonic clock.

  Attributes:
    name: name of the node, `group/index`.
    node: node of the Launchpad program.
    resources: resources of the node's group.
    keeper: handle of the Ray actor.
    node_id: Ray's id of the host that the node was placed on.
    serves: whether other nodes have this node's address.
    function: function of the node, pickled with all addresses.
    run: pending call of the keeper's `run`, None while there is none.
    started: time of the last start.
    soon: number of times in a row that the node died soon after its start.
    lost: time at which its host or keeper was lost last.
    due: time at which to start it again.
  """

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
  due: float = math.inf


class Placement:
  """The nodes of a program on the cluster that `ray.init` has connected to.

  Attributes:
    groups: placed nodes, by the label of their group.
  """

  def __init__(
    self,
    resources: Callable[[str], Resources],
    *,
    output_folder: str,
    code: keeper_lib.Code,
    seconds: float,
    grace_seconds: float,
    stopping: threading.Event,
  ):
    """Initializes the placement.

    Args:
      resources: function that returns the resources of a group by its label.
      output_folder: folder, on each node's host, of the files that nodes print to.
      code: code that hosts must have.
      seconds: seconds to wait for hosts with the resources.
      grace_seconds: seconds that a node may take to save and exit after a stop.
      stopping: event that is set when the placement is no longer wanted.
    """
    self.groups: Dict[str, List[Placed]] = {}
    self._resources = resources
    self._output_folder = output_folder
    self._code = code
    self._seconds = seconds
    self._grace_seconds = grace_seconds
    self._stopping = stopping
    self._id = uuid.uuid4().hex

  def everyone(self) -> List[Placed]:
    """Returns the nodes of all groups."""
    return [placed for group in self.groups.values() for placed in group]

  def place(self, program: lp.Program) -> None:
    """Makes a keeper for each node; groups beside others come after those.

    Args:
      program: any Launchpad program of nodes that run Python functions.

    Raises:
      PlacementError: if there is no room, or a host cannot run keepers.
    """
    groups = sorted(
      program.groups.items(),
      key=lambda item: bool(self._resources(item[0]).beside),
    )
    for label, nodes in groups:
      if self._stopping.is_set():
        return
      resources = self._resources(label)
      self.groups[label] = [
        self._make_keeper(f'{label}/{index}', node, resources, index)
        for index, node in enumerate(nodes)
      ]
      self._locate(self.groups[label])

  def _make_keeper(
    self, name: str, node: Any, resources: Resources, index: int
  ) -> Placed:
    strategy: Any = 'SPREAD'
    # A program may lack one of these groups, such as caches.
    neighbours = [
      placed
      for group in resources.beside
      for placed in self.groups.get(group, ())
    ]
    if neighbours:
      neighbour = choose_neighbour(node, index, neighbours)
      strategy = scheduling_strategies.NodeAffinitySchedulingStrategy(
        neighbour.node_id,
        soft=resources.restart,
        # Ray would wait for a full host for ever; this takes another one.
        _spill_on_unavailable=resources.restart,
      )
    environment = dict(resources.environment)
    if not resources.num_gpus:
      environment['CUDA_VISIBLE_DEVICES'] = '-1'
    keeper = (
      ray.remote(keeper_lib.Keeper)
      .options(
        name=f'{name}-{self._id}',
        num_cpus=resources.num_cpus,
        num_gpus=resources.num_gpus,
        resources=dict(resources.custom),
        scheduling_strategy=strategy,
        max_restarts=-1 if resources.restart else 0,
        # `run` and `stop` at once.
        max_concurrency=8,
      )
      .remote(
        name, self._output_folder, environment, self._grace_seconds, self._code
      )
    )
    return Placed(name, node, resources, keeper)

  def _locate(self, group: Sequence[Placed]) -> None:
    """Waits until Ray has placed a group or the program is stopped."""
    asked = [placed.keeper.node_id.remote() for placed in group]
    deadline = time.monotonic() + self._seconds
    waiting = asked
    while waiting and time.monotonic() < deadline:
      if self._stopping.is_set():
        return
      _, waiting = ray.wait(
        asked, num_returns=len(asked), timeout=_POLL_SECONDS
      )
    if waiting:
      placed = group[asked.index(waiting[0])]
      raise PlacementError(
        f'{len(waiting)} nodes such as {placed.name!r} found no host in '
        f'{self._seconds:.0f} s: each needs {placed.resources}, the '
        f'cluster has {ray.available_resources()} free. Add hosts, or lower '
        'the numbers or needs of nodes.'
      )
    try:
      for placed, node_id in zip(group, ray.get(asked)):
        placed.node_id = node_id
    except ray.exceptions.RayError as error:
      raise PlacementError(
        f'a host of {group[0].name.rpartition("/")[0]!r} cannot run this code: '
        'install the same code and packages on all hosts, and start Ray there '
        f'from the folder of the project. It said: {error}'
      ) from None

  def check_code(self) -> None:
    """Compares the code of all hosts with the launcher's.

    Raises:
      PlacementError: if a host has other code.
    """
    for placed in {p.node_id: p for p in self.everyone()}.values():
      wrong = ray.get(placed.keeper.differences.remote(), timeout=_CALL_SECONDS)
      if wrong:
        host = ray.get(placed.keeper.host.remote(), timeout=_CALL_SECONDS)
        raise PlacementError(
          f'{placed.name!r}: {keeper_lib.other_code(host, wrong)}'
        )

  def check_shared(self, folder: str) -> None:
    """Checks that all hosts see one folder.

    Args:
      folder: folder that all hosts should see; it is made if there is none.

    Raises:
      PlacementError: if a host has another folder of that name, or none.
    """
    os.makedirs(folder, exist_ok=True)
    token = os.path.join(folder, f'.seen-{self._id}')
    with open(token, 'w'):
      pass
    try:
      for placed in {p.node_id: p for p in self.everyone()}.values():
        if not ray.get(placed.keeper.sees.remote(token), timeout=_CALL_SECONDS):
          host = ray.get(placed.keeper.host.remote(), timeout=_CALL_SECONDS)
          raise PlacementError(
            f'the host {host} of {placed.name!r} does not see the folder '
            f'{folder!r} of this host: give one that all hosts share.'
          )
    finally:
      os.remove(token)

  def bind(self) -> None:
    """Gives each node an address on its host and pickles the functions."""
    everyone = self.everyone()
    for placed in everyone:
      placed.node._launch_context.initialize(
        # Of Launchpad's types, the one with a process for each node.
        context.LaunchType.LOCAL_MULTI_PROCESSING,
        None,
        node_lib.RequestStop(),
      )
      for handle in placed.node.input_handles:
        handle.connect(placed.node, placed.name.rpartition('/')[0])
    by_host: Dict[str, List[Placed]] = {}
    for placed in everyone:
      by_host.setdefault(placed.node_id, []).append(placed)
    for group in by_host.values():
      self._bind_on_host(group)
    known = {
      id(handle._address)
      for placed in everyone
      for handle in placed.node.input_handles
    }
    for placed in everyone:
      placed.serves = any(id(a) in known for a in placed.node.addresses)
      placed.function = cloudpickle.dumps(placed.node.function)

  def clients(self, server: Placed) -> List[Placed]:
    """Returns the nodes that have the address of a node.

    Args:
      server: node that others may call.
    """
    return [p for p in self.everyone() if _knows(p.node, server.node)]

  def move(self, server: Placed) -> None:
    """Gives a node, and its clients, a new address where its keeper is now.

    Args:
      server: node whose host was lost.

    Raises:
      RayError: if the new host is lost, too.
    """
    server.node_id = ray.get(
      server.keeper.node_id.remote(), timeout=_CALL_SECONDS
    )
    self._bind_on_host([server])
    for placed in (server, *self.clients(server)):
      placed.function = cloudpickle.dumps(placed.node.function)

  def _bind_on_host(self, group: Sequence[Placed]) -> None:
    """Gives all nodes of a host ports at once, so that these are different."""
    addresses = [address for p in group for address in p.node.addresses]
    keeper = group[0].keeper
    host, ports = ray.get(
      [keeper.host.remote(), keeper.free_ports.remote(len(addresses))],
      timeout=_CALL_SECONDS,
    )
    for address, port in zip(addresses, ports):
      address.bind(_Address(f'{host}:{port}'))


def choose_neighbour(
  node: Any, index: int, candidates: Sequence[Placed]
) -> Placed:
  """Returns the candidate whose address a node has, or else one in turn.

  Args:
    node: Launchpad node that is to be placed beside one of the candidates.
    index: index of the node in its group.
    candidates: placed nodes, at least one.
  """
  servers = [placed for placed in candidates if _knows(node, placed.node)]
  choice = servers or candidates
  return choice[index % len(choice)]


def _knows(node: Any, server: Any) -> bool:
  """Returns whether a Launchpad node has the address of another."""
  known = {id(handle._address) for handle in node.input_handles}
  return any(id(address) in known for address in server.addresses)
