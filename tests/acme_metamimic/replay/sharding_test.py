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

from typing import Iterator, List

import numpy as np
import pytest
import reverb
import tensorflow as tf

from acme_metamimic.replay import sharding
from tests.acme_metamimic.replay import item_writers

# A server of Reverb waits five seconds for streams that are open as it stops.
pytestmark = pytest.mark.slow


@pytest.fixture
def clients() -> Iterator[List[reverb.Client]]:
  """Two servers; the items of the second have values from 100 on."""
  servers = [
    reverb.Server(
      [
        reverb.Table(
          'table',
          reverb.selectors.Prioritized(1.0),
          reverb.selectors.Fifo(),
          max_size=100,
          rate_limiter=reverb.rate_limiters.MinSize(1),
        )
      ]
    )
    for _ in range(2)
  ]
  shards = []
  for index, server in enumerate(servers):
    client = reverb.Client(f'localhost:{server.port}')
    with item_writers.make_writer(client) as writer:
      for value in range(4):
        writer.append({'value': np.int64(100 * index + value)})
        writer.create_item(
          'table', 1.0, {'value': writer.history['value'][-1:]}
        )
    shards.append(client)
  yield shards
  for server in servers:
    server.stop()


def _dataset(client: reverb.Client) -> tf.data.Dataset:
  return reverb.TrajectoryDataset(
    client.server_address,
    'table',
    dtypes={'value': tf.int64},
    shapes={'value': tf.TensorShape([1])},
    max_in_flight_samples_per_worker=4,
  ).batch(4)


def test_batches_come_from_the_shards_in_turn(clients):
  iterator = sharding.make_iterator(sharding.ShardedClient(clients), _dataset)
  for turn in range(6):
    values = next(iterator).data['value'].numpy()
    np.testing.assert_array_equal(values // 100, turn % 2)


def test_priorities_reach_the_shard_that_has_the_item(clients):
  sharded = sharding.ShardedClient(clients)
  iterator = sharding.make_iterator(sharded, _dataset)
  keep = {}
  for _ in range(20):
    sample = next(iterator)
    for key, value in zip(
      sample.info.key.numpy(), sample.data['value'].numpy()[:, 0]
    ):
      keep[int(value)] = int(key)
  assert len(keep) == 8
  # All but one item of each shard are not to be sampled any more.
  updates = {key: 1.0 if v in (2, 103) else 0.0 for v, key in keep.items()}
  sharded.mutate_priorities('table', updates=updates)
  iterator = sharding.make_iterator(sharded, _dataset)
  seen = np.unique([next(iterator).data['value'].numpy() for _ in range(4)])
  np.testing.assert_array_equal(seen, [2, 103])


def test_one_server_needs_no_shards(clients):
  values = next(sharding.make_iterator(clients[1], _dataset)).data['value']
  assert np.all(values.numpy() >= 100)


def test_no_shards_are_refused():
  with pytest.raises(ValueError, match='one replay client at least'):
    sharding.ShardedClient([])
