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

"""Tests of the contact sheet."""

import numpy as np
import pytest

from environments import block_stacking
from environments.block_stacking import demonstrators
from experiments.studies import contact_sheet


def test_frames_show_the_stages():
  environment = block_stacking.load(('image',), image_size=(48, 48))
  style = demonstrators.STYLES['brisk']
  frames = contact_sheet.frames(environment, style, seed=0)
  environment.close()
  assert len(frames) == 1 + len(contact_sheet.PHASES)
  for frame in frames:
    assert frame.shape == (48, 48, 3)
    assert frame.dtype == np.uint8
  red = [(f[..., 0] > 2 * f[..., 1].astype(int)) for f in frames]
  rows = [np.argwhere(mask)[:, 0].mean() for mask in red]
  # Up in the image when carried, and down again onto the other block.
  assert rows[contact_sheet.PHASES.index('carry') + 1] < rows[-1]


def test_episodes_that_end_early_are_refused():
  environment = block_stacking.load(
    ('image',), image_size=(8, 8), episode_length=30
  )
  style = demonstrators.STYLES['brisk']
  with pytest.raises(ValueError, match=r"seed 0 .*'carry'.*another seed"):
    contact_sheet.frames(environment, style, seed=0)
  environment.close()


def test_sheet_puts_frames_side_by_side():
  rows = [
    [np.full((4, 6, 3), 10 * row + column, np.uint8) for column in range(3)]
    for row in range(2)
  ]
  sheet = contact_sheet.sheet(rows)
  assert sheet.shape == (2 * (4 + 2), 3 * (6 + 2), 3)
  for row in range(2):
    for column in range(3):
      cell = sheet[6 * row : 6 * row + 6, 8 * column : 8 * column + 8]
      np.testing.assert_array_equal(cell[:4, :6], 10 * row + column)
      np.testing.assert_array_equal(cell[4:], 255)
      np.testing.assert_array_equal(cell[:, 6:], 255)
