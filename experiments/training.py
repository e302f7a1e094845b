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
import dataclasses
import threading
import time
from typing import Callable, Iterator, Mapping, Optional, Sequence

import acme
from acme import core
from acme.utils import loggers
import dm_env
import numpy as np
import tqdm

from acme_metamimic import agent as agent_lib
from acme_metamimic import specs as specs_lib
from acme_metamimic.program import observers
from experiments import progress as progress_lib
from experiments import reporting
from experiments import schedule
from experiments import timing

# Episodes that the running means in the progress bar are taken over.
_WINDOW = 200
_POLL_SECONDS = 1.0
# Name of the imitation actor in the task phase, and of its environment.
_SOURCE = 'source'
# Between two looks of the task actor at the imitation actor's steps.
_WAIT_SECONDS = 0.05

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
    imitation_updates: number of updates of the imitation learner; None for those
      of the curves' last point.
    task_updates: number of updates of the task learner, likewise.
  """

  minutes: float = 0.0
  imitation_steps: int = 0
  task_steps: int = 0
  source_steps: int = 0
  task_phase_minutes: float = 0.0
  imitation_updates: Optional[int] = None
  task_updates: Optional[int] = None


class LatestLogger(loggers.Logger):
  """Keeps the latest values that a learner wrote."""

  def __init__(self) -> None:
    self._first: Mapping[str, float] = {}
    self._values: Mapping[str, float] = {}

  def write(self, data: loggers.LoggingData) -> None:
    self._first = self._first or data
    self._values = data

  def close(self) -> None:
    pass

  def get(self, name: str) -> float:
    """Returns a value as a float, NaN before it was first written."""
    return float(self._values.get(name, np.nan))

  def since_first(self, name: str) -> float:
    """Returns by how much a value has grown since it was first written."""
    return float(self._values.get(name, 0.0)) - float(
      self._first.get(name, 0.0)
    )


class Actor(threading.Thread):
  """Runs an environment loop in a thread until it is told to stop.

  Args:
    name: name of the thread.
    environment: environment to act in.
    actor: acts, records and learns.
    may_start: asked before each episode, whether to go on or to wait.
  """

  def __init__(
    self,
    name: str,
    environment: dm_env.Environment,
    actor: core.Actor,
    may_start: Callable[[], bool] = lambda: True,
  ):
    super().__init__(name=name, daemon=True)
    self._may_start = may_start
    self._environment = environment
    self.stopwatch = timing.Stopwatch()
    self._loop = acme.EnvironmentLoop(
      timing.TimedEnvironment(environment, self.stopwatch),
      timing.TimedActor(actor, self.stopwatch),
      logger=LatestLogger(),
    )
    # An agent whose learner has a thread of its own.
    self._wait: Callable[[], None] = getattr(actor, 'wait', lambda: None)
    self._stopping = threading.Event()
    self._going = threading.Event()
    self._going.set()
    self._episode_lock = threading.Lock()
    self._episodes: list[loggers.LoggingData] = []
    self.steps = 0
    self.error: Optional[BaseException] = None

  def run(self) -> None:
    try:
      while not self._stopping.is_set():
        if self._going.is_set() and self._may_start():
          self._run_episode()
        else:
          self._stopping.wait(_WAIT_SECONDS)
    except Exception as error:  # Handed to the thread that waits.
      self.error = error

  def _run_episode(self) -> None:
    with self._episode_lock:
      if not self._going.is_set():
        return
      episode = self._loop.run_episode()
      self._wait()
      self.steps += episode['episode_length']
      self._episodes.append(episode)
      del self._episodes[:-_WINDOW]

  @contextlib.contextmanager
  def paused(self) -> Iterator[None]:
    """Waits for the episode's end and holds the thread there meanwhile."""
    self._going.clear()
    try:
      with self._episode_lock:
        yield
    finally:
      self._going.set()

  def stop(self) -> None:
    """Asks the thread to end with the episode; returns at once."""
    self._stopping.set()

  @property
  def num_divergences(self) -> int:
    """Number of episodes since the start in which the physics diverged."""
    return sum(observers.divergences(self._environment).values())

  def mean_return(self) -> float:
    """Mean scalar return of the latest episodes."""
    episodes = list(self._episodes)
    return float(np.mean([e['episode_return'] for e in episodes] or [np.nan]))

  def mean_step_reward(self, stream: str) -> float:
    """Mean reward a step of one stream over the latest episodes."""
    episodes = list(self._episodes)
    steps = sum(e['episode_length'] for e in episodes)
    total = sum(float(e['episode_return'][stream]) for e in episodes)
    return total / steps if steps else np.nan


class Trainer:
  """Acts and learns in two threads, and evaluates from time to time."""

  def __init__(
    self,
    agent: agent_lib.MetaMimic,
    learner_logs: Mapping[str, LatestLogger],
    environments: Mapping[str, dm_env.Environment],
    curves: reporting.Curves,
    evaluate: Callable[[agent_lib.MetaMimic], Mapping[str, float]],
    *,
    task_steps_per_imitation_step: float,
    task_phase: schedule.TaskPhase = schedule.TaskPhase(),
    progress: Progress = Progress(),
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
    """
    self._agent = agent
    self._logs = learner_logs
    self._curves = curves
    self._evaluate_agent = evaluate
    self._task_phase = task_phase
    self._in_task_phase = False
    # Steps of source and task actor when the phase began.
    self._phase_steps = {_SOURCE: 0, 'task': 0}
    self._phase_minutes = progress.task_phase_minutes
    self._phase_began = 0.0
    self._steps_ratio = task_steps_per_imitation_step
    self._actors = self._make_actors(environments, progress)
    self._before = progress
    self._started = time.monotonic()
    self._stopped: Optional[float] = None

  def _make_actors(
    self, environments: Mapping[str, dm_env.Environment], progress: Progress
  ) -> Mapping[str, Actor]:
    """Returns the threads that act, by name."""
    made = {
      'task': (lambda: self._agent.task, self._may_start_task),
      'imitation': (
        lambda: self._agent.imitation,
        lambda: not self._in_task_phase,
      ),
      _SOURCE: (
        lambda: self._agent.make_imitation_source(
          self._task_phase.source_sigma
        ),
        self._may_start_source,
      ),
    }
    steps = {
      'task': progress.task_steps,
      'imitation': progress.imitation_steps - progress.source_steps,
      _SOURCE: progress.source_steps,
    }
    actors = {}
    for name, (actor, may_start) in made.items():
      if name in environments:
        actors[name] = Actor(name, environments[name], actor(), may_start)
        actors[name].steps = steps[name]
    return actors

  @property
  def progress(self) -> Progress:
    """How far the run is, what came before a resume included."""
    source_steps = self._steps(_SOURCE)
    return Progress(
      self._minutes(),
      self._steps('imitation') + source_steps,
      self._steps('task'),
      source_steps,
      self._task_phase_minutes(),
      **{
        f'{half}_updates': int(np.nan_to_num(self._updates(half)))
        for half in specs_lib.STREAMS
      },
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
    if self._task_phase.exists:
      return (
        self._in_task_phase
        and self._steps_in_phase(_SOURCE) >= self._task_phase.source_steps
      )
    if 'imitation' not in self._actors:
      return True
    return self._steps('task') <= self._steps_ratio * self._steps('imitation')

  def _may_start_source(self) -> bool:
    """Returns whether the imitation actor may begin one in the task phase."""
    phase = self._task_phase
    wanted = phase.source_steps + (
      phase.source_steps_per_task_step * self._steps_in_phase('task')
    )
    return self._in_task_phase and self._steps_in_phase(_SOURCE) <= wanted

  def _steps_in_phase(self, actor: str) -> int:
    """Returns the steps of an actor since the task phase began."""
    return self._steps(actor) - self._phase_steps[actor]

  def _task_phase_minutes(self) -> float:
    """Returns the minutes of training in the task phase so far."""
    if not self._in_task_phase:
      return self._phase_minutes
    return self._phase_minutes + self._minutes() - self._phase_began

  def _is_time_for_task_phase(self, budget: schedule.Budget) -> bool:
    return self._task_phase.begins(
      self._minutes() - self._task_phase_minutes(),
      budget,
      self._updates('imitation'),
    )

  def _go_on_with_task_phase(self, budget: schedule.Budget) -> None:
    """Goes on in the task phase if the run was in it, and it is not too early."""
    if self._before.source_steps and self._is_time_for_task_phase(budget):
      self._in_task_phase = True
      self._phase_began = self._minutes()

  def _begin_task_phase(self, budget: schedule.Budget) -> None:
    """Goes over to the task phase when it is time to."""
    if self._in_task_phase or not self._is_time_for_task_phase(budget):
      return
    with self._paused():
      # What the imitation policy did before it could.
      self._agent.drop_task_items()
      self._phase_steps = {
        name: self._steps(name) for name in self._phase_steps
      }
      self._phase_began = self._minutes()
      self._in_task_phase = True

  def _stop(self) -> None:
    for actor in self._actors.values():
      actor.stop()
    for actor in self._actors.values():
      actor.join()

  def _raise_errors(self) -> None:
    for name, actor in self._actors.items():
      if actor.error is not None:
        half = 'imitation' if name == _SOURCE else name
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
      f'{self._phase()}{learning}, {new_steps / seconds:.0f} steps/s, acting: '
      'imitation reward '
      f'{_number(self._imitation_reward(), 2)}, task return '
      f'{_number(self._actors["task"].mean_return(), 1)}'
    )

  def _phase(self) -> str:
    """Returns words that say which half has the time, if one has it alone."""
    if not self._task_phase.exists:
      return ''
    if not self._in_task_phase:
      return 'imitation phase, '
    steps = self._steps_in_phase(_SOURCE)
    if steps < self._task_phase.source_steps:
      return (
        f'task phase ({steps} of {self._task_phase.source_steps} steps first), '
      )
    return 'task phase, '

  def _imitation_reward(self) -> float:
    """Returns the reward of the imitation actor that acts; NaN without one."""
    name = _SOURCE if self._in_task_phase else 'imitation'
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
      log = self._logs.get(half, LatestLogger())
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
