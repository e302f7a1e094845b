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
"""Tests of waiting with a line from time to time, and a limit."""

from concurrent import futures

import pytest

from acme_metamimic import waiting


def _never(tried: list[float]):
  def call(seconds: float) -> int:
    tried.append(seconds)
    raise waiting.NotYetError

  return call


def test_a_wait_says_so_each_minute_and_ends(caplog):
  tried: list[float] = []
  with pytest.raises(
    waiting.NoAnswerError,
    match=r'^the server at here:1 has not answered for 150 s: look there\.$',
  ):
    waiting.attempt(_never(tried), 'the server at here:1', 'look there.', 150)
  assert tried == [60, 60, 30]
  assert [record.getMessage() for record in caplog.records] == [
    'Still waiting for the server at here:1, which has not answered for '
    f'{seconds} s.'
    for seconds in (60, 120)
  ]


def test_a_wait_of_an_hour_by_default():
  tried: list[float] = []
  with pytest.raises(waiting.NoAnswerError, match='for 3600 s'):
    waiting.attempt(_never(tried), 'it', '')
  assert sum(tried) == waiting.ANSWER_SECONDS == 3600


def test_an_answer_comes_through_late(caplog):
  tried: list[float] = []

  def call(seconds: float) -> int:
    if len(tried) == 2:
      return 3
    return _never(tried)(seconds)

  assert waiting.attempt(call, 'it', '') == 3
  assert len(caplog.records) == 2


def test_results_and_errors_of_a_future_come_through():
  future: futures.Future = futures.Future()
  with pytest.raises(waiting.NoAnswerError, match='it has not answered'):
    waiting.result(future, 'it', '', 0.01)
  future.set_result(3)
  assert waiting.result(future, 'it', '') == 3
  failed: futures.Future = futures.Future()
  failed.set_exception(TimeoutError('its own'))
  with pytest.raises(TimeoutError, match='its own'):
    waiting.result(failed, 'it', '')
