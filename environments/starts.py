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
"""Wrappers that choose where the episodes of a task start."""

import abc
from typing import Any, Mapping, Protocol

import dm_env
from dm_env import specs
import numpy as np


class StartedEnvironment(Protocol):
  """A `dm_env.Environment` whose state can be read, and episodes started at."""

  def reset(self) -> dm_env.TimeStep: ...

  def reset_to(
    self, state: np.ndarray, restart_clock: bool = False
  ) -> dm_env.TimeStep: ...

  def get_state(self) -> np.ndarray: ...

  def step(self, action: np.ndarray) -> dm_env.TimeStep: ...

  def observation_spec(self) -> Mapping[str, specs.Array]: ...

  def action_spec(self) -> specs.BoundedArray: ...

  def reward_spec(self) -> specs.Array: ...

  def discount_spec(self) -> specs.BoundedArray: ...

  def close(self) -> None: ...


class StartsWrapper(dm_env.Environment):
  """A task whose episodes start where a subclass has them start."""

  def __init__(self, environment: Any):
    """Initializes the wrapper.

    Args:
      environment: the environment of the task, a `dm_env.Environment`.
    """
    self._environment = environment
    self._reset_next_step = True

  @abc.abstractmethod
  def _start(self) -> dm_env.TimeStep:
    """Starts an episode."""

  @property
  def environment(self) -> Any:
    """The environment of the task."""
    return self._environment

  @property
  def num_divergences(self) -> int:
    """Number of episodes so far that ended because the physics diverged."""
    return getattr(self._environment, 'num_divergences', 0)

  def reset(self) -> dm_env.TimeStep:
    """Starts an episode."""
    self._reset_next_step = False
    return self._start()

  def step(self, action: np.ndarray) -> dm_env.TimeStep:
    """Takes a step, or begins the next episode after the last step of one.

    Args:
      action: an action as `action_spec` describes it.

    Returns:
      The next time step.
    """
    if self._reset_next_step:
      return self.reset()
    timestep = self._environment.step(action)
    self._reset_next_step = timestep.last()
    return timestep

  def observation_spec(self) -> Mapping[str, specs.Array]:
    """Returns the environment's observation spec."""
    return self._environment.observation_spec()

  def action_spec(self) -> specs.BoundedArray:
    """Returns the environment's action spec."""
    return self._environment.action_spec()

  def reward_spec(self) -> specs.Array:
    """Returns the environment's reward spec."""
    return self._environment.reward_spec()

  def discount_spec(self) -> specs.BoundedArray:
    """Returns the environment's discount spec."""
    return self._environment.discount_spec()

  def close(self) -> None:
    """Closes the environment."""
    self._environment.close()
