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

"""A point that moves in the plane: an environment without physics.

It has the specs that MetaMimic expects and costs some microseconds a step, for
what is to be measured or tried apart from MuJoCo. Both policies can learn it in
a minute: the imitation policy to follow a path it has not seen, the task policy
to go to the origin.
"""

import time
from typing import Any, Dict, Optional

import dm_env
from dm_env import specs
import numpy as np

from environments import imitation as imitation_lib

# How far an action of 1 moves the point.
STEP = 0.1
_WIDTH = 0.1
_TARGET_WIDTH = 0.3
KEY = 'body'


class LightEnvironment(dm_env.Environment):
  """Rewards following a random path, and being at the origin."""

  def __init__(
    self,
    imitation: bool,
    seed: Optional[int] = None,
    *,
    size: int = 2,
    episode_length: int = 50,
    step_seconds: float = 0.0,
  ):
    """Initializes the environment.

    Args:
      imitation: whether there is a goal and two streams, or the task's alone.
      seed: seed of starts and paths.
      size: number of components of an observation, of which the first two move.
      episode_length: number of steps of an episode.
      step_seconds: seconds that a step takes, as one of a robot does.

    Raises:
      ValueError: if an observation has less than two numbers.
    """
    if size < 2:
      raise ValueError(f'size={size} must be at least 2, for the position.')
    self._imitation = imitation
    self._random = np.random.default_rng(seed)
    self._size = size
    self._episode_length = episode_length
    self._step_seconds = step_seconds
    self._position = np.zeros(2)
    self._path = np.zeros((1, 2))
    self._num_steps = 0
    self._ended = True

  def reset(self) -> dm_env.TimeStep:
    self._num_steps, self._ended = 0, False
    self._position = self._random.uniform(-1.0, 1.0, 2)
    steps = self._random.uniform(-1.0, 1.0, (self._episode_length + 1, 2))
    # Smooth, so that the path can be followed.
    steps = np.cumsum(steps, axis=0) / np.arange(1, len(steps) + 1)[:, None]
    self._path = self._position + np.cumsum(STEP * steps, axis=0)
    return dm_env.restart(self._observation())

  def step(self, action: np.ndarray) -> dm_env.TimeStep:
    time.sleep(self._step_seconds)
    if self._ended:
      return self.reset()
    self._position = self._position + STEP * np.clip(action, -1.0, 1.0)
    error = np.sum((self._position - self._path[self._num_steps]) ** 2)
    distance = np.sum(self._position**2)
    self._num_steps += 1
    self._ended = last = self._num_steps >= self._episode_length
    return dm_env.TimeStep(
      dm_env.StepType.LAST if last else dm_env.StepType.MID,
      self._streams(
        np.float32(np.exp(-error / _WIDTH**2)),
        np.float32(np.exp(-distance / _TARGET_WIDTH**2)),
      ),
      self._streams(np.float32(1.0), np.float32(1.0)),
      self._observation(),
    )

  def observation_spec(self) -> Dict[str, Any]:
    frame = {KEY: specs.Array((self._size,), np.float32, KEY)}
    return (
      {**frame, imitation_lib.GOAL: dict(frame)} if self._imitation else frame
    )

  def action_spec(self) -> specs.BoundedArray:
    return specs.BoundedArray((2,), np.float32, -1.0, 1.0)

  def reward_spec(self) -> Any:
    return self._streams(*[specs.Array((), np.float32)] * 2)

  def discount_spec(self) -> Any:
    return self._streams(*[specs.BoundedArray((), np.float32, 0.0, 1.0)] * 2)

  def _observation(self) -> Dict[str, Any]:
    frame = {KEY: self._frame(self._position)}
    if self._imitation:
      index = min(self._num_steps, self._episode_length)
      return {
        **frame,
        imitation_lib.GOAL: {KEY: self._frame(self._path[index])},
      }
    return frame

  def _frame(self, position: np.ndarray) -> np.ndarray:
    frame = np.zeros(self._size, np.float32)
    frame[:2] = position
    return frame

  def _streams(self, imitation: Any, task: Any) -> Any:
    streams = {imitation_lib.IMITATION: imitation, imitation_lib.TASK: task}
    return streams if self._imitation else task
