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

"""Tests of importance weights and of the thread that writes priorities."""

import threading
from typing import Dict, List, Tuple

import numpy as np
import pytest
import reverb
import tensorflow as tf

from acme_metamimic.replay import priorities

_TIMEOUT = 10.0


class _FakeClient:
  """Records what it is asked, once the gate is open."""

  server_address = 'there:1'

  def __init__(self, failures: int = 0) -> None:
    self.calls: List[Tuple[str, Dict[int, float]]] = []
    self.gate = threading.Event()
    self.entered = threading.Event()
    self._failures = failures

  def mutate_priorities(
    self, table: str, updates: Dict[int, float], deletes: List[int]
  ) -> None:
    assert not deletes
    self.entered.set()
    assert self.gate.wait(_TIMEOUT)
    if self._failures:
      self._failures -= 1
      raise RuntimeError('Server unavailable.')
    self.calls.append((table, updates))


def _keys(*keys: int) -> np.ndarray:
  return np.array(keys, dtype=np.uint64)


@pytest.fixture
def client():
  return _FakeClient()


def test_writes_in_order_and_the_last_of_a_key(client):
  client.gate.set()
  writer = priorities.PriorityWriter(client, 'table')
  big = 2**63 + 11
  writer.write(_keys(1, big, 1), np.array([1.0, 2.0, 3.0]))
  writer.write(_keys(4), np.array([5.0]))
  assert writer.flush(_TIMEOUT)
  writer.close()
  assert client.calls == [
    ('table', {1: 3.0, big: 2.0}),
    ('table', {4: 5.0}),
  ]
  assert writer.num_dropped == 0


def test_drops_the_oldest_when_the_server_is_slow(client):
  writer = priorities.PriorityWriter(client, 'table', max_pending=2)
  writer.write(_keys(0), np.array([0.0]))
  # The thread holds the first one; the others have to wait.
  assert client.entered.wait(_TIMEOUT)
  for i in range(1, 5):
    writer.write(_keys(i), np.array([float(i)]))
  assert not writer.flush(timeout=0.01)
  client.gate.set()
  assert writer.flush(_TIMEOUT)
  writer.close()
  assert [list(updates) for _, updates in client.calls] == [[0], [3], [4]]
  assert writer.num_dropped == 2
  assert writer.counts() == {
    'priority_writes_dropped': 2,
    'priority_writes_failed': 0,
  }


def test_close_stops_the_thread_and_leaves_the_rest(client):
  writer = priorities.PriorityWriter(client, 'a_table')
  writer.write(_keys(0), np.array([0.0]))
  assert client.entered.wait(_TIMEOUT)
  writer.write(_keys(1), np.array([1.0]))
  writer.close(timeout=0.0)
  client.gate.set()
  writer.close(timeout=_TIMEOUT)
  assert not [t for t in threading.enumerate() if t.name.endswith('a_table')]
  assert len(client.calls) == 1


def test_thread_does_not_keep_the_process_alive(client):
  writer = priorities.PriorityWriter(client, 'b_table')
  (thread,) = [t for t in threading.enumerate() if t.name.endswith('b_table')]
  assert thread.daemon
  writer.close()


def test_failed_write_does_not_end_the_others():
  client = _FakeClient(failures=1)
  client.gate.set()
  writer = priorities.PriorityWriter(client, 'table')
  writer.write(_keys(0), np.array([0.0]))
  writer.write(_keys(1), np.array([1.0]))
  assert writer.flush(_TIMEOUT)
  writer.close()
  assert client.calls == [('table', {1: 1.0})]
  assert writer.num_failed == 1
  assert writer.counts() == {
    'priority_writes_dropped': 0,
    'priority_writes_failed': 1,
  }


def _make_info(probabilities, table_size) -> reverb.SampleInfo:
  num_items = len(probabilities)
  return reverb.SampleInfo(
    key=tf.zeros([num_items], tf.uint64),
    probability=tf.constant(probabilities, tf.float64),
    table_size=tf.fill([num_items], tf.constant(table_size, tf.int64)),
    priority=tf.ones([num_items], tf.float64),
  )


def test_importance_weights_by_hand():
  # N P is 1/4, 1 and 4: their inverse square roots are 2, 1 and 1/2.
  info = _make_info([0.025, 0.1, 0.4], table_size=10)
  weights = priorities.importance_weights(info, exponent=0.5)
  np.testing.assert_allclose(weights, [1.0, 0.5, 0.25], rtol=1e-6)
  assert weights.dtype == tf.float32


def test_full_correction_makes_the_sampled_mean_that_of_uniform_sampling():
  random_state = np.random.RandomState(0)
  losses = random_state.uniform(size=5)
  probabilities = random_state.dirichlet(np.ones(5))
  weights = priorities.importance_weights(
    _make_info(probabilities, table_size=5), exponent=1.0
  )
  # The largest weight is 1, that of the least probable item.
  scale = 5 * probabilities.min()
  expected_loss = np.sum(probabilities * weights * losses)
  np.testing.assert_allclose(expected_loss, scale * losses.mean(), rtol=1e-6)


def test_no_exponent_weighs_all_alike():
  info = _make_info([1e-9, 0.5], table_size=1000)
  np.testing.assert_array_equal(
    priorities.importance_weights(info, 0.0), [1, 1]
  )
