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
"""Tests of what is sampled from two tables."""

from typing import Any

import numpy as np
import pytest
import reverb
import tensorflow as tf

from acme_metamimic.d4pgfd import sampling


def _sample(key: int, priority: float, probability: float, size: int) -> Any:
  info = reverb.SampleInfo(
    key=tf.constant(key, tf.uint64),
    probability=tf.constant(probability, tf.float64),
    table_size=tf.constant(size, tf.int64),
    priority=tf.constant(priority, tf.float64),
  )
  return reverb.ReplaySample(info=info, data=tf.constant(key))


def test_two_tables_are_sampled_as_one():
  exponent = 0.5
  tables = [np.array([1.0, 4.0]), np.array([9.0, 16.0, 25.0])]
  union = np.concatenate(tables) ** exponent
  random_state = np.random.RandomState(0)
  tf.random.set_seed(0)
  choose = tf.function(sampling.choose)
  counts = np.zeros(5)
  for _ in range(3000):
    drawn = []
    for first_key, priorities in zip((0, 2), tables, strict=True):
      p = priorities**exponent / np.sum(priorities**exponent)
      i = random_state.choice(len(p), p=p)
      drawn.append(_sample(first_key + i, priorities[i], p[i], len(p)))
    sample = choose(*drawn, tf.constant(exponent, tf.float64))
    key = int(sample.data)
    counts[key] += 1
    assert int(sample.info.table_size) == 5
    assert float(sample.info.probability) == pytest.approx(
      union[key] / union.sum()
    )
  expected = 3000 * union / union.sum()
  # Four degrees of freedom: exceeded by chance once in a million runs.
  assert np.sum((counts - expected) ** 2 / expected) < 33.0
