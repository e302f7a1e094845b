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

import pathlib
import threading
from unittest import mock

import launchpad as lp
import numpy as np
import pytest
import reverb

from acme_metamimic.program import connections
from acme_metamimic.program import replay_node
from acme_metamimic.replay import tables
from tests.acme_metamimic.replay import item_writers


def _table() -> reverb.Table:
  return reverb.Table(
    'table',
    reverb.selectors.Uniform(),
    reverb.selectors.Fifo(),
    max_size=100,
    rate_limiter=reverb.rate_limiters.MinSize(1),
  )


def _make_node(folder: pathlib.Path) -> replay_node.ReplayNode:
  node = replay_node.ReplayNode(
    lambda: [_table()], checkpoint_directory=str(folder)
  )
  node.launch_context.initialize(
    lp.context.LaunchType.TEST_MULTI_THREADING, None
  )
  node.bind_addresses()
  return node


@pytest.fixture
def stop(monkeypatch) -> threading.Event:
  """Stands in for Launchpad's stop of a program."""
  event = threading.Event()
  monkeypatch.setattr(lp, 'wait_for_stop', event.wait)
  return event


@pytest.mark.slow
def test_replay_is_back_after_a_restart(tmp_path, stop):
  nodes = []

  def start() -> tuple[threading.Thread, reverb.Client]:
    node = _make_node(tmp_path)
    nodes.append(node)
    client = node.create_handle().dereference()
    thread = threading.Thread(target=node.run, daemon=True)
    thread.start()
    connections.wait_until_listening(client)
    return thread, client

  thread, client = start()
  with item_writers.make_writer(client) as writer:
    for value in range(5):
      writer.append({'value': np.float32(value)})
      writer.create_item('table', 1.0, {'value': writer.history['value'][-1:]})
  assert replay_node.table_sizes(client)['table_size'] == 5
  stop.set()
  thread.join(30.0)
  assert not thread.is_alive()
  # As long as the process, as its end would wait for writers.
  assert replay_node.table_sizes(client)['table_size'] == 5
  stop.clear()
  thread, client = start()
  assert replay_node.table_sizes(client)['table_size'] == 5
  assert tables.has_items([client], 'table', 5)
  assert not tables.has_items([client], 'table', 6)
  stop.set()
  thread.join(30.0)


@pytest.mark.slow
def test_replay_that_cannot_be_saved_in_the_end_says_so(tmp_path, stop):
  node = _make_node(tmp_path)
  stop.set()
  full = IndexError('No space left on device')
  with (
    mock.patch.object(reverb.Client, 'checkpoint', side_effect=full),
    pytest.raises(OSError, match=f'not saved in {tmp_path}'),
  ):
    node.run()


def test_sizes_that_cannot_be_logged_do_not_end_the_replay(caplog):
  class Full:
    def write(self, data):
      raise OSError('No space left on device')

  server = reverb.Server([_table()])
  client = reverb.Client(f'localhost:{server.port}')
  replay_node._log_sizes(client, Full())
  assert 'No space left on device' in caplog.text
  server.stop()
