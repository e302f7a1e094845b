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
"""How well an unconditional policy stacks, beside the demonstrators.

All are measured from the same starts, over the same number of steps.
"""

import dataclasses
import math
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence

from acme import types
import numpy as np

from environments import fixed_starts
from environments import rewards
from environments import state_environment
from environments.block_stacking import demonstrators

Policy = Callable[[types.NestedArray], types.NestedArray]
# Called at the first time step of an episode, with the index of its start.
MakePolicy = Callable[[int], Policy]

TITLES: Mapping[str, str] = {
  'policy': 'policy',
  'episodes': 'episodes',
  'task_return': 'task return',
  'standard_error': 'standard error',
  'stacked': 'stacked at the end',
  'first_stacked': 'first stacked at step (median)',
}


@dataclasses.dataclass(frozen=True)
class TaskMetrics:
  """What a policy achieved in one episode of the task.

  Attributes:
    task_return: undiscounted sum of the task rewards.
    stacked: whether the blocks are stacked at the end.
    first_stacked: number of steps after which they were stacked for the first
      time; infinite if they never were.
  """

  task_return: float
  stacked: bool
  first_stacked: float


def run_episode(
  environment: fixed_starts.FixedStarts, index: int, make_policy: MakePolicy
) -> TaskMetrics:
  """Runs one episode.

  Args:
    environment: environment of the task.
    index: index of the start.
    make_policy: makes the policy of the episode.

  Returns:
    Its metrics.
  """
  timestep = environment.start(index)
  policy = make_policy(index)
  task_rewards: list[float] = []
  while not timestep.last():
    timestep = environment.step(policy(timestep.observation))
    task_rewards.append(float(timestep.reward))
  stacked = np.flatnonzero(np.equal(task_rewards, rewards.STACKED))
  return TaskMetrics(
    task_return=sum(task_rewards),
    stacked=task_rewards[-1] == rewards.STACKED,
    first_stacked=float(stacked[0] + 1) if stacked.size else math.inf,
  )


def run_episodes(
  environment: fixed_starts.FixedStarts,
  policy: Policy,
  number: Optional[int] = None,
) -> list[TaskMetrics]:
  """Runs episodes of a policy, without noise.

  Args:
    environment: environment of the task.
    policy: maps an observation to an action.
    number: number of episodes, from the first start on; all by default.

  Returns:
    The metrics of each.
  """
  return [
    run_episode(environment, index, lambda _: policy)
    for index in range(_number(environment, number))
  ]


def run_demonstrator(
  environment: fixed_starts.FixedStarts, name: str, number: Optional[int] = None
) -> list[TaskMetrics]:
  """Runs episodes of a scripted demonstrator, whether they succeed or not.

  Args:
    environment: environment of the task, around a block-stacking environment.
    name: name of the demonstrator, a key of `demonstrators.STYLES`.
    number: number of episodes, from the first start on; all by default.

  Returns:
    The metrics of each.

  Raises:
    TypeError: if it is around another one.
  """
  stacking = environment.environment
  if not isinstance(stacking, state_environment.StateEnvironment):
    raise TypeError(
      f'a demonstrator cannot act in {stacking!r}: give FixedStarts around a '
      'block-stacking environment.'
    )

  def make_policy(index: int) -> Policy:
    demonstrator = demonstrators.ScriptedDemonstrator(
      demonstrators.STYLES[name], seed=index
    )
    demonstrator.reset(stacking)
    return lambda _: demonstrator.act()

  return [
    run_episode(environment, index, make_policy)
    for index in range(_number(environment, number))
  ]


def summary(metrics: Sequence[TaskMetrics]) -> Mapping[str, float]:
  """Returns the means, and the median step of those that stacked.

  Args:
    metrics: metrics of at least one episode.

  Returns:
    A value for each column of `TITLES` after the first two. The median is NaN
    if none stacked, and the standard error of a single episode.
  """
  returns = np.array([m.task_return for m in metrics])
  deviation = returns.std(ddof=1) if len(returns) > 1 else math.nan
  first = np.array([m.first_stacked for m in metrics])
  stacked = first[np.isfinite(first)]
  return {
    'task_return': float(returns.mean()),
    'standard_error': float(deviation / math.sqrt(len(returns))),
    'stacked': float(np.mean([m.stacked for m in metrics])),
    'first_stacked': float(np.median(stacked)) if stacked.size else math.nan,
  }


def table_rows(
  environment: fixed_starts.FixedStarts,
  policies: Mapping[str, Policy],
  demonstrator_names: Iterable[str],
  number: Optional[int] = None,
) -> list[Mapping[str, Any]]:
  """Returns the rows of the table of task policies beside demonstrators.

  Args:
    environment: environment of the task, around a block-stacking environment.
    policies: policies by the names that the table has for them.
    demonstrator_names: names of the scripted demonstrators.
    number: number of episodes, from the first start on; all by default.
  """
  results = {
    **{
      name: run_episodes(environment, policy, number)
      for name, policy in policies.items()
    },
    **{
      f'demonstrator {name}': run_demonstrator(environment, name, number)
      for name in demonstrator_names
    },
  }
  return [
    {'policy': name, 'episodes': len(metrics), **summary(metrics)}
    for name, metrics in results.items()
  ]


def _number(
  environment: fixed_starts.FixedStarts, number: Optional[int]
) -> int:
  """Returns how many starts to take."""
  if number is None:
    return environment.num_starts
  return min(number, environment.num_starts)
