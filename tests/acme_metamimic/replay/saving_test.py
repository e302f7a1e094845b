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
"""Tests of keeping what a replay server holds."""

import contextlib
import pathlib
import threading
from typing import Iterator, List
from unittest import mock

import numpy as np
import pytest
import reverb

from acme_metamimic import waiting
from acme_metamimic.replay import saving
from tests.acme_metamimic.replay import item_writers


@contextlib.contextmanager
def _server(folder: pathlib.Path) -> Iterator[reverb.Client]:
  table = reverb.Table(
    'table',
    reverb.selectors.Fifo(),
    reverb.selectors.Fifo(),
    max_size=100,
    rate_limiter=reverb.rate_limiters.MinSize(1),
  )
  server = reverb.Server(
    [table], checkpointer=saving.make_checkpointer(str(folder))
  )
  yield reverb.Client(f'localhost:{server.port}')
  server.stop()


def _insert(client: reverb.Client, *values: float) -> None:
  with item_writers.make_writer(client) as writer:
    for value in values:
      writer.append({'value': np.float32(value)})
      writer.create_item(
        'table', value, {'value': writer.history['value'][-1:]}
      )


def _size(client: reverb.Client) -> int:
  return client.server_info()['table'].current_size


# TensorFlow would read the second as a pattern.
@pytest.mark.parametrize('name', ['replay', 'lr=[3e-4,1e-4] x'])
def test_server_starts_from_what_was_saved_last(tmp_path, name):
  folder = tmp_path / name
  assert saving.saved_bytes(str(folder)) == 0
  with _server(folder) as client:
    _insert(client, 1.0, 2.0)
    assert saving.save(client, str(folder))
    first = saving.saved_bytes(str(folder))
    assert first > 0
    _insert(client, 3.0)
    assert saving.save(client, str(folder))
    _insert(client, 4.0)
  with _server(folder) as client:
    assert _size(client) == 3
    items = list(client.sample('table', 3, emit_timesteps=False))
    assert [float(item.data[0][0]) for item in items] == [1.0] * 3
    assert [item.info.priority for item in items] == [1.0] * 3
  # What was saved before goes, or the disk would fill up.
  assert len([p for p in folder.iterdir() if (p / 'DONE').exists()]) <= 2


def test_server_without_anything_saved_starts_empty(tmp_path):
  with _server(tmp_path / 'replay') as client:
    assert _size(client) == 0


def test_size_is_that_of_all_files(tmp_path):
  (tmp_path / 'a' / 'b').mkdir(parents=True)
  (tmp_path / 'a' / 'one').write_bytes(bytes(3))
  (tmp_path / 'a' / 'b' / 'two').write_bytes(bytes(4))
  assert saving.saved_bytes(str(tmp_path)) == 7
  assert saving.saved_bytes(str(tmp_path / 'absent')) == 0


def test_replay_that_cannot_be_saved_leaves_the_last_one(tmp_path):
  class Full:
    server_address = 'there:1'

    def checkpoint(self) -> str:
      (tmp_path / 'new').mkdir()
      raise IndexError('No space left on device')

  (tmp_path / 'old').mkdir()
  (tmp_path / 'old' / 'DONE').write_text('')
  with _errors() as errors:
    assert not saving.save(Full(), str(tmp_path))
  assert [path.name for path in tmp_path.iterdir()] == ['old']
  assert 'No space left on device' in errors[0]
  assert 'make room' in errors[0]


@contextlib.contextmanager
def _errors() -> Iterator[List[str]]:
  with mock.patch.object(saving.logging, 'error') as error:
    said: List[str] = []
    error.side_effect = lambda text, *values: said.append(text % values)
    yield said


def test_a_server_that_is_still_writing_keeps_what_it_writes(
  tmp_path, monkeypatch, caplog
):
  monkeypatch.setattr(waiting, 'ANSWER_SECONDS', 0.1)
  (tmp_path / 'now').mkdir()
  written = threading.Event()
  client = mock.Mock(server_address='there:1', checkpoint=written.wait)
  assert not saving.save(client, str(tmp_path))
  assert 'there:1 has not answered' in caplog.text
  assert (tmp_path / 'now').exists()
  written.set()
