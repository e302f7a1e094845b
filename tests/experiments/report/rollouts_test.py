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
import numpy as np
import pytest

from environments import rewards
from experiments import evaluation
from experiments.report import rollouts


def _rollout(ratio: float, **options) -> rollouts.Rollout:
  return rollouts.Rollout(
    **{
      'index': 0,
      'demonstration_return': 100.0,
      'task_return': 100.0 * ratio,
      'stage': 'lifted',
      'stacked': False,
      'parted_at': None,
      'parted_in': None,
      'stacked_at': None,
      'demonstration_stacked_at': 90,
      'imitation_rewards': {'body': 0.5},
      'hand_error': 0.1,
      'block_error': 0.1,
      'action_jerk': 0.0,
      'demonstration_states': np.zeros((2, 3)),
      'states': np.zeros((2, 3)),
      **options,
    }
  )


def test_replayed_actions_never_part(following):
  replay = evaluation.replay_actions(following)
  rollout = rollouts.roll_out(following, replay, 1)
  assert rollout.ratio == pytest.approx(1.0)
  assert rollout.stacked
  assert rollout.stage == 'stacked'
  assert rollout.outcome == 'stacked'
  assert rollout.parted_at is None
  assert rollout.stacked_at == rollout.demonstration_stacked_at
  assert rollout.imitation_rewards == pytest.approx(
    {'body': 1.0, 'blocks': 1.0}
  )
  assert rollout.hand_error == pytest.approx(0.0, abs=1e-6)
  assert rollout.block_error == pytest.approx(0.0, abs=1e-6)
  actions = following.demonstration.actions
  second = actions[2:] - 2.0 * actions[1:-1] + actions[:-2]
  assert rollout.action_jerk == pytest.approx(
    np.sqrt((second**2).sum(axis=1)).mean(), rel=1e-5
  )
  np.testing.assert_allclose(
    rollout.states, rollout.demonstration_states, atol=1e-6
  )


def test_standing_still_parts_from_a_demonstration(following):
  rollout = rollouts.roll_out(following, lambda _: np.zeros(9, np.float32), 0)
  assert rollout.task_return < 0.2 * rollout.demonstration_return
  assert not rollout.stacked
  assert rollout.stacked_at is None
  assert rollout.action_jerk == 0.0
  assert rollout.block_error > 0.01
  step = rollout.parted_at
  assert step is not None
  # By hand: the first step at which the vectors to the block are 10 cm apart.
  assert 1 < step < len(rollout.states)
  expected = rollouts.stage(following.demonstration.rewards[step - 1])
  assert rollout.parted_in == expected
  assert f'parted at step {step} ({expected})' in rollout.outcome


def test_survival_counts_those_still_tracked():
  parted = [None, 1, 3, None]
  steps, shares = rollouts.survival(
    [_rollout(0.5, parted_at=at, states=np.zeros((5, 3))) for at in parted]
  )
  np.testing.assert_array_equal(steps, range(5))
  np.testing.assert_allclose(shares, [1.0, 0.75, 0.75, 0.5, 0.5])


def test_stages_are_those_of_the_reward():
  names = [
    rollouts.stage(value)
    for value in (
      rewards.NOTHING,
      rewards.REACHED,
      rewards.LIFTED,
      rewards.STACKED,
    )
  ]
  assert names == ['approach', 'reached', 'lifted', 'stacked']


def test_failures_come_first():
  ordered = rollouts.failures_first(
    [_rollout(0.9), _rollout(0.1), _rollout(0.5)]
  )
  assert [r.ratio for r in ordered] == [0.1, 0.5, 0.9]
