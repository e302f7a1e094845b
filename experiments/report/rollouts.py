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
from typing import Mapping, Optional, Sequence, Union

import numpy as np

from environments import imitation
from environments import rewards
from environments.block_stacking import features
from experiments import evaluation

_STAGES = (
  (rewards.STACKED, 'stacked'),
  (rewards.LIFTED, 'lifted'),
  (rewards.REACHED, 'reached'),
)
_NO_STAGE = 'approach'
# Names of what is measured beside the terms of the reward.
_HAND, _BLOCK = 'hand error', 'block error'


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
    stacked_at: number of steps after which the blocks were stacked for the first
      time; None if they never were.
    demonstration_stacked_at: the same of the demonstration.
    imitation_rewards: mean reward a step of each term of equation 2 by itself,
      by observation key.
    hand_error: mean distance of the end effectors, in metres.
    block_error: mean distance of the red blocks, in metres.
    action_jerk: mean norm of the second differences of the actions, which are
      velocities; in units of the action.
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
  stacked_at: Optional[int]
  demonstration_stacked_at: Optional[int]
  imitation_rewards: Mapping[str, float]
  hand_error: float
  block_error: float
  action_jerk: float
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
  actions: list[np.ndarray] = []
  measured: list[Mapping[str, float]] = []
  parted_at: Optional[int] = None
  while not timestep.last():
    actions.append(np.asarray(policy(timestep.observation)))
    timestep = environment.step(actions[-1])
    measured.append(_measure(environment))
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
    stacked_at=_first_stacked(task_rewards),
    demonstration_stacked_at=_first_stacked(demonstration.rewards),
    imitation_rewards={
      key: float(np.mean([m[key] for m in measured]))
      for key in environment.reward_terms
    },
    hand_error=float(np.mean([m[_HAND] for m in measured])),
    block_error=float(np.mean([m[_BLOCK] for m in measured])),
    action_jerk=jerk(np.stack(actions)),
    demonstration_states=np.asarray(demonstration.states),
    states=np.stack(states),
  )


def jerk(actions: np.ndarray) -> float:
  """Returns the mean norm of the second differences of actions.

  Args:
    actions: actions of an episode, float [T, A].

  Returns:
    The mean; 0 if there are fewer than three actions.
  """
  if len(actions) < 3:
    return 0.0
  return float(np.linalg.norm(np.diff(actions, n=2, axis=0), axis=-1).mean())


def survival(rollouts: Sequence[Rollout]) -> tuple[np.ndarray, np.ndarray]:
  """Returns the share of the demonstrations that are still tracked at each step.

  Of demonstrations that are shorter the last state counts.

  Args:
    rollouts: at least one rollout.

  Returns:
    Steps, int [N], and shares, float [N].
  """
  last = max(len(rollout.states) - 1 for rollout in rollouts)
  steps = np.arange(last + 1)
  parted = np.array(
    [np.inf if r.parted_at is None else r.parted_at for r in rollouts]
  )
  return steps, (parted[:, np.newaxis] > steps).mean(axis=0)


def _measure(
  environment: imitation.ImitationEnvironment,
) -> Mapping[str, float]:
  """Returns what is measured in a step, by name."""
  scene, frame = environment.scene, environment.frame
  by_term = {
    key: rewards.imitation_reward(scene, frame, {key: term})
    for key, term in environment.reward_terms.items()
  }
  return {
    **by_term,
    _HAND: features.hand_position_error(scene, frame),
    _BLOCK: features.block_position_error(scene, frame),
  }


def _first_stacked(
  task_rewards: Union[Sequence[float], np.ndarray],
) -> Optional[int]:
  stacked = np.flatnonzero(np.equal(task_rewards, rewards.STACKED))
  return int(stacked[0]) + 1 if stacked.size else None


def failures_first(rollouts: Sequence[Rollout]) -> Sequence[Rollout]:
  """Returns the rollouts from the lowest share of a return to the highest.

  Args:
    rollouts: rollouts in any order.
  """
  return sorted(rollouts, key=lambda rollout: rollout.ratio)
