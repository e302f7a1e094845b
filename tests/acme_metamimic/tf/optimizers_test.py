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

"""Tests of the fused optimizer against Sonnet's."""

import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf

from acme_metamimic.tf import optimizers

_SHAPES = ((3, 4), (4,), ())


def _make_parameters():
  random_state = np.random.RandomState(0)
  return [
    tf.Variable(np.float32(random_state.randn(*shape))) for shape in _SHAPES
  ]


def _make_updates(step):
  random_state = np.random.RandomState(step)
  # From far above to far below epsilon, where its place in the formula counts.
  scale = 10.0 ** random_state.uniform(-10, 2)
  updates = [
    tf.constant(np.float32(scale * random_state.randn(*shape)))
    for shape in _SHAPES
  ]
  if step == 3:
    updates[1] = None
  return updates


@pytest.mark.parametrize(
  'arguments',
  [
    {'learning_rate': 1e-2},
    {'learning_rate': 0.1, 'beta1': 0.5, 'beta2': 0.9, 'epsilon': 1e-3},
  ],
)
def test_equals_sonnets_adam(arguments):
  ours, sonnets = _make_parameters(), _make_parameters()
  fused = optimizers.FusedAdam(**arguments)
  adam = snt.optimizers.Adam(**arguments)
  for step in range(20):
    updates = _make_updates(step)
    fused.apply(updates, ours)
    adam.apply(updates, sonnets)
    for a, b in zip(ours, sonnets, strict=True):
      np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
  for a, b in zip(
    (fused.step, *fused.m, *fused.v), (adam.step, *adam.m, *adam.v), strict=True
  ):
    np.testing.assert_allclose(a, b, rtol=1e-5)


def test_traced_equals_eager():
  traced, eager = _make_parameters(), _make_parameters()
  optimizer = optimizers.FusedAdam(1e-2)
  apply = tf.function(lambda updates: optimizer.apply(updates, traced))
  other = optimizers.FusedAdam(1e-2)
  for step in range(3):
    apply(_make_updates(step))
    other.apply(_make_updates(step), eager)
  for a, b in zip(traced, eager, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-6)


def test_continues_sonnets_checkpoint(tmp_path):
  parameters, expected = _make_parameters(), _make_parameters()
  adam = snt.optimizers.Adam(1e-2)
  for step in range(2):
    adam.apply(_make_updates(step), expected)
  path = tf.train.Checkpoint(p=expected, o=adam).save(str(tmp_path / 'ckpt'))
  adam.apply(_make_updates(2), expected)

  fused = optimizers.FusedAdam(1e-2)
  tf.train.Checkpoint(p=parameters, o=fused).restore(path)
  fused.apply(_make_updates(2), parameters)

  for a, b in zip(parameters, expected, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-6)


def test_sparse_gradient_is_refused():
  parameter = tf.Variable(tf.zeros([3, 2]))
  update = tf.IndexedSlices(tf.ones([1, 2]), tf.constant([1]))
  with pytest.raises(TypeError, match=r'use snt\.optimizers\.Adam'):
    optimizers.FusedAdam().apply([update], [parameter])


@pytest.mark.parametrize(('num_updates', 'num_parameters'), [(0, 0), (1, 2)])
def test_numbers_that_do_not_match_are_refused(num_updates, num_parameters):
  with pytest.raises(ValueError, match=f'{num_updates} updates do not match'):
    optimizers.FusedAdam().apply(
      [tf.zeros([])] * num_updates,
      [tf.Variable(0.0) for _ in range(num_parameters)],
    )


def test_schedules_go_linearly_to_their_end_and_stay():
  schedule = optimizers.linear_schedule(3.0, 1.0, 4)
  values = [float(schedule(tf.constant(step))) for step in (0, 1, 2, 4, 9)]
  assert values == pytest.approx([3.0, 2.5, 2.0, 1.0, 1.0])


def test_a_scheduled_rate_is_that_of_the_optimizers_own_steps():
  ours, sonnets = _make_parameters(), _make_parameters()
  fused = optimizers.FusedAdam(optimizers.linear_schedule(1e-1, 1e-3, 10))
  rate = tf.Variable(0.0)
  adam = snt.optimizers.Adam(rate)
  apply = tf.function(fused.apply)
  for step in range(15):
    rate.assign(1e-1 + (1e-3 - 1e-1) * min(step / 10, 1.0))
    updates = _make_updates(100)
    apply(updates, ours)
    adam.apply(updates, sonnets)
    for one, other in zip(ours, sonnets):
      np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
