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
"""Tests of writers that wait while their server answers."""

from typing import Iterator
from unittest import mock

import numpy as np
import pytest
import reverb
from reverb import errors

from acme_metamimic import waiting
from acme_metamimic.replay import writers
from tests.acme_metamimic.replay import item_writers

_LATE = errors.DeadlineExceededError('late')


@pytest.fixture
def client() -> Iterator[reverb.Client]:
  """Client of a server with a queue of one item."""
  server = reverb.Server([reverb.Table.queue('queue', 1)])
  yield reverb.Client(f'localhost:{server.port}')
  server.stop()


def _write(writer: writers.PatientWriter, value: float) -> None:
  writer.append({'x': np.float32(value)})
  writer.create_item('queue', 1.0, {'x': writer.history['x'][-1:]})


def test_items_arrive(client):
  writer = item_writers.make_writer(writers.PatientClient(client))
  _write(writer, 3.0)
  writer.flush()
  assert client.server_info()['queue'].current_size == 1
  assert writer.episode_steps == 1
  writer.end_episode()
  assert writer.episode_steps == 0
  writer.close()


def test_a_rate_limiter_may_hold_items(client, monkeypatch, caplog):
  monkeypatch.setattr(waiting, 'LINE_SECONDS', 1)
  writer = item_writers.make_writer(writers.PatientClient(client))
  _write(writer, 1.0)
  _write(writer, 2.0)

  def sample(self: reverb.Client, timeout: int) -> dict:
    list(client.sample('queue', 1))
    return {}

  # It answers, and then there is room for the second item.
  monkeypatch.setattr(reverb.Client, 'server_info', sample)
  writer.end_episode()
  assert f'{client.server_address} to take items, for 1 s' in caplog.text
  assert 'rate limiter of a table of yours' in caplog.text
  list(client.sample('queue', 1))
  writer.close()


def test_a_server_that_does_not_answer_is_given_up():
  client = mock.Mock(server_address='there:1')
  client.trajectory_writer().flush.side_effect = _LATE
  client.server_info.side_effect = _LATE
  writer = writers.PatientClient(client).trajectory_writer(1)
  for call in (writer.flush, writer.end_episode):
    with pytest.raises(waiting.NoAnswerError, match='there:1 has not answered'):
      call()
  client.trajectory_writer().end_episode.assert_not_called()


def test_limits_of_the_caller_stay():
  client = mock.Mock(server_address='there:1')
  writer = writers.PatientClient(client).trajectory_writer(1)
  client.trajectory_writer().flush.side_effect = _LATE
  with pytest.raises(errors.DeadlineExceededError):
    writer.flush(2, timeout_ms=10_000)
  client.trajectory_writer().flush.assert_called_once_with(2, 10_000)
  writer.end_episode(timeout_ms=5)
  client.trajectory_writer().end_episode.assert_called_once_with(True, 5)
  client.server_info.assert_not_called()
