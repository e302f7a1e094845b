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

"""Trains both halves of MetaMimic in one process, each in a thread."""

import contextlib
import time
from typing import Callable, Iterator, Mapping, Optional, Sequence

import dm_env
import numpy as np
import tqdm

from acme_metamimic import agent as agent_lib
from acme_metamimic import specs as specs_lib
from experiments import acting
from experiments import phases
from experiments import progress as progress_lib
from experiments import reporting
from experiments import schedule
from experiments import timing

_POLL_SECONDS = 1.0

# What a trainer knows by itself, before and after what is evaluated.
_COLUMNS_BEFORE = (
  'minutes',
  'imitation_environment_steps',
  'task_environment_steps',
  'imitation_updates',
  'task_updates',
  'train_imitation_reward',
  'task_actor_return',
)
_COLUMNS_AFTER = (
  'imitation_critic_loss',
  'imitation_q_mean',
  'imitation_auxiliary_error_cm',
  'task_critic_loss',
  'task_q_mean',
  'task_auxiliary_error_cm',
  'num_divergences',
)
# What is printed of an evaluation, and how it is called.
_PRINTED = {
  'training_task_return': 'task return on training demonstrations',
  'validation_task_return': 'on unseen',
  'validation_stacked': 'stacked of these',
  'task_policy_return': "task policy's return",
  'imitation_auxiliary_error_cm': 'error of what the torso predicts (cm)',
}


def curve_columns(evaluated: Sequence[str]) -> Sequence[str]:
  """Returns the columns of a run's curves.

  Args:
    evaluated: names of what an evaluation returns.
  """
  return (*_COLUMNS_BEFORE, *evaluated, *_COLUMNS_AFTER)


class Trainer:
  """Acts and learns in two threads, and evaluates from time to time."""

  def __init__(
    self,
    agent: agent_lib.MetaMimic,
    learner_logs: Mapping[str, acting.LatestLogger],
    environments: Mapping[str, dm_env.Environment],
    curves: reporting.Curves,
    evaluate: Callable[[agent_lib.MetaMimic], Mapping[str, float]],
    *,
    task_steps_per_imitation_step: float,
    task_phase: schedule.TaskPhase = schedule.TaskPhase(),
    progress: schedule.Progress = schedule.Progress(),
    keeps_replay: bool = True,
  ):
    """Initializes the trainer.

    Args:
      agent: the halves that learn.
      learner_logs: logs of the two learners, by half.
      environments: environments that the halves act in, by half, and `source`
        for the imitation half in the task phase; the threads drive them. A
        baseline of the task half alone has no `imitation`.
      curves: curves that points are appended to.
      evaluate: returns the metrics of an agent that are not the trainer's own.
      task_steps_per_imitation_step: the task half waits for the imitation half
        so as not to exceed this; unused with a task phase.
      task_phase: part of the run that the task half has to itself.
      progress: how far the run was before a resume.
      keeps_replay: whether the replay of before a resume is there.
    """
    self._agent = agent
    self._logs = learner_logs
    self._curves = curves
    self._evaluate_agent = evaluate
    self._phase = phases.Phase(task_phase, progress, keeps_replay)
    self._steps_ratio = task_steps_per_imitation_step
    self._actors = self._make_actors(environments, progress)
    self._before = progress
    self._started = time.monotonic()
    self._stopped: Optional[float] = None

  def _make_actors(
    self,
    environments: Mapping[str, dm_env.Environment],
    progress: schedule.Progress,
  ) -> Mapping[str, acting.Actor]:
    """Returns the threads that act, by name."""
    made = {
      'task': (lambda: self._agent.task, self._may_start_task),
      'imitation': (
        lambda: self._agent.imitation,
        lambda: not self._phase.is_on,
      ),
      phases.SOURCE: (
        lambda: self._agent.make_imitation_source(
          self._phase.settings.source_sigma
        ),
        lambda: self._phase.may_start_source(self._steps),
      ),
    }
    steps = {
      'task': progress.task_steps,
      'imitation': progress.imitation_steps - progress.source_steps,
      phases.SOURCE: progress.source_steps,
    }
    actors = {}
    for name, (actor, may_start) in made.items():
      if name in environments:
        actors[name] = acting.Actor(
          name, environments[name], actor(), may_start
        )
        actors[name].steps = steps[name]
    return actors

  @property
  def progress(self) -> schedule.Progress:
    """How far the run is, what came before a resume included."""
    source_steps = self._steps(phases.SOURCE)
    return schedule.Progress(
      self._minutes(),
      self._steps('imitation') + source_steps,
      self._steps('task'),
      source_steps,
      self._phase.minutes(self._minutes()),
      **{
        f'{half}_updates': int(np.nan_to_num(self._updates(half)))
        for half in specs_lib.STREAMS
      },
      **self._phase.progress(),
    )

  def run(
    self,
    budget: schedule.Budget,
    evaluation_period_minutes: float,
    on_evaluation: Callable[[], None] = lambda: None,
  ) -> None:
    """Trains until the budget is used up; an interrupt ends it early.

    Args:
      budget: when to end; what came before a resume counts.
      evaluation_period_minutes: minutes from one evaluation to the next.
      on_evaluation: called after each, while both halves stand still.

    Raises:
      KeyboardInterrupt: after the threads have stopped.
      RuntimeError: likewise, if one of them stopped by itself; its error is
        the cause.
    """
    self._started = time.monotonic()
    self._go_on_with_task_phase(budget)
    for actor in self._actors.values():
      actor.start()
    next_evaluation = self._minutes() + evaluation_period_minutes
    with tqdm.tqdm(
      total=1.0,
      # What a resumed run has done already took no time in this one.
      initial=self._used(budget),
      bar_format='{percentage:3.0f}% |{bar:20}| {remaining} left{postfix}',
      mininterval=1.0,
      smoothing=0.0,
      file=progress_lib.stream(),
    ) as bar:
      try:
        while self._used(budget) < 1.0:
          time.sleep(_POLL_SECONDS)
          self._raise_errors()
          self._begin_task_phase(budget)
          bar.n = self._used(budget)
          bar.set_postfix_str(self._status(), refresh=False)
          bar.refresh()
          if self._minutes() >= next_evaluation:
            with self._paused():
              self._evaluate()
              on_evaluation()
            next_evaluation = self._minutes() + evaluation_period_minutes
      finally:
        self._stop()
        # What is evaluated afterwards is no training.
        self._stopped = time.monotonic()
    self._raise_errors()
    self._evaluate()
    on_evaluation()

  def _minutes(self) -> float:
    now = time.monotonic() if self._stopped is None else self._stopped
    return self._before.minutes + (now - self._started) / 60

  def _used(self, budget: schedule.Budget) -> float:
    """Returns the share of the budget that is used up, 1 at its end."""
    shares = [
      done / limit if limit else 1.0
      for done, limit in (
        (self._minutes(), budget.minutes),
        (self.progress.imitation_steps, budget.actor_steps),
        (
          np.nan_to_num(self._updates('imitation')),
          budget.imitation_updates,
        ),
        (np.nan_to_num(self._updates('task')), budget.task_updates),
      )
      if limit is not None
    ]
    return min(1.0, max(shares, default=0.0))

  def _steps(self, actor: str) -> int:
    """Returns the steps of an actor, 0 if the run has none of that name."""
    return self._actors[actor].steps if actor in self._actors else 0

  def _may_start_task(self) -> bool:
    """Returns whether the task actor may begin an episode."""
    if self._phase.settings.exists:
      return self._phase.may_start_task(self._steps)
    if 'imitation' not in self._actors:
      return True
    return self._steps('task') <= self._steps_ratio * self._steps('imitation')

  def _is_time_for_task_phase(self, budget: schedule.Budget) -> bool:
    return self._phase.is_time(
      self._minutes(), budget, self._updates('imitation')
    )

  def _go_on_with_task_phase(self, budget: schedule.Budget) -> None:
    """Goes on in the task phase if the run was in it, and it is not too early."""
    if self._before.source_steps and self._is_time_for_task_phase(budget):
      self._phase.go_on(self._minutes())

  def _begin_task_phase(self, budget: schedule.Budget) -> None:
    """Goes over to the task phase when it is time to."""
    if self._phase.is_on or not self._is_time_for_task_phase(budget):
      return
    with self._paused():
      # What the imitation policy did before it could.
      self._agent.drop_task_items()
      self._phase.begin(self._minutes(), self._steps)

  def _stop(self) -> None:
    for actor in self._actors.values():
      actor.stop()
    for actor in self._actors.values():
      actor.join()

  def _raise_errors(self) -> None:
    for name, actor in self._actors.items():
      if actor.error is not None:
        half = 'imitation' if name == phases.SOURCE else name
        raise RuntimeError(f'The {half} half has stopped.') from actor.error

  def _updates(self, half: str) -> float:
    """Returns a learner's updates, NaN if the run has none of that name."""
    if half not in self._logs:
      return np.nan
    updates = self._logs[half].get(f'{half}_learner_steps')
    if not np.isnan(updates):
      return updates
    # Before the first update of this process, those before a resume.
    before = getattr(self._before, f'{half}_updates')
    if before is None and len(self._curves):
      before = self._curves.column(f'{half}_updates')[-1]
    return np.nan if before is None else float(before)

  def _updates_since_start(self, half: str) -> float:
    return self._logs[half].since_first(f'{half}_learner_steps')

  def _status(self) -> str:
    seconds = time.monotonic() - self._started
    updates = sum(self._updates_since_start(half) for half in self._logs)
    steps = self.progress
    new_steps = (
      steps.imitation_steps
      + steps.task_steps
      - self._before.imitation_steps
      - self._before.task_steps
    )
    learning = (
      f'{updates / seconds:.0f} updates/s' if updates else 'no updates yet'
    )
    return (
      f'{self._phase.describe(self._steps)}{learning}, {new_steps / seconds:.0f} steps/s, acting: '
      'imitation reward '
      f'{_number(self._imitation_reward(), 2)}, task return '
      f'{_number(self._actors["task"].mean_return(), 1)}'
    )

  def _imitation_reward(self) -> float:
    """Returns the reward of the imitation actor that acts; NaN without one."""
    name = phases.SOURCE if self._phase.is_on else 'imitation'
    if name not in self._actors:
      return np.nan
    return self._actors[name].mean_step_reward('imitation')

  @contextlib.contextmanager
  def _paused(self) -> Iterator[None]:
    """Holds both halves at the ends of their episodes meanwhile."""
    with contextlib.ExitStack() as stack:
      for actor in self._actors.values():
        stack.enter_context(actor.paused())
      yield

  def _evaluate(self) -> None:
    """Evaluates both policies and appends a point to the curves."""
    point = {
      'minutes': self._minutes(),
      'train_imitation_reward': self._imitation_reward(),
      'task_actor_return': self._actors['task'].mean_return(),
      **self._evaluate_agent(self._agent),
    }
    point['num_divergences'] = sum(
      actor.num_divergences for actor in self._actors.values()
    )
    point['imitation_environment_steps'] = self.progress.imitation_steps
    point['task_environment_steps'] = self.progress.task_steps
    for half in specs_lib.STREAMS:
      point[f'{half}_updates'] = self._updates(half)
      log = self._logs.get(half, acting.LatestLogger())
      for name in ('critic_loss', 'q_mean', 'auxiliary_error_cm'):
        point[f'{half}_{name}'] = log.get(name)
    self._curves.append(point)
    self._print(point)

  def _print(self, point: Mapping[str, float]) -> None:
    """Prints a line of what was measured, and of what took the time."""
    measured = [
      f'{words} {point[name]:.2f}'
      for name, words in _PRINTED.items()
      if not np.isnan(point.get(name, np.nan))
    ]
    spent = {
      part: sum(
        actor.stopwatch.seconds[part] for actor in self._actors.values()
      )
      for part in timing.PARTS
    }
    progress_lib.write(
      f'After {point["minutes"]:.1f} minutes: {", ".join(measured)}. Time of '
      f'acting: {timing.describe(spent)}.'
    )


def _number(value: float, digits: int) -> str:
  """Returns a number as text, `-` for one that there is not yet."""
  return '-' if np.isnan(value) else f'{value:.{digits}f}'
