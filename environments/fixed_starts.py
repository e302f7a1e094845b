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
"""An environment whose episodes start at given states, always the same."""

from typing import Protocol, Sequence

import dm_env
import numpy as np

from environments import starts

# The first of the seeds that starts are drawn by; training has small ones.
FIRST_SEED = 100_000


class SeededEnvironment(starts.StartedEnvironment, Protocol):
  """An environment that draws its own starts by its random state."""

  random_state: np.random.RandomState


def draw_states(
  environment: SeededEnvironment, number: int, first_seed: int = FIRST_SEED
) -> Sequence[np.ndarray]:
  """Draws states from the environment's own starts, the same at each call.

  Args:
    environment: environment to draw from; its random state is changed.
    number: number of states.
    first_seed: seed of the first one; each has the next.

  Returns:
    Full physics states, float64 [S] each.
  """
  states = []
  for index in range(number):
    environment.random_state.seed(first_seed + index)
    environment.reset()
    states.append(environment.get_state())
  return states


class FixedStarts(starts.StartsWrapper):
  """Starts the episodes of an environment at given states, in turns.

  Policies that are compared from the same starts differ by less chance than
  those that each had their own.
  """

  def __init__(
    self, environment: starts.StartedEnvironment, states: Sequence[np.ndarray]
  ):
    """Initializes the environment.

    Args:
      environment: the environment of the task.
      states: full physics states of it, float64 [S] each, at least one.

    Raises:
      ValueError: if there are none.
    """
    if not states:
      raise ValueError('states is empty: give at least one to start at.')
    super().__init__(environment)
    # Copies: the caller may go on with its own arrays.
    self._states = [np.array(state, np.float64) for state in states]
    self._next = 0

  @property
  def num_starts(self) -> int:
    """Number of states that episodes start at."""
    return len(self._states)

  def start(self, index: int) -> dm_env.TimeStep:
    """Starts an episode of full length at one of the states.

    Args:
      index: index of the state.

    Returns:
      The first time step of the episode.
    """
    self._reset_next_step = False
    return self._environment.reset_to(self._states[index], restart_clock=True)

  def _start(self) -> dm_env.TimeStep:
    """Starts at the next of the states, and after the last at the first."""
    index = self._next
    self._next = (index + 1) % len(self._states)
    return self.start(index)
