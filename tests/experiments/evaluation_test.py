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
"""Tests of the one-shot evaluation, against steps taken by hand."""

import dataclasses

import dm_env
import numpy as np
import pytest

from environments import block_stacking
from experiments import evaluation
from experiments.domains import block_stacking as stacking_lib
from experiments.domains import domain as domain_lib

# Components of the observations, counted by hand: six sines, six cosines, six
# joint velocities, three fingers and their velocities, then the hand.
_FINGERS, _HAND = slice(18, 21), slice(24, 27)
# Three of the upper block's twelve numbers, of the lower one's, and what is
# left of the thirty.
_TOP, _BOTTOM, _HAND_TO_TOP = slice(0, 3), slice(12, 15), slice(24, 27)


def _zeros(observation):
  del observation
  return np.zeros(9, np.float32)


def _reward(observation, goal) -> float:
  """Equation 2 for features: distances in rad and dm, both terms alike."""

  def squares(key, part, scale=1.0):
    difference = observation[key][part] - goal[key][part]
    return scale**2 * float(np.sum(difference.astype(np.float64) ** 2))

  body = (
    squares('body', slice(0, 12))
    + squares('body', _FINGERS)
    + squares('body', _HAND, 10.0)
  )
  blocks = sum(
    squares('blocks', part, 10.0) for part in (_TOP, _BOTTOM, _HAND_TO_TOP)
  )
  return 0.5 * np.exp(-6.0 * body) + 0.5 * np.exp(-6.0 * blocks)


def _by_hand(start, goals, actions) -> dict[str, float]:
  """Returns the metrics of actions that are taken in the task environment."""
  environment = block_stacking.load(('body', 'blocks'))
  environment.reset_to(start.states[0])
  imitation_rewards, errors, deviations, task_rewards = [], [], [], []
  for step, action in enumerate(actions, start=1):
    timestep = environment.step(action)
    frame = min(step, len(goals))  # A shorter one waits at its end.
    goal = {key: value[frame] for key, value in goals.observations.items()}
    seen = timestep.observation
    imitation_rewards.append(_reward(seen, goal))
    errors.append(np.linalg.norm(seen['body'][_HAND] - goal['body'][_HAND]))
    deviations.append(
      np.linalg.norm(
        seen['blocks'][_HAND_TO_TOP] - goal['blocks'][_HAND_TO_TOP]
      )
    )
    task_rewards.append(timestep.reward)
  far = [step for step, distance in enumerate(deviations) if distance > 0.1]
  steps = len(actions)
  return {
    'imitation_reward': np.mean(imitation_rewards),
    'tracked': (far or [steps])[0] / steps,
    'hand_error': np.mean(errors),
    'task_return': np.sum(task_rewards) / np.sum(start.rewards),
    'stacked': float(task_rewards[-1] == 1.0),
  }


def _check(metrics, expected) -> None:
  assert dataclasses.asdict(metrics) == pytest.approx(expected, rel=1e-4)


def test_replayed_actions_follow_perfectly(following):
  metrics = evaluation.follow(
    following, evaluation.replay_actions(following), index=1
  )
  assert metrics == evaluation.OneShotMetrics(
    imitation_reward=1.0,
    tracked=1.0,
    hand_error=0.0,
    task_return=1.0,
    stacked=1.0,
  )


def test_standing_still_is_measured_as_by_hand(following, training_set):
  demonstration = training_set[0]
  actions = np.zeros_like(demonstration.actions)
  expected = _by_hand(demonstration, demonstration, actions)
  # Neither all nor nothing, or else the test would say little.
  assert 0.0 < expected['tracked'] < 1.0
  assert 0.0 < expected['imitation_reward'] < 1.0
  assert expected['stacked'] == 0.0
  _check(evaluation.follow(following, _zeros, index=0), expected)


def test_goals_of_another_demonstration(following, training_set):
  start, goals = training_set[0], training_set[2]
  expected = _by_hand(start, goals, start.actions)
  metrics = evaluation.follow(
    following, evaluation.replay_actions(following), index=0, goals=goals
  )
  _check(metrics, expected)
  # The episode is still the first demonstration's own.
  assert metrics.task_return == 1.0
  assert metrics.stacked == 1.0
  assert metrics.tracked < 0.5


def test_policy_sees_the_next_frame_of_the_goals(following, training_set):
  seen = []

  def policy(observation):
    seen.append(observation['goal']['body'])
    return np.zeros(9, np.float32)

  other = training_set[1]
  evaluation.follow(following, policy, index=0, goals=other)
  steps = len(training_set[0])
  assert len(seen) == steps
  frames = np.minimum(np.arange(1, steps + 1), len(other))
  np.testing.assert_array_equal(seen, other.observations['body'][frames])


@pytest.mark.parametrize('wrong_goals', [False, True])
def test_follow_all_takes_the_next_demonstration_for_the_wrong_one(
  following, training_set, wrong_goals
):
  metrics = evaluation.follow_all(
    following,
    evaluation.replay_actions(following),
    indices=[2],
    wrong_goals=wrong_goals,
  )
  goals = training_set[0 if wrong_goals else 2]
  expected = _by_hand(training_set[2], goals, training_set[2].actions)
  assert len(metrics) == 1
  _check(metrics[0], expected)


class _Scripted:
  """Takes the imitation environment's place; its measures are given."""

  def __init__(self, task_rewards, deviations, demonstration):
    self._script = list(zip(task_rewards, deviations))
    self.demonstration = demonstration
    self.scene = self.frame = demonstration.frame(0)
    self.deviation = 0.0

  def start(self, index, goals=None):
    del index, goals
    return dm_env.restart(self.frame)

  def step(self, action):
    del action
    task_reward, self.deviation = self._script.pop(0)
    make = dm_env.transition if self._script else _last
    return make({'imitation': 0.5, 'task': task_reward}, self.frame)


def test_only_the_end_counts_as_stacked_and_the_first_loss_as_lost(
  training_set,
):
  demonstration = training_set[0]
  steps = len(demonstration)
  # Stacked for a while, then thrown over; lost for a while, then found.
  task_rewards = np.where(np.arange(steps) < 10, 1.0, 0.0)
  deviations = np.where(np.arange(steps) == 10, 0.11, 0.1)
  metrics = evaluation.follow(
    _Scripted(task_rewards, deviations, demonstration),  # type: ignore[arg-type]
    _zeros,
    index=0,
  )
  assert metrics.stacked == 0.0
  assert metrics.task_return == pytest.approx(
    10.0 / np.sum(demonstration.rewards)
  )
  assert metrics.tracked == pytest.approx(10 / steps)
  assert metrics.imitation_reward == pytest.approx(0.5)
  assert metrics.hand_error == 0.0


def test_episode_that_breaks_off_loses_what_was_left(training_set):
  demonstration = training_set[0]
  steps = len(demonstration)
  metrics = evaluation.follow(
    _Scripted([0.0] * 10, [0.0] * 10, demonstration),  # type: ignore[arg-type]
    _zeros,
    index=0,
  )
  assert metrics.tracked == pytest.approx(10 / steps)
  assert metrics.imitation_reward == pytest.approx(0.5 * 10 / steps)


def test_follow_all_follows_all(following, training_set):
  metrics = evaluation.follow_all(following, _zeros)
  assert len(metrics) == len(training_set)
  # Starts differ, and so do the results.
  assert len({m.imitation_reward for m in metrics}) == len(training_set)
  assert metrics[1] == evaluation.follow(following, _zeros, index=1)


def test_wrong_goals_need_two_demonstrations():
  class _One:
    demonstrations = (object(),)

  with pytest.raises(ValueError, match=r'1 demonstration.*use 2 or more'):
    evaluation.follow_all(_One(), _zeros, wrong_goals=True)  # type: ignore[arg-type]


def test_mean_of_metrics():
  metrics = [
    evaluation.OneShotMetrics(0.2, 0.0, 0.1, 1.0, 0.0),
    evaluation.OneShotMetrics(0.4, 1.0, 0.3, 0.5, 1.0),
  ]
  assert evaluation.mean(metrics) == pytest.approx(
    {
      'imitation_reward': 0.3,
      'tracked': 0.5,
      'hand_error': 0.2,
      'task_return': 0.75,
      'stacked': 0.5,
    }
  )


class _Counting(dm_env.Environment):
  """Episode k has k steps; a step is worth its action."""

  def __init__(self):
    self._length = self._steps = 0

  def reset(self):
    self._length += 1
    self._steps = 0
    return dm_env.restart(np.float32(self._length))

  def step(self, action):
    self._steps += 1
    make = dm_env.transition if self._steps < self._length else _last
    return make(reward=action, observation=np.float32(self._length))

  def observation_spec(self):
    return dm_env.specs.Array((), np.float32)

  def action_spec(self):
    return dm_env.specs.Array((), np.float32)


def _last(reward, observation):
  # Truncated: the discount of 1 does not go on.
  return dm_env.truncation(reward, observation)


def test_task_return_is_the_mean_undiscounted_sum():
  # Episodes of 1, 2 and 3 steps, each step worth the episode's number.
  result = evaluation.task_return(_Counting(), lambda number: number, 3)
  assert result == pytest.approx((1 + 4 + 9) / 3)


class _Streams(_Counting):
  """The same in two streams; a step of the task is worth ten times as much."""

  def step(self, action):
    timestep = super().step(action)
    return timestep._replace(
      reward={'imitation': timestep.reward, 'task': 10.0 * timestep.reward}
    )


class _Agent:
  """Acts by the number that it sees."""

  def imitation_policy(self, observation):
    return observation

  def task_policy(self, observation):
    return observation


def test_without_demonstrations_rewards_and_returns_are_measured():
  evaluator = evaluation.ReturnEvaluator(
    _Streams(), _Streams(), _Counting(), episodes=3
  )
  point = evaluator(_Agent())
  assert tuple(point) == evaluator.columns
  assert point == pytest.approx(
    {
      'training_imitation_reward': (1 + 4 + 9) / 6,
      'training_task_return': 10 * (1 + 4 + 9) / 3,
      'validation_imitation_reward': (1 + 4 + 9) / 6,
      'validation_task_return': 10 * (1 + 4 + 9) / 3,
      'task_policy_return': (1 + 4 + 9) / 3,
    }
  )


def test_columns_are_those_of_the_points(following):
  environment = following
  task = dataclasses.replace(
    stacking_lib.BlockStacking(), task_starts=2, task_episode_length=3
  ).make_task_environment(None, domain_lib.VALIDATION, seed=0)
  evaluator = evaluation.Evaluator(environment, environment, task, 1)

  class Still(_Agent):
    task_policy = staticmethod(lambda observation: np.zeros(9, np.float32))

    def imitation_policy(self, observation):
      return _zeros(observation)

  point = evaluator(Still())
  assert set(point) == set(evaluator.columns)
  assert evaluator.columns == (
    *(f'training_{name}' for name in evaluation.OneShotMetrics.names()),
    *(f'validation_{name}' for name in evaluation.OneShotMetrics.names()),
    'task_policy_return',
    'task_policy_stacked',
    'task_policy_first_stacked',
  )
  # A baseline has no other half.
  alone = evaluation.TaskEvaluator(None, None, task, 1)
  assert alone.columns == evaluator.columns[-3:]
  assert set(alone(Still())) == set(alone.columns)
