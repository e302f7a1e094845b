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
"""Tests that no learner's pace can stall the streams, on a real server."""

from concurrent import futures
from typing import Any, Iterator

import numpy as np
import pytest
import reverb
import reverb.errors

from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.replay import adders
from acme_metamimic.replay import tables as tables_lib
from tests.acme_metamimic.replay import adder_streams

_BATCH_SIZE = 4
_MIN_SIZE = 10
_TIMEOUT = 60.0


class _Halves:
  """Both halves' tables on one server, each with its own ratio."""

  def __init__(self, imitation_ratio: float, task_ratio: float) -> None:
    spec = adder_streams.environment_spec()
    self.builders = {
      name: d4pg_builder.D4PGBuilder(
        d4pg_config.D4PGConfig(
          replay_table_name=name,
          batch_size=_BATCH_SIZE,
          min_replay_size=_MIN_SIZE,
          max_replay_size=100,
          samples_per_insert=ratio,
          num_parallel_samplers=1,
          prefetch_size=1,
        )
      )
      for name, ratio in (('imitation', imitation_ratio), ('task', task_ratio))
    }
    tables = [
      *self.builders['imitation'].make_replay_tables(
        specs_lib.imitation_spec(spec)
      ),
      *self.builders['task'].make_replay_tables(specs_lib.task_spec(spec)),
    ]
    self._server = reverb.Server(tables)
    self.client = reverb.Client(f'localhost:{self._server.port}')
    self._random_state = np.random.RandomState(0)
    self._adder = adder_streams.make_adder(self.client)

  def act(self, num_episodes: int) -> None:
    for _ in range(num_episodes):
      episode = adder_streams.random_episode(self._random_state, 20)
      adder_streams.add_episode(self._adder, episode)

  def batches(self, name: str) -> Iterator[Any]:
    return self.builders[name].make_dataset_iterator(self.client)

  def stop(self) -> None:
    self._adder.reset()
    self._server.stop()


def _within_time(function: Any, *arguments: Any) -> Any:
  """Calls a function that must not hang."""
  executor = futures.ThreadPoolExecutor(1)
  try:
    return executor.submit(function, *arguments).result(_TIMEOUT)
  finally:
    executor.shutdown(wait=False)


def _take(batches: Iterator[Any], count: int) -> None:
  for _ in range(count):
    next(batches)


@pytest.mark.slow
@pytest.mark.parametrize('paused', ['imitation', 'task'])
@pytest.mark.parametrize('ratio', [0.1, 32.0])
def test_a_paused_learner_stalls_nobody(paused, ratio):
  halves = _Halves(ratio, ratio)
  # Insertions of many times what a limiter of Acme's would let through before
  # somebody samples.
  _within_time(halves.act, 10)
  other = 'task' if paused == 'imitation' else 'imitation'
  batches = halves.batches(other)
  inserted = 10 * (20 + 2)
  # Less than its share, for what is fetched ahead.
  share = int(0.5 * ratio * inserted / _BATCH_SIZE)
  _within_time(_take, batches, max(min(share, 50), 1))
  _within_time(halves.act, 2)
  # The paused learner comes back.
  _within_time(next, halves.batches(paused))
  halves.stop()


@pytest.mark.slow
@pytest.mark.parametrize(('imitation', 'task'), [(0.2, 16.0), (16.0, 0.2)])
def test_learners_of_different_ratios_go_on(imitation, task):
  halves = _Halves(imitation, task)
  _within_time(halves.act, 5)
  iterators = {name: halves.batches(name) for name in ('imitation', 'task')}
  for _ in range(3):
    for iterator in iterators.values():
      _within_time(_take, iterator, 1)
    _within_time(halves.act, 4)
  halves.stop()


@pytest.mark.slow
def test_a_fast_learner_waits_for_insertions():
  halves = _Halves(1.0, 1.0)
  halves.act(1)
  # 22 items let through 22 samples, and one tenth of the first ten.
  allowed = 22 - 0.9 * _MIN_SIZE
  taken = list(_take_until_late(halves.client, 'task'))
  assert 0 < len(taken) <= allowed
  halves.act(1)
  more = list(_take_until_late(halves.client, 'task'))
  assert len(more) == pytest.approx(22, abs=1)
  halves.stop()


def _take_until_late(client: reverb.Client, table: str) -> Iterator[Any]:
  """Yields samples until the server holds them back for a second."""
  sampler = reverb.TrajectoryDataset.from_table_signature(
    client.server_address,
    table,
    max_in_flight_samples_per_worker=1,
    num_workers_per_iterator=1,
    rate_limiter_timeout_ms=1000,
  )
  yield from sampler


@pytest.mark.slow
def test_dual_stream_adder_would_wait_for_acmes_limiter():
  # What the limiters here are for: with one that holds insertions, the writer
  # of both streams waits though the other table has room.
  spec = adders.DualStreamAdder.signature(adder_streams.environment_spec())
  limiter = reverb.rate_limiters.SampleToInsertRatio(1.0, 2, 2.0)
  server = reverb.Server(
    [
      tables_lib.make_table(
        spec['imitation'],
        name='imitation',
        priority_exponent=0.6,
        rate_limiter=limiter,
      ),
      tables_lib.make_table(spec['task'], name='task'),
    ]
  )
  client = reverb.Client(f'localhost:{server.port}')
  adder = adder_streams.make_adder(client)
  first, steps = adder_streams.random_episode(np.random.RandomState(0), 6)
  adder.add_first(first)
  for action, timestep in steps[:-1]:
    adder.add(action, timestep)
  with pytest.raises(reverb.errors.DeadlineExceededError):
    adder._writer.flush(0, timeout_ms=500)
  # Lets the writer go.
  list(_take_until_late(client, 'imitation'))
  server.stop()


@pytest.mark.parametrize('ratio', [0.0, -1.0])
def test_bad_ratio_is_refused(ratio):
  with pytest.raises(ValueError, match=f'samples_per_insert={ratio} must be'):
    tables_lib.make_rate_limiter(10, ratio)
