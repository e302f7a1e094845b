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

"""Tests of episodes that go on where one before failed."""

import dm_env
import numpy as np
import pytest

from environments import block_stacking
from environments import initializers
from environments import retries

_ACTION = np.zeros(1, np.float32)


class _Counting(dm_env.Environment):
  """Its state is the number of steps since its own start; episodes have two."""

  def __init__(self, reward: float = 0.0, discount: float = 1.0):
    self._last = (reward, discount)
    self._state, self._left = np.zeros(1), 2
    self.starts: list[float] = []

  def reset(self):
    return self.reset_to(np.zeros(1))

  def reset_to(self, state, restart_clock=True):
    assert restart_clock
    self.starts.append(float(state[0]))
    self._state, self._left = state, 2
    return dm_env.restart(self._state)

  def get_state(self):
    return self._state

  def step(self, action):
    self._state = self._state + 1.0
    self._left -= 1
    if self._left:
      return dm_env.transition(0.0, self._state)
    reward, discount = self._last
    return dm_env.TimeStep(dm_env.StepType.LAST, reward, discount, self._state)

  def observation_spec(self):
    return dm_env.specs.Array((1,), np.float64)

  def action_spec(self):
    return dm_env.specs.BoundedArray((1,), np.float32, -1.0, 1.0)


def _starts(counting: _Counting, probability: float, episodes: int) -> list:
  """Returns the states at which the episodes start."""
  environment = retries.RetryEnvironment(
    counting, counting, retry_probability=probability, seed=0
  )
  for _ in range(3 * episodes):
    environment.step(_ACTION)
  return counting.starts


def test_an_episode_goes_on_where_one_failed():
  assert _starts(_Counting(), 1.0, 4) == [0.0, 2.0, 4.0, 6.0]


@pytest.mark.parametrize(
  ('counting', 'probability'),
  [
    (_Counting(), 0.0),
    (_Counting(reward=1.0), 1.0),
    (_Counting(discount=0.0), 1.0),
  ],
  ids=['never', 'after a success', 'after the physics diverged'],
)
def test_others_start_as_the_task_has_it(counting, probability):
  assert _starts(counting, probability, 4) == [0.0] * 4


def test_the_share_is_the_probability():
  starts = np.array(_starts(_Counting(), 0.3, 3000))
  assert np.mean(starts > 0.0) == pytest.approx(0.3, abs=0.03)


def test_an_episode_that_is_left_has_not_failed():
  counting = _Counting()
  environment = retries.RetryEnvironment(
    counting, counting, retry_probability=1.0
  )
  environment.reset()
  environment.step(_ACTION)
  environment.reset()
  assert counting.starts == [0.0, 0.0]


@pytest.mark.parametrize('probability', [-0.1, 1.5, np.nan])
def test_a_probability_lies_between_0_and_1(probability):
  with pytest.raises(ValueError, match=rf'{probability}; it must be in \[0, 1'):
    retries.RetryEnvironment(
      _Counting(), _Counting(), retry_probability=probability
    )


def test_blocks_stay_where_they_were_left(features):
  task = block_stacking.load(('body', 'blocks'), episode_length=10)
  environment = retries.RetryEnvironment(task, task, retry_probability=1.0)
  assert environment.observation_spec() == features.observation_spec()
  assert environment.action_spec() == features.action_spec()
  assert environment.reward_spec() == features.reward_spec()
  assert environment.discount_spec() == features.discount_spec()
  timestep = environment.reset()
  for _ in range(2):
    for _ in range(10):
      assert not timestep.last()
      timestep = environment.step(np.full(9, 0.5))
    assert timestep.last()
    left = timestep.observation
    timestep = environment.step(np.full(9, 0.5))
    assert timestep.first()
    for key in ('body', 'blocks'):
      np.testing.assert_allclose(
        timestep.observation[key], left[key], atol=1e-5
      )
  environment.close()


def test_a_curriculum_starts_the_others(training):
  task = block_stacking.load(('body', 'blocks'), episode_length=5)
  environment = retries.RetryEnvironment(
    initializers.CurriculumEnvironment(task, training, seed=0),
    task,
    retry_probability=0.5,
    seed=0,
  )
  frames = np.concatenate([d.observations['blocks'] for d in training])
  inside, left = [], np.zeros(0)
  for _ in range(20):
    timestep = environment.reset()
    blocks = timestep.observation['blocks']
    inside.append(np.abs(frames - blocks).max(axis=-1).min() < 1e-4)
    if not inside[-1]:
      np.testing.assert_allclose(blocks, left, atol=1e-5)
    while not timestep.last():
      timestep = environment.step(np.full(9, 0.5))
    left = timestep.observation['blocks']
  assert 5 <= sum(inside) <= 15
  environment.close()
