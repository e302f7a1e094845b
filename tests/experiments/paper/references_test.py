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
"""Tests of the reference lines."""

import numpy as np
import pytest

from environments import demonstrations
from experiments import overrides
from experiments import perturbed_starts
from experiments import presets
from experiments.domains import block_stacking
from experiments.paper import references

_SMALL = ('domain.image_size=32',)


def _following(preset, dataset):
  experiment = overrides.apply(presets.make(preset), _SMALL)
  assert isinstance(experiment.domain, block_stacking.BlockStacking)
  training, validation = (
    demonstrations.load(f'{dataset}/{part}') for part in ('train', 'validation')
  )
  return experiment, training, validation


@pytest.mark.slow
@pytest.mark.parametrize(
  ('preset', 'fixture'),
  [('features', 'short_dataset'), ('pixels', 'image_dataset')],
)
def test_there_is_a_row_for_each_line(preset, fixture, request):
  dataset = request.getfixturevalue(fixture)
  experiment, training, validation = _following(preset, dataset)
  still = np.zeros(9, np.float32)
  rows = references.rows(
    experiment, experiment.domain, training, validation, lambda _: still, 2
  )
  found = {str(row['policy']): row for row in rows}
  assert len(found) == 8
  assert all(row['episodes'] == len(validation) for row in rows)
  assert found['actions replayed']['imitation_reward'] == pytest.approx(1.0)
  moved = found['actions replayed, start perturbed']
  assert moved['imitation_reward'] != pytest.approx(1.0, abs=0.01)
  # The policy that is given stands still.
  for column in ('imitation_reward', 'task_return'):
    expected = found['standing still'][column]
    assert found['imitation policy'][column] == pytest.approx(expected)


def test_what_is_cloned_is_what_the_policy_would_see(image_dataset):
  experiment, training, _ = _following('pixels', image_dataset)
  with perturbed_starts.following(experiment.domain, training) as environment:
    seen, actions = references._pairs(environment)
    environment.start(0)
    later = environment.step(training[0].actions[0]).observation
  assert set(seen) == set(later)
  assert set(seen['goal']) == set(later['goal'])
  np.testing.assert_array_equal(actions[0], training[0].actions[0])
  for key in ('close_image', 'body'):
    np.testing.assert_array_equal(seen[key][1], later[key])
    goal = training[0].observations[key][2]
    np.testing.assert_array_equal(seen['goal'][key][1], goal)
  np.testing.assert_allclose(
    seen['last_action'][1], later['last_action'], atol=1e-6
  )
  start = len(training[0])
  np.testing.assert_array_equal(
    seen['last_action'][[0, start]], np.zeros((2, 9))
  )
