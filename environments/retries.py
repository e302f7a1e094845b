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

"""Episodes that go on where one before failed.

A policy that is reset after each failure hardly sees what follows one, and is
not there to learn how to mend it.
"""

from typing import Any, Optional

import dm_env
import numpy as np

from environments import rewards
from environments import starts


class RetryEnvironment(starts.StartsWrapper):
  """A task, some of whose episodes start where the one before failed.

  An episode has failed if its time is up and its last reward is not that of a
  success. The next one starts in its last state then, with a probability and an
  episode's full length, and otherwise as the task has it.
  """

  def __init__(
    self,
    environment: dm_env.Environment,
    states: starts.StartedEnvironment,
    *,
    retry_probability: float,
    success_reward: float = rewards.STACKED,
    seed: Optional[int] = None,
  ):
    """Initializes the environment.

    Args:
      environment: the environment of the task.
      states: what has its state, and starts an episode at one: the environment
        itself, or the one that it wraps.
      retry_probability: probability that an episode starts where the one before
        failed, if it did.
      success_reward: reward of a step at which the task is done.
      seed: seed of the choice; a random one by default.

    Raises:
      ValueError: if the probability is out of range.
    """
    if not 0.0 <= retry_probability <= 1.0:
      raise ValueError(
        f'retry_probability is {retry_probability}; it must be in [0, 1].'
      )
    super().__init__(environment)
    self._states = states
    self._probability = retry_probability
    self._success_reward = success_reward
    self._random_state = np.random.RandomState(seed)
    # What the episode that is on takes its steps in.
    self._stepped: Any = environment
    self._has_failed = False

  def _start(self) -> dm_env.TimeStep:
    """Starts an episode where the last one failed, or as the task has it."""
    retries = self._has_failed and (
      self._random_state.uniform() < self._probability
    )
    self._has_failed = False
    if retries:
      self._stepped = self._states
      return self._states.reset_to(self._states.get_state(), restart_clock=True)
    self._stepped = self._environment
    return self._environment.reset()

  def step(self, action: np.ndarray) -> dm_env.TimeStep:
    """Takes a step, or begins the next episode after the last step of one."""
    if self._reset_next_step:
      return self.reset()
    timestep = self._stepped.step(action)
    self._reset_next_step = timestep.last()
    # Where the physics diverged there is nothing to go on from.
    self._has_failed = (
      timestep.last()
      and timestep.discount > 0.0
      and timestep.reward < self._success_reward
    )
    return timestep
