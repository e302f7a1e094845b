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
"""When a run is evaluated, its second phase begins and it ends; how far it is."""

import dataclasses
import math
from typing import Optional

from experiments import limits


@dataclasses.dataclass(frozen=True)
class Budget:
  """When a run is finished: at the first of these that is reached.

  What was done before a resume counts. None stands for no limit.

  Attributes:
    minutes: minutes of training; of wall time in one process, of the imitation
      learner's work in a program.
    imitation_updates: number of updates of the imitation learner.
    actor_steps: number of environment steps of the imitation actors.
    task_updates: number of updates of the task learner; in one process alone.
  """

  minutes: Optional[float] = None
  imitation_updates: Optional[int] = None
  actor_steps: Optional[int] = None
  task_updates: Optional[int] = None

  def __post_init__(self) -> None:
    if self.minutes is not None and not 0.0 <= self.minutes < math.inf:
      raise ValueError(
        f'minutes={self.minutes} must be a finite number, not negative, or None '
        'for no limit.'
      )
    for name in ('imitation_updates', 'actor_steps', 'task_updates'):
      value = getattr(self, name)
      if value is not None and value < 1:
        raise ValueError(f'{name}={value} must be positive, or None.')


@dataclasses.dataclass(frozen=True)
class TaskPhase:
  """A second part of a run in one process, which the task half has to itself.

  The task policy learns from what the imitation policy does. Where two cores are
  all there is, little is gained from doing both at once: in the first part the
  imitation half acts and learns alone; in the second it only acts, in episodes
  that do not end early, and the task half learns from these and from its own.
  In a program all run from the beginning, as in the paper.

  Attributes:
    after_share: share of the budget's minutes that the first part has; None for
      no such condition. The second begins at the first of the two, and never if
      both are None. A run that is resumed with a longer budget first goes on
      with its first part.
    after_imitation_updates: number of updates of the imitation learner after
      which it begins; None for no such condition.
    source_sigma: standard deviation of the imitation actor's noise in it, in each
      component of the action. It acts by the policy that is evaluated. With the
      noisier policy that is trained (0.3, 0.6 in the fingers) as the source the
      task policy came to 62 after 45 000 updates, with this one in an earlier
      trial to 95 after 40 000 (one seed each).
    source_steps: number of steps that the imitation actor makes in it before the
      task half begins.
    source_steps_per_task_step: number of steps that it makes at most from then
      on for each step of the task actor, which it waits for. With the steps before
      it decides the share of the imitation actor's items in the task learner's
      batches.
  """

  after_share: Optional[float] = None
  after_imitation_updates: Optional[int] = None
  source_sigma: float = 0.2
  source_steps: int = 20_000
  source_steps_per_task_step: float = 1.0

  def __post_init__(self) -> None:
    limits.check_least(
      self, source_sigma=0, source_steps=1, source_steps_per_task_step=0
    )
    if self.after_share is not None and not 0.0 <= self.after_share < 1.0:
      raise ValueError(
        f'after_share={self.after_share} must lie in [0, 1), or be None for no '
        'such phase.'
      )
    updates = self.after_imitation_updates
    if updates is not None and updates < 0:
      raise ValueError(
        f'after_imitation_updates={updates} must not be negative, or be None.'
      )

  @property
  def exists(self) -> bool:
    """Whether a run has it."""
    return (
      self.after_share is not None or self.after_imitation_updates is not None
    )

  def begins(
    self, minutes: float, budget: Budget, imitation_updates: float
  ) -> bool:
    """Returns whether it is time for it.

    Args:
      minutes: minutes of training so far that were not its own.
      budget: budget of the run.
      imitation_updates: number of updates of the imitation learner so far.
    """
    after_minutes = (
      self.after_share * budget.minutes
      if self.after_share is not None and budget.minutes is not None
      else None
    )
    return any(
      limit is not None and done >= limit
      for done, limit in (
        (minutes, after_minutes),
        (imitation_updates, self.after_imitation_updates),
      )
    )


@dataclasses.dataclass(frozen=True)
class Progress:
  """How far a run is.

  Attributes:
    minutes: minutes of training, evaluations included.
    imitation_steps: number of environment steps of the imitation actor.
    task_steps: number of environment steps of the task actor.
    source_steps: number of the imitation actor's steps in the task phase, which
      are among `imitation_steps`.
    task_phase_minutes: minutes of training in the task phase.
    phase_source_steps: number of `source_steps` before the task phase that the
      run is in, or was in last; a run has another where its budget grew.
    phase_task_steps: number of `task_steps` before it, likewise.
    imitation_updates: number of updates of the imitation learner; None for those
      of the curves' last point.
    task_updates: number of updates of the task learner, likewise.
  """

  minutes: float = 0.0
  imitation_steps: int = 0
  task_steps: int = 0
  source_steps: int = 0
  task_phase_minutes: float = 0.0
  phase_source_steps: int = 0
  phase_task_steps: int = 0
  imitation_updates: Optional[int] = None
  task_updates: Optional[int] = None


@dataclasses.dataclass(frozen=True)
class Evaluation:
  """How a run in one process is evaluated as it goes.

  Attributes:
    period_minutes: minutes from one evaluation to the next. The run is also
      saved at each, so that this is what a run that is killed loses at most.
    episodes: number of episodes of each kind in an evaluation.
    filmed: number of validation demonstrations in the film at the end, and of
      failures that are filmed in the report.
  """

  period_minutes: float = 4.0
  episodes: int = 10
  filmed: int = 3

  def __post_init__(self) -> None:
    limits.check_least(self, period_minutes=0, episodes=1, filmed=1)
    if not self.period_minutes < math.inf:
      raise ValueError(
        f'period_minutes={self.period_minutes} must be a finite number.'
      )
