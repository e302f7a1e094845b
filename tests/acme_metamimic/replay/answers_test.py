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
"""Tests of waiting for a replay server's answers."""

import socket
import threading
from typing import Iterator
from unittest import mock

import numpy as np
import pytest
import reverb

from acme_metamimic import waiting
from acme_metamimic.replay import answers
from acme_metamimic.replay import priorities
from acme_metamimic.replay import sharding
from acme_metamimic.replay import tables


@pytest.fixture
def silent() -> Iterator[reverb.Client]:
  """Client of a server that takes connections and never says a word."""
  with socket.create_server(('localhost', 0)) as server:
    yield reverb.Client(f'localhost:{server.getsockname()[1]}')


def test_a_server_that_does_not_answer_is_named(silent):
  with pytest.raises(
    waiting.NoAnswerError,
    match=rf'{silent.server_address} has not answered for 1 s: .*proxy.*doctor',
  ):
    answers.table_infos(silent, 1)


def test_a_server_that_was_started_here_has_less_time(silent, monkeypatch):
  monkeypatch.setattr(answers, 'START_SECONDS', 1)
  with pytest.raises(waiting.NoAnswerError, match='for 1 s'):
    answers.check_started(silent)
  assert waiting.ANSWER_SECONDS > answers.START_SECONDS


@pytest.mark.parametrize('call', ['reset', 'checkpoint'])
def test_calls_that_have_no_limit_of_their_own_get_one(call, monkeypatch):
  monkeypatch.setattr(waiting, 'ANSWER_SECONDS', 0.1)
  ended = threading.Event()
  client = mock.Mock(server_address='there:1')
  getattr(client, call).side_effect = lambda *unused: ended.wait()
  arguments = ['table'] if call == 'reset' else []
  with pytest.raises(waiting.NoAnswerError, match='there:1'):
    getattr(answers, call)(client, *arguments)
  ended.set()


def test_answers_and_errors_come_through():
  client = mock.Mock()
  client.checkpoint.return_value = 'folder'
  assert answers.checkpoint(client) == 'folder'
  client.reset.side_effect = RuntimeError('no such table')
  with pytest.raises(RuntimeError, match='no such table'):
    answers.reset(client, 'absent')
  client.reset.assert_called_once_with('absent')


def _limits(client: mock.Mock) -> list[int]:
  return [call.kwargs['timeout'] for call in client.server_info.mock_calls]


def test_all_who_ask_of_tables_have_a_limit():
  client = mock.MagicMock()
  client.server_info.return_value = {'table': mock.Mock(current_size=3)}
  assert tables.has_items([client, client], 'table', 3)
  sharding.make_iterator(client, lambda unused: iter([1]))
  removal = mock.Mock(is_due=True)
  removal.choose.return_value = []
  writer = priorities.PriorityWriter(client, 'table', removal=removal)
  writer.write(np.array([1], np.uint64), np.ones(1), np.ones(1))
  assert writer.flush(10.0)
  writer.close()
  assert _limits(client) == [waiting.LINE_SECONDS] * 4


def test_priorities_that_are_not_answered_are_given_up(monkeypatch, caplog):
  monkeypatch.setattr(waiting, 'ANSWER_SECONDS', 0.1)
  ended = threading.Event()
  shards = [mock.Mock(server_address=f'there:{port}') for port in (1, 2)]
  shards[1].mutate_priorities = lambda *_, **__: ended.wait()
  client = sharding.ShardedClient(shards)
  writer = priorities.PriorityWriter(client, 'table')
  writer.write(np.array([1], np.uint64), np.ones(1))
  assert writer.flush(10.0)
  assert writer.num_failed == 1
  assert 'there:1, there:2 has not answered for' in caplog.text
  ended.set()
  writer.close()
