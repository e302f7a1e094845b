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
"""An episode that is being recorded, by a script or by a person."""

from typing import Mapping

import dm_env
import numpy as np

from environments import rewards
from environments import state_environment
from environments.demonstrations import demonstration as demonstration_lib


class Take:
  """Collects the frames, states, actions and rewards of one episode.

  Args:
    environment: the environment, at the first time step of the episode.
    timestep: the first time step of the episode.
    seed: seed of the episode's initial poses.
  """

  def __init__(
    self,
    environment: state_environment.StateEnvironment,
    timestep: dm_env.TimeStep,
    seed: int,
  ):
    self.seed = seed
    self._environment = environment
    self._frames = [_copied(timestep.observation)]
    self._states = [environment.get_state()]
    self._actions: list[np.ndarray] = []
    self._rewards: list[float] = []

  def __len__(self) -> int:
    """Number of steps (actions)."""
    return len(self._actions)

  @property
  def start(self) -> np.ndarray:
    """Full physics state at the start of the episode, float64 [S]."""
    return self._states[0].copy()

  @property
  def reward(self) -> float:
    """Task reward of the last step; 0 before the first one."""
    return self._rewards[-1] if self._rewards else 0.0

  @property
  def stacked(self) -> bool:
    """Whether the blocks are stacked after the last step."""
    return self.reward == rewards.STACKED

  def step(self, action: np.ndarray) -> dm_env.TimeStep:
    """Takes a step in the environment, records it, and returns its time step."""
    taken = np.array(action)  # Before the environment or the caller changes it.
    timestep = self._environment.step(action)
    self._actions.append(taken)
    self._rewards.append(timestep.reward)
    self._frames.append(_copied(timestep.observation))
    self._states.append(self._environment.get_state())
    return timestep

  def demonstration(self, demonstrator: str) -> demonstration_lib.Demonstration:
    """Returns the recorded episode.

    Args:
      demonstrator: name of the demonstrator that recorded it.

    Raises:
      DatasetError: if there are fewer than two steps, or a number is not finite.
    """
    frames = self._frames
    return demonstration_lib.Demonstration(
      observations={
        key: np.stack([f[key] for f in frames]) for key in frames[0]
      },
      states=np.stack(self._states),
      actions=np.stack(self._actions),
      rewards=np.array(self._rewards, np.float32),
      demonstrator=demonstrator,
      seed=self.seed,
    )


def _copied(observation: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
  """Returns an observation that nobody else can change."""
  return {key: np.array(values) for key, values in observation.items()}
