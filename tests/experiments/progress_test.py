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
"""Tests of progress bars where there is no terminal."""

import io
import sys
from unittest import mock

import tqdm

from experiments import progress


def _draw(file: io.StringIO, seconds: int) -> None:
  """Draws a bar each second."""
  with mock.patch.object(progress.time, 'monotonic') as clock:
    clock.return_value = 0.0
    with tqdm.tqdm(
      total=seconds, bar_format='{n_fmt} of {total_fmt}', file=file
    ) as bar:
      for now in range(1, seconds + 1):
        clock.return_value = float(now)
        bar.n = now
        bar.refresh()


def test_a_line_every_half_minute_and_one_at_the_end(monkeypatch):
  log = io.StringIO()
  monkeypatch.setattr(sys, 'stderr', log)
  with mock.patch.object(progress.time, 'monotonic', return_value=0.0):
    stream = progress.stream()
  _draw(stream, 100)  # type: ignore[arg-type]
  assert log.getvalue().splitlines() == [
    '30 of 100',
    '60 of 100',
    '90 of 100',
    '100 of 100',
  ]
  assert '\r' not in log.getvalue()


def test_a_terminal_is_drawn_on(monkeypatch):
  terminal = mock.Mock(**{'isatty.return_value': True})
  monkeypatch.setattr(sys, 'stderr', terminal)
  assert progress.stream() is terminal
