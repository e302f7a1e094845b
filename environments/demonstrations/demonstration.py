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
"""A demonstration: its observations, states, actions and rewards."""

import dataclasses
import math
from typing import Mapping

import numpy as np

from environments import rewards as rewards_lib

# Smallest number of steps that a demonstration may have.
MIN_STEPS = 2


class DatasetError(ValueError):
  """A dataset of demonstrations cannot be used; the message says why."""


class MaskError(DatasetError):
  """A dataset has no such mask; the message names those that it has."""


@dataclasses.dataclass(frozen=True)
class Demonstration:
  """An episode of a demonstrator, d = {d_1, ..., d_T} in the paper.

  MetaMimic learns from `observations` alone and starts episodes at `states`.
  Actions and rewards serve checks and comparisons.

  The arrays are read-only. Those of a demonstration that was loaded are read from
  its file when they are used, see `environments.demonstrations.storage`, and
  otherwise behave like NumPy's.

  Attributes:
    observations: observations before each action and after the last one, by
      key, [T + 1, ...] each.
    states: full physics states before each action and after the last one,
      float64 [T + 1, S].
    actions: actions in [-1, 1], float32 [T, A].
    rewards: task rewards, float32 [T].
    demonstrator: name of the demonstrator that recorded it.
    seed: seed of the episode's initial poses.

  Raises:
    DatasetError: if lengths differ, there are fewer than two steps, or a state
      or an observation is not finite.
  """

  observations: Mapping[str, np.ndarray]
  states: np.ndarray
  actions: np.ndarray
  rewards: np.ndarray
  demonstrator: str
  seed: int

  def __post_init__(self) -> None:
    steps = len(self.actions)
    if steps < MIN_STEPS:
      raise DatasetError(
        f'The demonstration has {steps} step(s); it needs at least {MIN_STEPS} '
        'to have a goal after its first frame. Record it again.'
      )
    lengths = {
      'rewards': len(self.rewards) + 1,
      'states': len(self.states),
      **{key: len(frames) for key, frames in self.observations.items()},
    }
    wrong = {k: n for k, n in lengths.items() if n != steps + 1}
    if wrong:
      raise DatasetError(
        f'The demonstration has {steps} actions, which do not go with {wrong}; '
        'it is incomplete. Record it again.'
      )
    arrays = {
      'states': self.states,
      'actions': self.actions,
      'rewards': self.rewards,
      **self.observations,
    }
    for name, values in arrays.items():
      # What is in a file is checked when it is read.
      if isinstance(values, np.ndarray):
        check_finite(name, values)
    # Frames are handed out as goals, in which nobody may write.
    observations = {k: read_only(v) for k, v in self.observations.items()}
    object.__setattr__(self, 'observations', observations)
    for name in ('states', 'actions', 'rewards'):
      object.__setattr__(self, name, read_only(getattr(self, name)))

  def __len__(self) -> int:
    """Number of steps (actions)."""
    return len(self.actions)

  def last_actions(self) -> np.ndarray:
    """Returns the action before each observation, float32 [T + 1, A].

    Zero before the first.
    """
    actions = np.asarray(self.actions, np.float32)
    return np.concatenate([np.zeros_like(actions[:1]), actions])

  def frame(self, step: int) -> dict[str, np.ndarray]:
    """Returns the observation at a step.

    Args:
      step: index of the observation; beyond the end it is the last one.

    Returns:
      The observation as arrays by key.
    """
    step = min(step, len(self))
    return {key: frames[step] for key, frames in self.observations.items()}

  def sped_up(self, factor: float) -> 'Demonstration':
    """Returns the demonstration as it is when it is played faster.

    Args:
      factor: how many times as fast it is.

    Returns:
      Every `factor`-th frame on average, the first and the last among them, each
      with the reward that it has come with. The actions are those before; they do
      not lead from frame to frame any more.

    Raises:
      ValueError: if the factor is below 1.
      DatasetError: if hardly any frames are left.
    """
    if not factor >= 1.0:
      raise ValueError(f'factor={factor} must be at least 1.')
    steps = math.ceil(len(self) / factor)
    kept = np.round(np.linspace(0, len(self), steps + 1)).astype(int)

    def at(values: np.ndarray, indices: np.ndarray) -> np.ndarray:
      return np.asarray(values)[indices]

    return dataclasses.replace(
      self,
      observations={k: at(v, kept) for k, v in self.observations.items()},
      states=at(self.states, kept),
      actions=at(self.actions, kept[:-1]),
      rewards=at(self.rewards, kept[1:] - 1),
    )

  @property
  def task_return(self) -> float:
    """Undiscounted sum of the task rewards."""
    return float(np.sum(self.rewards))

  @property
  def success(self) -> bool:
    """Whether the blocks are stacked after the last step."""
    return bool(self.rewards[-1] == rewards_lib.STACKED)


def read_only(values: np.ndarray) -> np.ndarray:
  """Returns a view of an array that cannot be written to.

  Args:
    values: the array; one that stays in a file is read-only already.
  """
  if not isinstance(values, np.ndarray) or not values.flags.writeable:
    return values
  view = values.view()
  view.flags.writeable = False
  return view


def check_finite(name: str, values: np.ndarray) -> None:
  """Checks that numbers are finite.

  Args:
    name: name of the array, for the error's message.
    values: the array; only floating-point numbers are checked.

  Raises:
    DatasetError: if a number is not finite.
  """
  floating = np.issubdtype(values.dtype, np.floating)
  if floating and not np.all(np.isfinite(values)):
    raise DatasetError(
      f'The demonstration has {name!r} that are not finite. Record it again.'
    )
