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
"""Tests of demonstrations that are played faster."""

import numpy as np
import pytest

from environments import demonstrations as demonstrations_lib


def _demonstration(steps: int) -> demonstrations_lib.Demonstration:
  frames = np.arange(steps + 1.0)
  return demonstrations_lib.Demonstration(
    observations={'body': frames[:, np.newaxis].astype(np.float32)},
    states=frames[:, np.newaxis],
    actions=np.zeros((steps, 2), np.float32),
    # That of a step tells the frame that it leads to.
    rewards=frames[1:].astype(np.float32),
    demonstrator='nobody',
    seed=3,
  )


@pytest.mark.parametrize(
  ('steps', 'factor', 'frames'),
  [
    (6, 2.0, [0, 2, 4, 6]),
    (7, 2.0, [0, 2, 4, 5, 7]),
    (9, 1.5, [0, 2, 3, 4, 6, 8, 9]),
    (4, 1.0, [0, 1, 2, 3, 4]),
  ],
)
def test_frames_are_left_out_evenly(steps, factor, frames):
  faster = _demonstration(steps).sped_up(factor)
  np.testing.assert_array_equal(faster.states[:, 0], frames)
  np.testing.assert_array_equal(faster.observations['body'][:, 0], frames)
  np.testing.assert_array_equal(faster.rewards, frames[1:])
  assert (len(faster), faster.seed) == (len(frames) - 1, 3)


def test_no_demonstration_is_slowed_down_or_lost():
  with pytest.raises(ValueError, match=r'factor=0\.5 must be at least 1'):
    _demonstration(6).sped_up(0.5)
  with pytest.raises(demonstrations_lib.DatasetError, match=r'1 step\(s\)'):
    _demonstration(6).sped_up(6.0)
