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
"""Rollouts of an imitation policy, and where they part from demonstrations."""

import dataclasses
from typing import Optional, Sequence

import numpy as np

from environments import imitation
from environments import rewards
from experiments import evaluation

_STAGES = (
  (rewards.STACKED, 'stacked'),
  (rewards.LIFTED, 'lifted'),
  (rewards.REACHED, 'reached'),
)
_NO_STAGE = 'approach'


@dataclasses.dataclass(frozen=True)
class Rollout:
  """One demonstration, and what the policy made of it.

  Attributes:
    index: index of the demonstration.
    demonstration_return: its task return.
    task_return: the task return of the rollout.
    stage: furthest stage of the task that the rollout reached.
    stacked: whether the blocks are stacked at the end.
    parted_at: step at which the hand-to-block vector first deviates by more
      than `evaluation.TRACKING_DISTANCE`; None if it never does.
    parted_in: stage of the demonstration at that step.
    demonstration_states: its physics states, float64 [T + 1, S].
    states: those of the rollout, float64 [T + 1, S].
  """

  index: int
  demonstration_return: float
  task_return: float
  stage: str
  stacked: bool
  parted_at: Optional[int]
  parted_in: Optional[str]
  demonstration_states: np.ndarray
  states: np.ndarray

  @property
  def ratio(self) -> float:
    """Task return over the demonstration's."""
    return self.task_return / self.demonstration_return

  @property
  def outcome(self) -> str:
    """What became of it, in a few words."""
    if self.stacked:
      return 'stacked'
    where = (
      f', parted at step {self.parted_at} ({self.parted_in})'
      if self.parted_at is not None
      else ''
    )
    return f'failed after: {self.stage}{where}'


def stage(reward: float) -> str:
  """Returns the name of the stage that a task reward stands for.

  Args:
    reward: task reward of a step.
  """
  return next((name for least, name in _STAGES if reward >= least), _NO_STAGE)


def roll_out(
  environment: imitation.ImitationEnvironment,
  policy: evaluation.Policy,
  index: int,
) -> Rollout:
  """Follows one demonstration, without noise.

  Args:
    environment: environment that does not end episodes early.
    policy: maps an observation with `goal` to an action.
    index: index of the demonstration.
  """
  timestep = environment.start(index)
  demonstration = environment.demonstration
  states = [environment.environment.get_state()]
  task_rewards: list[float] = []
  parted_at: Optional[int] = None
  while not timestep.last():
    timestep = environment.step(policy(timestep.observation))
    task_rewards.append(float(timestep.reward[imitation.TASK]))
    states.append(environment.environment.get_state())
    if parted_at is None and environment.deviation > (
      evaluation.TRACKING_DISTANCE
    ):
      parted_at = len(task_rewards)
  return Rollout(
    index=index,
    demonstration_return=float(demonstration.task_return),
    task_return=sum(task_rewards),
    stage=stage(max(task_rewards)),
    stacked=task_rewards[-1] == rewards.STACKED,
    parted_at=parted_at,
    parted_in=None
    if parted_at is None
    else stage(float(demonstration.rewards[parted_at - 1])),
    demonstration_states=np.asarray(demonstration.states),
    states=np.stack(states),
  )


def failures_first(rollouts: Sequence[Rollout]) -> Sequence[Rollout]:
  """Returns the rollouts from the lowest share of a return to the highest.

  Args:
    rollouts: rollouts in any order.
  """
  return sorted(rollouts, key=lambda rollout: rollout.ratio)
