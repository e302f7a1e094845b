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

"""One-shot evaluation: follow demonstrations, and measure how closely."""

import dataclasses
from typing import (
  Any,
  Callable,
  Iterable,
  Mapping,
  Optional,
  Protocol,
  Sequence,
)

from acme import types
import dm_env
import numpy as np

from environments import demonstrations as demonstrations_lib
from environments import fixed_starts
from environments import imitation
from environments import rewards
from environments.block_stacking import features
from experiments import task_evaluation

# Deviation of the hand-to-block vector up to which a demonstration counts as
# tracked (m): some two widths of a cube, so that one that is beside it is not.
TRACKING_DISTANCE = 0.1

Policy = Callable[[types.NestedArray], types.NestedArray]


@dataclasses.dataclass(frozen=True)
class OneShotMetrics:
  """How closely one demonstration was followed, or the mean over several.

  Attributes:
    imitation_reward: mean imitation reward a step, in [0, 1] (equation 2).
    tracked: share of the demonstration before the hand-to-block vector first
      deviates by more than `TRACKING_DISTANCE`.
    hand_error: mean distance of the end effectors, in metres.
    task_return: task return, relative to the demonstration's own.
    stacked: whether the blocks are stacked at the end.
  """

  imitation_reward: float
  tracked: float
  hand_error: float
  task_return: float
  stacked: float

  @classmethod
  def names(cls) -> tuple[str, ...]:
    """Returns the names of the metrics."""
    return tuple(field.name for field in dataclasses.fields(cls))


def follow(
  environment: imitation.ImitationEnvironment,
  policy: Policy,
  index: int,
  goals: Optional[demonstrations_lib.Demonstration] = None,
) -> OneShotMetrics:
  """Follows one demonstration, without noise.

  Args:
    environment: environment that does not end episodes early.
    policy: maps an observation with `goal` to an action.
    index: index of the demonstration to start from.
    goals: the demonstration that goals come from; the same by default.

  Returns:
    The metrics of the episode. Deviation and error are those from `goals`.
  """
  timestep = environment.start(index, goals=goals)
  steps = len(environment.demonstration)
  collected: list[tuple[float, float, float, float]] = []
  while not timestep.last():
    timestep = environment.step(policy(timestep.observation))
    collected.append(_measure(environment, timestep))
  imitation_rewards, task_rewards, errors, deviations = np.array(collected).T
  lost = np.flatnonzero(deviations > TRACKING_DISTANCE)
  return OneShotMetrics(
    imitation_reward=float(imitation_rewards.sum() / steps),
    tracked=float(lost[0] / steps) if lost.size else len(deviations) / steps,
    hand_error=float(errors.mean()),
    task_return=float(
      task_rewards.sum() / environment.demonstration.task_return
    ),
    stacked=float(task_rewards[-1] == rewards.STACKED),
  )


def _measure(
  environment: imitation.ImitationEnvironment, timestep: dm_env.TimeStep
) -> tuple[float, float, float, float]:
  return (
    float(timestep.reward[imitation.IMITATION]),
    float(timestep.reward[imitation.TASK]),
    features.hand_position_error(environment.scene, environment.frame),
    environment.deviation,
  )


def replay_actions(
  environment: imitation.ImitationEnvironment,
) -> Policy:
  """Returns a policy that repeats the demonstrator's actions open loop."""

  def policy(observation: types.NestedArray) -> types.NestedArray:
    del observation  # The demonstrator's actions do not depend on it.
    return environment.demonstration.actions[environment.step_index]

  return policy


def follow_all(
  environment: imitation.ImitationEnvironment,
  policy: Policy,
  *,
  indices: Optional[Iterable[int]] = None,
  wrong_goals: bool = False,
) -> list[OneShotMetrics]:
  """Follows several demonstrations, one after the other.

  Args:
    environment: environment that does not end episodes early.
    policy: maps an observation with `goal` to an action.
    indices: indices of the demonstrations; all by default.
    wrong_goals: shows the goals of the next demonstration in place of the
      episode's own, which tells whether the policy looks at its goals.

  Returns:
    The metrics of each episode.

  Raises:
    ValueError: if wrong goals are asked for and there is one demonstration.
  """
  dataset = environment.demonstrations
  if wrong_goals and len(dataset) < 2:
    raise ValueError(
      'There is 1 demonstration, and so no wrong one to show; use 2 or more.'
    )
  return [
    follow(
      environment,
      policy,
      index,
      dataset[(index + 1) % len(dataset)] if wrong_goals else None,
    )
    for index in (range(len(dataset)) if indices is None else indices)
  ]


def mean(metrics: Sequence[OneShotMetrics]) -> Mapping[str, float]:
  """Returns the mean of each metric."""
  return {
    name: float(np.mean([getattr(m, name) for m in metrics]))
    for name in OneShotMetrics.names()
  }


def task_return(
  environment: dm_env.Environment, policy: Policy, num_episodes: int
) -> float:
  """Returns the mean undiscounted task return of an unconditional policy.

  Args:
    environment: the task environment.
    policy: maps an observation to an action, without noise.
    num_episodes: number of episodes, from random initial poses.
  """
  returns = []
  for _ in range(num_episodes):
    timestep = environment.reset()
    total = 0.0
    while not timestep.last():
      timestep = environment.step(policy(timestep.observation))
      total += float(timestep.reward)
    returns.append(total)
  return float(np.mean(returns))


class Agent(Protocol):
  """What of an agent is evaluated."""

  def imitation_policy(self, observation: types.NestedArray) -> Any: ...

  def task_policy(self, observation: types.NestedArray) -> Any: ...


@dataclasses.dataclass(frozen=True)
class Evaluator:
  """Evaluates both policies as a run goes on, without noise.

  Attributes:
    training: environment that follows training demonstrations to their end.
    validation: the same for validation demonstrations.
    task: environment of the task policy, which runs from all its starts.
    episodes: number of episodes of each kind that follow demonstrations.
  """

  training: dm_env.Environment
  validation: dm_env.Environment
  task: dm_env.Environment
  episodes: int

  @property
  def columns(self) -> Sequence[str]:
    """Names of what an evaluation returns."""
    names = [
      name
      for split in ('training', 'validation')
      for name in self._names(split)
    ]
    return (*names, *self._task_names())

  def __call__(self, agent: Agent) -> Mapping[str, float]:
    """Returns the metrics of an agent's policies as they are."""
    point = {}
    for split, environment in (
      ('training', self.training),
      ('validation', self.validation),
    ):
      metrics = self._follow(environment, agent.imitation_policy)
      point.update({f'{split}_{k}': value for k, value in metrics.items()})
    point.update(self._run_task(agent.task_policy))
    return point

  def _task_names(self) -> Sequence[str]:
    return (
      'task_policy_return',
      'task_policy_stacked',
      'task_policy_first_stacked',
    )

  def _run_task(self, policy: Policy) -> Mapping[str, float]:
    assert isinstance(self.task, fixed_starts.FixedStarts)
    summary = task_evaluation.summary(
      task_evaluation.run_episodes(self.task, policy)
    )
    names = ('task_return', 'stacked', 'first_stacked')
    return dict(zip(self._task_names(), (summary[name] for name in names)))

  def _names(self, split: str) -> Sequence[str]:
    return [f'{split}_{name}' for name in OneShotMetrics.names()]

  def _follow(
    self, environment: dm_env.Environment, policy: Policy
  ) -> Mapping[str, float]:
    count = min(self.episodes, len(environment.demonstrations))
    return mean(follow_all(environment, policy, indices=range(count)))


class TaskEvaluator(Evaluator):
  """The same for an agent of the task half alone, such as a baseline."""

  @property
  def columns(self) -> Sequence[str]:
    """Names of what an evaluation returns."""
    return self._task_names()

  def __call__(self, agent: Agent) -> Mapping[str, float]:
    """Returns the metrics of the agent's task policy as it is."""
    return self._run_task(agent.task_policy)


class ReturnEvaluator(Evaluator):
  """The same where there are no demonstrations to compare with: mean returns.

  The episodes of the task policy are as many as the others.
  """

  def _names(self, split: str) -> Sequence[str]:
    return (f'{split}_imitation_reward', f'{split}_task_return')

  def _task_names(self) -> Sequence[str]:
    return ('task_policy_return',)

  def _run_task(self, policy: Policy) -> Mapping[str, float]:
    return {'task_policy_return': task_return(self.task, policy, self.episodes)}

  def _follow(
    self, environment: dm_env.Environment, policy: Policy
  ) -> Mapping[str, float]:
    steps, totals = 0, {'imitation': 0.0, 'task': 0.0}
    for _ in range(self.episodes):
      timestep = environment.reset()
      while not timestep.last():
        timestep = environment.step(policy(timestep.observation))
        steps += 1
        for stream in totals:
          totals[stream] += float(timestep.reward[stream])
    return {
      'imitation_reward': totals['imitation'] / steps,
      'task_return': totals['task'] / self.episodes,
    }
