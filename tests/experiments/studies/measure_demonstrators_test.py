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

"""Tests of what is measured of demonstrators."""

import numpy as np
import pytest

from environments import block_stacking
from environments import demonstrations as demonstrations_lib
from environments.block_stacking import demonstrators
from environments.block_stacking import features
from experiments.studies import measure_demonstrators


def _demonstration(rewards: list[float], speed: float):
  steps = len(rewards)
  body = np.zeros((steps + 1, 36), np.float32)
  body[:, features.BODY_LAYOUT['hand_velocity']] = (0.0, speed, 0.0)
  return demonstrations_lib.Demonstration(
    observations={'body': body},
    states=np.zeros((steps + 1, 1)),
    actions=np.zeros((steps, 9), np.float32),
    rewards=np.array(rewards, np.float32),
    demonstrator='known',
    seed=0,
  )


def test_summary_of_known_episodes():
  recorded = [
    _demonstration([0.0, 0.125, 1.0, 1.0], 0.3),
    _demonstration([0.0, 0.0, 0.125, 0.0, 1.0, 1.0], 0.3),
  ]
  row = measure_demonstrators.summarize(recorded, attempts=4)
  assert row.attempts == 4
  assert row.stacked == 0.5
  assert row.mean_return == 2.125
  assert row.std_return == 0.0
  assert row.steps_to_stack == 3.0
  assert row.length == 5.0
  assert row.hand_speed == pytest.approx(0.3)


def test_nothing_stacked_is_refused():
  with pytest.raises(ValueError, match='None of 3 attempts stacks; check'):
    measure_demonstrators.summarize([], attempts=3)


def test_attempts_have_the_seeds_from_zero_on():
  environment = block_stacking.load(('body',))
  style = demonstrators.STYLES['brisk']
  row = measure_demonstrators.measure(environment, style, attempts=3)
  environment.close()
  assert row.attempts == 3
  assert row.stacked >= 1 / 3
  assert 40 < row.mean_return < 80
  assert row.hand_speed < style.speed * (1 + style.speed_spread)
