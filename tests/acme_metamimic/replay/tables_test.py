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

"""Tests for the replay tables."""

from collections.abc import Iterable, Iterator
import contextlib
import functools
import math

from acme import specs
from acme.adders import reverb as reverb_adders
import numpy as np
import pytest
import reverb
import tensorflow as tf

from acme_metamimic.replay import tables as tables_lib
from tests.acme_metamimic.replay import item_writers

SIGNATURE = tf.TensorSpec((), tf.int32)


_imitation_table = functools.partial(
  tables_lib.make_table, name='imitation', priority_exponent=0.6
)
_task_table = functools.partial(tables_lib.make_table, name='task')


@contextlib.contextmanager
def _serve(table: reverb.Table) -> Iterator[reverb.Client]:
  server = reverb.Server([table])
  yield reverb.Client(f'localhost:{server.port}')
  server.stop()


def _insert(
  client: reverb.Client, table: str, priorities: Iterable[float]
) -> None:
  """Inserts the items 0, 1, ... with the given priorities."""
  with item_writers.make_writer(client) as writer:
    for number, priority in enumerate(priorities):
      writer.append(np.int32(number))
      writer.create_item(table, priority, writer.history[-1])
      writer.flush()


def _counts(
  client: reverb.Client, table: str, num_samples: int, num_items: int
) -> np.ndarray:
  samples = client.sample(table, num_samples, emit_timesteps=False)
  numbers = [int(np.squeeze(sample.data[0])) for sample in samples]
  return np.bincount(numbers, minlength=num_items)


def _chi_square(counts: np.ndarray, probabilities: np.ndarray) -> float:
  expected = counts.sum() * np.asarray(probabilities)
  return float(np.sum((counts - expected) ** 2 / expected))


# Three degrees of freedom: exceeded by chance once in a million runs.
CHI_SQUARE_LIMIT = 30.0


@pytest.mark.parametrize('exponent', [0.6, 1.0])
def test_imitation_table_samples_by_priority(exponent):
  priorities = np.array([0.1, 0.5, 1.0, 4.0])
  table = _imitation_table(SIGNATURE, priority_exponent=exponent)
  with _serve(table) as client:
    _insert(client, 'imitation', priorities)
    counts = _counts(client, 'imitation', 20_000, 4)
  weights = priorities**exponent
  assert _chi_square(counts, weights / weights.sum()) < CHI_SQUARE_LIMIT


def test_exponent_defaults_to_0_6():
  priorities = np.array([0.1, 0.5, 1.0, 4.0])
  with _serve(_imitation_table(SIGNATURE)) as client:
    _insert(client, 'imitation', priorities)
    counts = _counts(client, 'imitation', 20_000, 4)
  weights = priorities**0.6
  assert _chi_square(counts, weights / weights.sum()) < CHI_SQUARE_LIMIT


def test_reported_probability_is_the_closed_form():
  priorities = np.array([0.1, 0.5, 1.0, 4.0])
  weights = priorities**0.6
  with _serve(_imitation_table(SIGNATURE)) as client:
    _insert(client, 'imitation', priorities)
    for sample in client.sample('imitation', 50, emit_timesteps=False):
      number = int(np.squeeze(sample.data[0]))
      np.testing.assert_allclose(
        sample.info.probability, weights[number] / weights.sum(), rtol=1e-5
      )


def test_updated_priorities_change_the_frequencies():
  with _serve(_imitation_table(SIGNATURE)) as client:
    _insert(client, 'imitation', [1.0, 1.0, 1.0, 1.0])
    keys = {}
    for sample in client.sample('imitation', 200, emit_timesteps=False):
      keys[int(np.squeeze(sample.data[0]))] = int(np.squeeze(sample.info.key))
    client.mutate_priorities('imitation', updates={keys[2]: 32.0})
    counts = _counts(client, 'imitation', 20_000, 4)
  weights = np.array([1.0, 1.0, 32.0**0.6, 1.0])
  assert _chi_square(counts, weights / weights.sum()) < CHI_SQUARE_LIMIT


@pytest.mark.parametrize(
  'table',
  [
    _task_table(SIGNATURE, name='uniform'),
    _imitation_table(SIGNATURE, name='uniform', priority_exponent=0.0),
  ],
  ids=['task', 'imitation without priorities'],
)
def test_other_tables_sample_uniformly(table):
  with _serve(table) as client:
    _insert(client, 'uniform', [0.1, 0.5, 1.0, 4.0])
    counts = _counts(client, 'uniform', 20_000, 4)
  assert _chi_square(counts, np.full(4, 0.25)) < CHI_SQUARE_LIMIT


def test_full_imitation_table_drops_the_lowest_priority():
  table = _imitation_table(SIGNATURE, max_size=3)
  with _serve(table) as client:
    _insert(client, 'imitation', [2.0, 0.5, 3.0, 1.0, 4.0])
    counts = _counts(client, 'imitation', 500, 5)
  assert list(counts > 0) == [True, False, True, False, True]


@pytest.mark.parametrize(
  'table',
  [
    _task_table(SIGNATURE, name='fifo', max_size=3),
    _imitation_table(SIGNATURE, name='fifo', max_size=3, priority_exponent=0.0),
  ],
  ids=['task', 'imitation without priorities'],
)
def test_other_full_tables_drop_the_oldest(table):
  with _serve(table) as client:
    _insert(client, 'fifo', [4.0, 3.0, 0.5, 2.0, 1.0])
    counts = _counts(client, 'fifo', 500, 5)
  assert list(counts > 0) == [False, False, True, True, True]


def test_tables_default_to_the_papers_capacity():
  tables = [
    _imitation_table(SIGNATURE),
    _task_table(SIGNATURE),
  ]
  assert [table.name for table in tables] == ['imitation', 'task']
  for table in tables:
    with _serve(table) as client:
      assert client.server_info()[table.name].max_size == 1_000_000


@pytest.mark.parametrize('make', [_imitation_table, _task_table])
def test_rate_limiter(make):
  table = make(SIGNATURE, name='table')
  with _serve(table) as client:
    assert not table.can_sample(1)
    _insert(client, 'table', [1.0])
    assert table.can_sample(1)

  limiter = reverb.rate_limiters.MinSize(3)
  table = make(SIGNATURE, name='table', rate_limiter=limiter)
  with _serve(table) as client:
    _insert(client, 'table', [1.0, 1.0])
    assert not table.can_sample(1)
    _insert(client, 'table', [1.0])
    assert table.can_sample(1)


@pytest.mark.slow
def test_tables_refuse_items_of_another_form():
  spec = specs.EnvironmentSpec(
    observations={'body': specs.Array((3,), np.float32)},
    actions=specs.BoundedArray((2,), np.float32, -1.0, 1.0),
    rewards=specs.Array((), np.float32),
    discounts=specs.Array((), np.float32),
  )
  signature = reverb_adders.NStepTransitionAdder.signature(spec)
  with (
    _serve(_task_table(signature)) as client,
    item_writers.make_writer(client) as writer,
  ):
    writer.append(np.int32(0))
    with pytest.raises(ValueError, match='signature'):
      writer.create_item('task', 1.0, writer.history[-1])


@pytest.mark.parametrize('exponent', [-0.4, math.nan, math.inf])
def test_bad_exponent_is_refused(exponent):
  with pytest.raises(
    ValueError, match=rf"priority_exponent={exponent} of table 'mine'.*use 0"
  ):
    _imitation_table(SIGNATURE, name='mine', priority_exponent=exponent)


@pytest.mark.parametrize('max_size', [0, -5])
@pytest.mark.parametrize(
  ('make', 'kwargs'),
  [
    (_imitation_table, {}),
    (_imitation_table, {'priority_exponent': 0.0}),
    (_task_table, {}),
  ],
)
def test_bad_capacity_is_refused(make, kwargs, max_size):
  with pytest.raises(
    ValueError, match=f"max_size={max_size} of table 'mine'.*use max_size >= 1"
  ):
    make(SIGNATURE, name='mine', max_size=max_size, **kwargs)


def test_initial_priority_is_the_loss_of_uniform_predictions():
  assert tables_lib.initial_priority(101) == pytest.approx(4.61512)


@pytest.mark.parametrize('num_atoms', [1, 0, -1])
def test_initial_priority_needs_two_atoms(num_atoms):
  with pytest.raises(ValueError, match=f'num_atoms={num_atoms}.*at least two'):
    tables_lib.initial_priority(num_atoms)
