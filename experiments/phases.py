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

"""Where a run is in its task phase, and who may begin an episode there."""

from typing import Callable, Mapping, Optional

from experiments import schedule

# Name of the imitation actor in the task phase, and of its environment.
SOURCE = 'source'
_TASK = 'task'

# Returns the number of steps that an actor has made, by its name.
Steps = Callable[[str], int]


class Phase:
  """The task phase of a run that is on."""

  def __init__(
    self,
    settings: schedule.TaskPhase,
    progress: schedule.Progress,
    keeps_replay: bool = True,
  ):
    """Initializes the phase, which is not on yet.

    Args:
      settings: when it begins, and what is done in it.
      progress: how far the run was before a resume.
      keeps_replay: whether the replay of before a resume is there. Otherwise the
        imitation actor first makes its steps anew.
    """
    self.settings = settings
    self._minutes_before = progress.task_phase_minutes
    # Minute at which it began, or went on after a resume; None while it is not on.
    self._began: Optional[float] = None
    # Steps that were made before it.
    self._before = {
      SOURCE: progress.phase_source_steps,
      _TASK: progress.phase_task_steps,
    }
    if not keeps_replay:
      self._before = {SOURCE: progress.source_steps, _TASK: progress.task_steps}

  @property
  def is_on(self) -> bool:
    """Whether the run is in it."""
    return self._began is not None

  def minutes(self, now: float) -> float:
    """Returns the minutes of training in it so far.

    Args:
      now: minutes of training so far.
    """
    since = 0.0 if self._began is None else now - self._began
    return self._minutes_before + since

  def is_time(
    self, now: float, budget: schedule.Budget, imitation_updates: float
  ) -> bool:
    """Returns whether it is time for it; see `schedule.TaskPhase.begins`.

    Args:
      now: minutes of training so far.
      budget: budget of the run.
      imitation_updates: number of updates of the imitation learner so far.
    """
    return self.settings.begins(
      now - self.minutes(now), budget, imitation_updates
    )

  def begin(self, now: float, steps: Steps) -> None:
    """Begins it.

    Args:
      now: minutes of training so far.
      steps: steps that the actors have made.
    """
    self._before = {name: steps(name) for name in self._before}
    self.go_on(now)

  def go_on(self, now: float) -> None:
    """Goes on with it after a resume.

    Args:
      now: minutes of training so far.
    """
    self._began = now

  def may_start_source(self, steps: Steps) -> bool:
    """Returns whether the imitation actor may begin an episode of it.

    Args:
      steps: steps that the actors have made.
    """
    wanted = self.settings.source_steps + (
      self.settings.source_steps_per_task_step * self._since(steps, _TASK)
    )
    return self.is_on and self._since(steps, SOURCE) <= wanted

  def may_start_task(self, steps: Steps) -> bool:
    """Returns whether the task actor may begin an episode of it.

    Args:
      steps: steps that the actors have made.
    """
    return self.is_on and (
      self._since(steps, SOURCE) >= self.settings.source_steps
    )

  def _since(self, steps: Steps, actor: str) -> int:
    """Returns the steps of an actor since it began."""
    return steps(actor) - self._before[actor]

  def progress(self) -> Mapping[str, int]:
    """Returns its fields of `schedule.Progress` but for its minutes."""
    return {
      'phase_source_steps': self._before[SOURCE],
      'phase_task_steps': self._before[_TASK],
    }

  def describe(self, steps: Steps) -> str:
    """Returns words that say which half has the time, if one has it alone.

    Args:
      steps: steps that the actors have made.
    """
    if not self.settings.exists:
      return ''
    if not self.is_on:
      return 'imitation phase, '
    made, first = self._since(steps, SOURCE), self.settings.source_steps
    if made < first:
      return f'task phase ({made} of {first} steps first), '
    return 'task phase, '
