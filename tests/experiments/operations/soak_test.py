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

"""Tests of what the soak makes of its samples."""

import csv

import pytest

from experiments.operations import soak


def _samples(**slopes: float) -> list[soak.Sample]:
  return [
    {
      'minutes': minute,
      # All grow while they start.
      **{n: min(100.0 * minute, 500.0) + k * minute for n, k in slopes.items()},
    }
    for minute in range(31)
  ]


def test_growth_is_that_after_the_warm_up():
  samples = _samples(flat=0.0, leaks=10.0)
  assert soak.growth(samples, 'flat') == pytest.approx(0.0, abs=1e-9)
  # From 650 to 800 MB.
  assert soak.growth(samples, 'leaks') == pytest.approx(150 / 725, rel=0.01)


def test_one_that_was_seen_once_has_not_grown():
  samples = _samples(flat=0.0)
  samples[-1] = {**samples[-1], 'late': 5.0}
  assert soak.growth(samples, 'late') == 0.0


def test_all_is_written(tmp_path):
  samples = _samples(**{'replay/0': 1.0, 'counter/0': 0.0})
  soak.write(str(tmp_path), samples)
  with open(tmp_path / 'memory.csv', newline='') as file:
    rows = list(csv.DictReader(file))
  assert len(rows) == 31
  assert float(rows[-1]['replay/0']) == 530.0
  assert (
    '| replay/0 | 515 | 530 | +2.9% |' in (tmp_path / 'soak.md').read_text()
  )
  assert (tmp_path / 'memory.png').stat().st_size > 1000
