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
"""Tests of what is lost where the blocks are not where they were."""

import numpy as np
import pytest

from environments.block_stacking import features
from experiments import perturbed_starts
from experiments.domains import block_stacking
from experiments.studies import measure_grasp_margin

_BLOCKS = features.BLOCKS_LAYOUT
_DOMAIN = block_stacking.BlockStacking()


def test_both_blocks_are_moved_along_the_table_and_nothing_else(training_set):
  demonstration = training_set[0]
  (moved,) = perturbed_starts.move_blocks(_DOMAIN, [demonstration], 0.02)
  environment = _DOMAIN.load(('body', 'blocks'))
  frames = [
    environment.reset_to(one.states[0]).observation
    for one in (demonstration, moved)
  ]
  np.testing.assert_array_equal(frames[0]['body'], frames[1]['body'])
  for part in ('top_position', 'bottom_position'):
    where = [frame['blocks'][_BLOCKS[part]] for frame in frames]
    assert np.linalg.norm((where[1] - where[0])[:2]) == pytest.approx(
      0.02, abs=1e-5
    )
    assert where[1][2] == pytest.approx(where[0][2], abs=1e-5)
  # The goals are those of before.
  for key, shown in demonstration.observations.items():
    np.testing.assert_array_equal(moved.observations[key], shown)
  np.testing.assert_array_equal(moved.states[1:], demonstration.states[1:])


def test_what_is_lost_grows_with_the_distance(dataset, capsys):
  measure_grasp_margin.main(
    [f'{dataset}/train', '--distances', '0', '8', '--max-episodes=2']
  )
  rows = [
    [cell.strip() for cell in line.strip('|').split('|')]
    for line in capsys.readouterr().out.splitlines()[2:]
  ]
  assert rows[0] == ['0', '1.000', '100%']
  # The hand closes beside the block.
  assert (rows[1][0], rows[1][2]) == ('8', '0%')


def test_a_negative_distance_is_refused(dataset):
  with pytest.raises(SystemExit, match=r'distance=-0\.01 must be'):
    measure_grasp_margin.main([f'{dataset}/train', '--distances=-1'])


def test_a_missing_dataset_is_refused(tmp_path):
  with pytest.raises(SystemExit, match='There is no dataset at'):
    measure_grasp_margin.main([str(tmp_path / 'none')])
