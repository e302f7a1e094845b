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
import math
from typing import Any

import dm_env
import numpy as np
import pytest

from environments import block_stacking
from environments import fixed_starts
from experiments import task_evaluation


class _Rewarding:
  """An episode has the rewards of the state that it starts at."""

  def reset_to(self, state, restart_clock=False):
    assert restart_clock
    self._rewards = list(state)
    return dm_env.restart(np.float32(0.0))

  def step(self, action):
    reward = self._rewards.pop(0) * action
    make = dm_env.transition if self._rewards else dm_env.truncation
    return make(reward, np.float32(0.0))


def _environment(*episodes) -> fixed_starts.FixedStarts:
  environment: Any = _Rewarding()
  return fixed_starts.FixedStarts(environment, episodes)


def test_metrics_of_episodes():
  environment = _environment(
    [0.0, 0.125, 1.0, 0.25, 1.0], [0.25, 1.0, 0.25], [0.0, 0.0]
  )
  stacked, slipped, idle = task_evaluation.run_episodes(
    environment, lambda _: 1.0
  )
  assert stacked == task_evaluation.TaskMetrics(2.375, True, 3.0)
  # It was stacked, and is no longer at the end.
  assert slipped == task_evaluation.TaskMetrics(1.5, False, 2.0)
  assert idle == task_evaluation.TaskMetrics(0.0, False, math.inf)
  summary = task_evaluation.summary([stacked, slipped, idle])
  returns = np.array([2.375, 1.5, 0.0])
  assert summary == pytest.approx(
    {
      'task_return': returns.mean(),
      'standard_error': returns.std(ddof=1) / math.sqrt(3),
      'stacked': 1 / 3,
      # Of those that did.
      'first_stacked': 2.5,
    }
  )
  assert math.isnan(task_evaluation.summary([idle])['first_stacked'])


def test_as_many_episodes_as_there_are_starts_or_fewer():
  environment = _environment([1.0], [2.0], [3.0])
  for number, returns in ((2, [1, 2]), (None, [1, 2, 3]), (9, [1, 2, 3])):
    metrics = task_evaluation.run_episodes(environment, lambda _: 1.0, number)
    assert [m.task_return for m in metrics] == returns


def test_demonstrators_stand_beside_policies_from_the_same_starts():
  loaded = block_stacking.load(('body', 'blocks'), 0, 200)
  environment = fixed_starts.FixedStarts(
    loaded, fixed_starts.draw_states(loaded, 2)
  )
  idle, brisk = task_evaluation.table_rows(
    environment, {'idle': lambda _: np.zeros(9, np.float32)}, ['brisk']
  )
  loaded.close()
  assert (idle['policy'], idle['episodes']) == ('idle', 2)
  assert brisk['policy'] == 'demonstrator brisk'
  assert set(idle) == set(brisk) == set(task_evaluation.TITLES)
  assert idle['stacked'] == 0.0
  # It stacks both in half of the time.
  assert brisk['stacked'] == 1.0
  assert brisk['first_stacked'] < 130
  assert brisk['task_return'] > 80.0
