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

"""A distributed program on the light environment, and its measured load."""

import dataclasses
import functools
import signal
import time
from typing import (
  Any,
  Callable,
  Dict,
  List,
  Mapping,
  Optional,
  Sequence,
  Tuple,
)

import launchpad as lp
import numpy as np
import psutil

import acme_metamimic
from acme_metamimic.program import connections
from acme_metamimic.program import replay_node
from acme_metamimic.program import variables
from experiments import presets
from experiments.distributed import launch
from experiments.distributed import local
from experiments.operations import processes

_SAMPLE_SECONDS = 5.0


class Fetchers:
  """Asks a cache for variables as many actors with a process each would."""

  def __init__(self, source: Any, number: int, period_seconds: float):
    """Waits for the cache and makes the clients.

    Args:
      source: handle of a cache.
      number: number of clients; each keeps its variables, and asks whether they
        are old.
      period_seconds: seconds between two requests of a client.
    """
    connections.wait_until_listening(source)
    self._askers = [variables.RemoteVariables(source) for _ in range(number)]
    self._period_seconds = period_seconds

  def run(self) -> None:
    """Asks until the program stops, spread over the period."""
    pause = self._period_seconds / max(1, len(self._askers))
    while True:
      for asker in self._askers:
        asker.get_variables(['policy'])
        if lp.wait_for_stop(pause):
          return


@dataclasses.dataclass(frozen=True)
class Load:
  """Rates of a program and the resources that it takes.

  Attributes:
    seconds: seconds that were measured.
    steps: environment steps per second of all actors.
    inserts: items per second that enter both tables of all shards.
    updates: updates per second of both learners.
    requests: requests for variables per second to the caches.
    fetches: answers per second that held variables.
    bytes_sent: bytes per second sent over loopback.
    megabytes: mean resident memory of a process, by group.
    cpu: seconds of CPU time per second, by group.
    stalls: number of windows of some seconds in which a table got no item.
  """

  seconds: float
  steps: float
  inserts: float
  updates: float
  requests: float
  fetches: float
  bytes_sent: float
  megabytes: Mapping[str, float]
  cpu: Mapping[str, float]
  stalls: int


def make_program(
  run_folder: str,
  *,
  num_actors: int,
  environments_per_actor: int,
  num_shards: int,
  num_caches: int,
  num_fetchers: int = 0,
  fetch_period_seconds: float = 10.0,
) -> lp.Program:
  """Makes a program on the light environment.

  Args:
    run_folder: folder of the logs.
    num_actors: number of actor processes of each half.
    environments_per_actor: number of environments in each of these processes.
    num_shards: number of replay servers.
    num_caches: number of caches of each half.
    num_fetchers: number of clients that each cache has beside the actors.
    fetch_period_seconds: seconds between two requests of such a client.
  """
  experiment = dataclasses.replace(
    presets.make('light'),
    num_imitation_actors=num_actors,
    num_task_actors=num_actors,
    program=acme_metamimic.ProgramConfig(
      num_replay_shards=num_shards,
      num_caches=num_caches,
      environments_per_actor=environments_per_actor,
      evaluation_period_seconds=60.0,
      replay_checkpoint_period_minutes=60.0,
    ),
  )
  program = launch.make_program(experiment, run_folder)
  if num_fetchers:
    caches = [node.create_handle() for node in program.groups['cacher']]
    with program.group('fetcher'):
      for cache in caches:
        program.add_node(
          lp.CourierNode(Fetchers, cache, num_fetchers, fetch_period_seconds)
        )
  return program


class Probe:
  """Measures a program from outside, in the launcher's process."""

  def __init__(
    self,
    program: lp.Program,
    output_folder: str,
    seconds: float,
    on_sample: Callable[[str], None] = print,
    warm_up_seconds: float = 10.0,
  ):
    """Makes handles; the program must not be launched yet.

    Args:
      program: program to measure.
      output_folder: folder of the files that its nodes print to.
      seconds: seconds to measure, after the warm-up.
      on_sample: function that is called with a line about each window.
      warm_up_seconds: seconds of the warm-up, once both tables have items.
    """
    groups = program.groups
    self._counter = groups['counter'][0].create_handle()
    self._replay = [node.create_handle() for node in groups['replay']]
    self._caches = [node.create_handle() for node in groups.get('cacher', ())]
    for handle in (self._counter, *self._caches):
      handle.set_client_kwargs(call_timeout=5.0, wait_for_ready=False)
    self._clients: Dict[Any, Any] = {}
    self._output = output_folder
    self._seconds = seconds
    self._warm_up_seconds = warm_up_seconds
    self._on_sample = on_sample
    self._samples: List[Dict[str, float]] = []
    self._next = 0.0

  @property
  def done(self) -> bool:
    """Whether the time of the measurement is over."""
    samples = self._samples
    return bool(samples) and (
      samples[-1]['time'] - samples[0]['time'] >= self._seconds
    )

  def __call__(self) -> None:
    """Samples when it is time; stops the program when it is done."""
    if time.monotonic() < self._next:
      return
    self._next = time.monotonic() + _SAMPLE_SECONDS
    try:
      sample = self._sample()
    except Exception:  # The nodes are still starting.
      return
    if not self._samples:
      if sample['imitation_items'] and sample['task_items']:
        self._samples.append(sample)
        self._next = time.monotonic() + self._warm_up_seconds
      return
    if len(self._samples) == 1 and self._warm_up_seconds:
      # What came before the warm-up's end does not count.
      self._samples, self._warm_up_seconds = [sample], 0.0
      return
    self._samples.append(sample)
    self._on_sample(_describe(self._samples[-2], sample))
    if self.done:
      signal.raise_signal(signal.SIGTERM)

  def load(self) -> Load:
    """Returns the measured load.

    Raises:
      RuntimeError: if the program ended before there were two samples.
    """
    if len(self._samples) < 2:
      raise RuntimeError(f'Nothing was measured; see {self._output}.')
    first, last = self._samples[0], self._samples[-1]
    seconds = last['time'] - first['time']

    def rate(*names: str) -> float:
      return sum(last.get(n, 0.0) - first.get(n, 0.0) for n in names) / seconds

    groups = sorted(k[4:] for k in last if k.startswith('cpu/'))
    items = ('imitation_items', 'task_items')
    return Load(
      seconds=seconds,
      steps=rate('imitation_actor_steps', 'task_actor_steps'),
      inserts=rate(*items),
      updates=rate('imitation_learner_steps', 'task_learner_steps'),
      requests=rate('requests'),
      fetches=rate('sent'),
      bytes_sent=rate('bytes'),
      megabytes={group: last[f'megabytes/{group}'] for group in groups},
      cpu={group: rate(f'cpu/{group}') for group in groups},
      stalls=sum(
        after[name] <= before[name]
        for before, after in zip(self._samples, self._samples[1:])
        for name in items
      ),
    )

  def _sample(self) -> Dict[str, float]:
    sample: Dict[str, float] = dict(self._client(self._counter).get_counts())
    sample['time'] = time.monotonic()
    for table in ('imitation', 'task'):
      sample[f'{table}_items'] = 0.0
    for handle in self._replay:
      sizes = replay_node.table_sizes(self._client(handle))
      for table in ('imitation', 'task'):
        sample[f'{table}_items'] += sizes[f'{table}_inserts']
    for handle in self._caches:
      for name, value in self._client(handle).counts().items():
        sample[name] = sample.get(name, 0.0) + value
    sample['bytes'] = psutil.net_io_counters(pernic=True)['lo'].bytes_sent
    sample.update(self._processes())
    return sample

  def _processes(self) -> Dict[str, float]:
    """Returns the mean memory and the total CPU time of each group."""
    memory: Dict[str, List[float]] = {}
    cpu: Dict[str, float] = {}
    for name, process in processes.of_program(self._output):
      group = name.partition('/')[0]
      try:
        times = process.cpu_times()
        memory.setdefault(group, []).append(process.memory_info().rss / 1e6)
      except psutil.Error:
        continue
      cpu[group] = cpu.get(group, 0.0) + times.user + times.system
    return {
      **{f'megabytes/{g}': float(np.mean(v)) for g, v in memory.items()},
      **{f'cpu/{group}': seconds for group, seconds in cpu.items()},
    }

  def _client(self, handle: Any) -> Any:
    if id(handle) not in self._clients:
      self._clients[id(handle)] = handle.dereference()
    return self._clients[id(handle)]


def measure(
  program: lp.Program,
  output_folder: str,
  seconds: float,
  on_sample: Callable[[str], None] = print,
) -> Load:
  """Runs a program in processes of this machine and returns its load.

  Args:
    program: program to measure; it must not be launched yet.
    output_folder: folder of the files that its nodes print to.
    seconds: seconds to measure, after the warm-up.
    on_sample: function that is called with a line about each window.

  Raises:
    RuntimeError: if a node failed.
  """
  probe = Probe(program, output_folder, seconds, on_sample)
  outcome = local.run(program, 'local_mp', output_folder, watch=probe)
  if outcome.exit_code:
    raise RuntimeError(outcome.reason)
  return probe.load()


def _describe(before: Mapping[str, float], after: Mapping[str, float]) -> str:
  seconds = after['time'] - before['time']

  def rate(name: str) -> float:
    return (after.get(name, 0.0) - before.get(name, 0.0)) / seconds

  return (
    f'{rate("imitation_items") + rate("task_items"):.0f} inserts/s, '
    f'{rate("bytes") / 1e6:.1f} MB/s, {rate("requests"):.1f} requests/s, '
    f'{rate("sent"):.1f} fetches/s'
  )


def table(loads: Sequence[Load], names: Sequence[Optional[str]]) -> str:
  """Returns a table of loads in Markdown, with a column for each load.

  Args:
    loads: measured loads.
    names: heads of the columns, a name for each load.
  """
  rows: List[Tuple[str, Callable[[Load], str]]] = [
    ('environment steps/s', lambda x: f'{x.steps:.0f}'),
    ('inserts/s', lambda x: f'{x.inserts:.0f}'),
    ('updates/s', lambda x: f'{x.updates:.0f}'),
    ('requests to caches/s', lambda x: f'{x.requests:.1f}'),
    ('of these, fetches/s', lambda x: f'{x.fetches:.1f}'),
    ('loopback MB/s', lambda x: f'{x.bytes_sent / 1e6:.2f}'),
    ('windows without an insert', lambda x: f'{x.stalls}'),
  ]
  for group in sorted({g for load in loads for g in load.megabytes}):
    rows.append(
      (f'{group}: MB a process, CPU', functools.partial(_cost, group))
    )
  lines = [
    f'| | {" | ".join(str(n) for n in names)} |',
    '|-' * len(names) + '|-|',
  ]
  lines += [
    f'| {label} | {" | ".join(cell(load) for load in loads)} |'
    for label, cell in rows
  ]
  return '\n'.join(lines)


def _cost(group: str, load: Load) -> str:
  return f'{load.megabytes.get(group, 0.0):.0f}, {load.cpu.get(group, 0.0):.2f}'
