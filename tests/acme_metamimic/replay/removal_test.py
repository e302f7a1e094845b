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
"""Tests of proportional removal, against its closed form."""

from typing import List, Tuple

import numpy as np
import pytest
import reverb
import tensorflow as tf

from acme_metamimic.replay import priorities as priorities_lib
from acme_metamimic.replay import removal as removal_lib
from acme_metamimic.replay import tables
from tests.acme_metamimic.replay import item_writers

PRIORITIES = np.array([0.05, 0.5, 1.0, 8.0])
# Three degrees of freedom: exceeded by chance once in a million runs.
CHI_SQUARE_LIMIT = 30.0
TIMEOUT = 20.0


def _chi_square(counts: np.ndarray, probabilities: np.ndarray) -> float:
  expected = counts.sum() * probabilities
  return float(np.sum((counts - expected) ** 2 / expected))


def _closed_form(exponent: float) -> np.ndarray:
  weights = PRIORITIES**exponent
  return weights / weights.sum()


@pytest.mark.parametrize('exponent', [-0.4, -1.0, 0.0])
def test_frequencies_are_the_closed_form(exponent):
  random_state = np.random.RandomState(0)
  removal = removal_lib.ProportionalRemoval(39, exponent=exponent, seed=1)
  # Ten items of each priority, sampled as from a prioritised table.
  priorities = np.repeat(PRIORITIES, 10)
  probabilities = priorities**0.6 / np.sum(priorities**0.6)
  counts = np.zeros(4)
  for _ in range(3000):
    drawn = random_state.choice(40, 4000, p=probabilities)
    removal.add(drawn, priorities[drawn], probabilities[drawn])
    (key,) = removal.choose(size=40)
    counts[key // 10] += 1
  assert _chi_square(counts, _closed_form(exponent)) < CHI_SQUARE_LIMIT


def test_several_at_once_are_distinct_and_drawn_without_replacement():
  removal = removal_lib.ProportionalRemoval(2, exponent=-1.0, seed=0)
  pairs = np.zeros((4, 4))
  for _ in range(3000):
    keys = np.arange(4)
    removal.add(keys, PRIORITIES, np.full(4, 0.25))
    first, second = removal.choose(size=4)
    pairs[first, second] += 1
  assert not pairs.diagonal().any()
  p = _closed_form(-1.0)
  expected = np.array(
    [[p[i] * p[j] / (1 - p[i]) for j in range(4)] for i in range(4)]
  )
  np.fill_diagonal(expected, 0.0)
  np.testing.assert_allclose(pairs / 3000, expected, atol=0.03)


def test_removes_the_excess_and_no_more_than_was_sampled():
  removal = removal_lib.ProportionalRemoval(10, period=2)
  keys = np.array([2**63 + 5, 7, 7, 9], np.uint64)
  removal.add(keys, np.ones(4), np.full(4, 0.1))
  assert not removal.is_due
  removal.add(keys, np.ones(4), np.full(4, 0.1))
  assert removal.is_due
  assert len(removal.choose(size=12)) == 2
  assert not removal.is_due
  assert removal.choose(size=12) == []
  removal.add(keys, np.ones(4), np.full(4, 0.1))
  assert sorted(removal.choose(size=100)) == [7, 9, 2**63 + 5]
  removal.add(keys, np.ones(4), np.full(4, 0.1))
  assert removal.choose(size=9) == []


def test_last_priority_of_an_item_counts():
  removal = removal_lib.ProportionalRemoval(1, exponent=-4.0, seed=0)
  chosen = []
  for _ in range(50):
    removal.add(np.array([1, 2]), np.array([0.01, 1.0]), np.full(2, 0.5))
    removal.add(np.array([1, 2]), np.array([100.0, 1.0]), np.full(2, 0.5))
    chosen += removal.choose(size=2)
  assert chosen == [2] * 50


def test_zero_priority_is_removed_first():
  removal = removal_lib.ProportionalRemoval(1, exponent=-4.0, seed=0)
  removal.add(np.array([1, 2]), np.array([0.0, 1.0]), np.full(2, 0.5))
  assert removal.choose(size=2) == [1]


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    ({'capacity': 0}, 'capacity=0'),
    ({'capacity': 1, 'period': 0}, 'period=0'),
    ({'capacity': 1, 'exponent': 0.4}, 'exponent=0.4.*such as -0.4'),
    ({'capacity': 1, 'exponent': float('nan')}, 'exponent=nan'),
  ],
)
def test_bad_arguments_are_refused(arguments, message):
  with pytest.raises(ValueError, match=message):
    removal_lib.ProportionalRemoval(**arguments)


class _Memory:
  """A prioritised table of integers on a server of its own."""

  def __init__(self) -> None:
    table = tables.make_table(
      tf.TensorSpec((), tf.int32), name='imitation', priority_exponent=0.6
    )
    self._server = reverb.Server([table])
    self.client = reverb.Client(f'localhost:{self._server.port}')
    self._writer = item_writers.make_writer(self.client)

  def insert(self, group: int) -> None:
    self._writer.append(np.int32(group))
    self._writer.create_item(
      'imitation', PRIORITIES[group], self._writer.history[-1]
    )
    self._writer.flush()

  def sample(self, count: int) -> Tuple[np.ndarray, ...]:
    """Returns keys, priorities, probabilities and groups."""
    samples = self.client.sample('imitation', count, emit_timesteps=False)
    rows: List[tuple] = [
      (
        int(np.squeeze(sample.info.key)),
        float(np.squeeze(sample.info.priority)),
        float(np.squeeze(sample.info.probability)),
        int(np.squeeze(sample.data[0])),
      )
      for sample in samples
    ]
    keys, priorities, probabilities, groups = zip(*rows, strict=True)
    return (
      np.array(keys, np.uint64),
      np.array(priorities),
      np.array(probabilities),
      np.array(groups),
    )

  @property
  def size(self) -> int:
    return self.client.server_info()['imitation'].current_size

  def stop(self) -> None:
    self._writer.close()
    self._server.stop()


class _RecordingRemoval(removal_lib.ProportionalRemoval):
  """Remembers what it chose last."""

  chosen: List[int]

  def choose(self, size: int) -> List[int]:
    self.chosen = super().choose(size)
    return self.chosen


@pytest.mark.slow
def test_a_server_loses_items_in_proportion():
  memory = _Memory()
  removal = _RecordingRemoval(7, period=1, seed=0)
  writer = priorities_lib.PriorityWriter(
    memory.client, 'imitation', removal=removal
  )
  for group in (0, 1, 2, 3, 0, 1, 2, 3):
    memory.insert(group)
  counts = np.zeros(4)
  for _ in range(400):
    keys, priorities, probabilities, groups = memory.sample(150)
    writer.write(keys, priorities, probabilities)
    assert writer.flush(TIMEOUT)
    assert memory.size == 7
    (key,) = removal.chosen
    group = groups[keys.tolist().index(key)]
    counts[group] += 1
    memory.insert(group)
    assert memory.size == 8
  writer.close()
  memory.stop()
  assert _chi_square(counts, _closed_form(-0.4)) < CHI_SQUARE_LIMIT
