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
from typing import Callable, Iterator, Mapping, Optional

import acme
from acme import core
from acme.utils import loggers
import dm_env
import numpy as np
import tqdm

from acme_metamimic import agent as agent_lib
from environments import imitation as imitation_lib
from experiments import evaluation
from experiments import reporting

# Episodes that the running means in the progress bar are taken over.
_WINDOW = 200
_POLL_SECONDS = 1.0
# Between two looks of the task actor at the imitation actor's steps.
_WAIT_SECONDS = 0.05

CURVE_COLUMNS = (
  'minutes',
  'imitation_environment_steps',
  'task_environment_steps',
  'imitation_updates',
  'task_updates',
  'train_imitation_reward',
  'task_actor_return',
  *(f'training_{name}' for name in evaluation.OneShotMetrics.names()),
  *(f'validation_{name}' for name in evaluation.OneShotMetrics.names()),
  'task_policy_return',
  'imitation_critic_loss',
  'imitation_q_mean',
  'task_critic_loss',
  'task_q_mean',
)


class LatestLogger(loggers.Logger):
  """Keeps the latest values that a learner wrote."""

  def __init__(self) -> None:
    self._values: Mapping[str, float] = {}

  def write(self, data: loggers.LoggingData) -> None:
    self._values = data

  def close(self) -> None:
    pass

  def get(self, name: str) -> float:
    """Returns a value as a float, NaN before it was first written."""
    return float(self._values.get(name, np.nan))


class Actor(threading.Thread):
  """Runs an environment loop in a thread until it is told to stop.

  Args:
    name: of the thread.
    environment: to act in.
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
    self._loop = acme.EnvironmentLoop(environment, actor, logger=LatestLogger())
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


@dataclasses.dataclass
class Environments:
  """The environments of a run; the last three are for evaluation."""

  imitation: imitation_lib.ImitationEnvironment
  task: dm_env.Environment
  training: imitation_lib.ImitationEnvironment
  validation: imitation_lib.ImitationEnvironment
  task_evaluation: dm_env.Environment


class Trainer:
  """Acts and learns in two threads, and evaluates from time to time.

  Args:
    agent: both halves.
    learner_logs: of the two learners, by half.
    environments: of the run; the acting ones are driven by the threads.
    curves: where points are appended.
    task_steps_per_imitation_step: the task half waits for the imitation half
      so as not to exceed this.
    evaluation_episodes: of each kind in an evaluation.
  """

  def __init__(
    self,
    agent: agent_lib.MetaMimic,
    learner_logs: Mapping[str, LatestLogger],
    environments: Environments,
    curves: reporting.Curves,
    *,
    task_steps_per_imitation_step: float,
    evaluation_episodes: int,
  ):
    self._agent = agent
    self._logs = learner_logs
    self._environments = environments
    self._curves = curves
    self._episodes = evaluation_episodes
    leader = Actor('imitation', environments.imitation, agent.imitation)
    follower = Actor(
      'task',
      environments.task,
      agent.task,
      lambda: follower.steps <= task_steps_per_imitation_step * leader.steps,
    )
    self._actors = {'imitation': leader, 'task': follower}
    self._started = time.monotonic()

  def run(
    self,
    minutes: float,
    evaluation_period_minutes: float,
    on_evaluation: Callable[[], None] = lambda: None,
  ) -> None:
    """Trains for a given time; an interrupt ends it early.

    Args:
      minutes: wall time.
      evaluation_period_minutes: from one evaluation to the next.
      on_evaluation: is called after each.

    Raises:
      KeyboardInterrupt: after the threads have stopped.
      RuntimeError: likewise, if one of them stopped by itself; its error is
        the cause.
    """
    self._started = time.monotonic()
    for actor in self._actors.values():
      actor.start()
    bar = tqdm.tqdm(
      total=round(minutes * 60),
      unit='s',
      bar_format='{percentage:3.0f}% |{bar:20}| {remaining} left{postfix}',
      mininterval=1.0,
    )
    next_evaluation = evaluation_period_minutes
    try:
      while self._minutes() < minutes:
        time.sleep(_POLL_SECONDS)
        self._raise_errors()
        bar.n = min(bar.total, round(self._minutes() * 60))
        bar.set_postfix_str(self._status(), refresh=False)
        bar.refresh()
        if self._minutes() >= next_evaluation:
          self._evaluate_paused()
          on_evaluation()
          next_evaluation = self._minutes() + evaluation_period_minutes
    finally:
      self._stop()
      bar.close()
    self._raise_errors()
    self._evaluate()
    on_evaluation()

  def _minutes(self) -> float:
    return (time.monotonic() - self._started) / 60

  def _stop(self) -> None:
    for actor in self._actors.values():
      actor.stop()
    for actor in self._actors.values():
      actor.join()

  def _raise_errors(self) -> None:
    for name, actor in self._actors.items():
      if actor.error is not None:
        raise RuntimeError(f'The {name} half has stopped.') from actor.error

  def _updates(self, half: str) -> float:
    return self._logs[half].get(f'{half}_learner_steps')

  def _status(self) -> str:
    seconds = self._minutes() * 60
    imitation_actor, task_actor = self._actors.values()
    updates = np.nan_to_num([self._updates(half) for half in self._actors])
    steps = imitation_actor.steps + task_actor.steps
    return (
      f'{updates.sum() / seconds:.0f} updates/s, '
      f'{steps / seconds:.0f} steps/s, '
      f'imitation reward {imitation_actor.mean_step_reward("imitation"):.2f}, '
      f'task return {task_actor.mean_return():.1f}'
    )

  def _evaluate_paused(self) -> None:
    """Evaluates the policies as they are, with the cores to itself."""
    with contextlib.ExitStack() as stack:
      for actor in self._actors.values():
        stack.enter_context(actor.paused())
      self._evaluate()

  def _evaluate(self) -> None:
    """Evaluates both policies and appends a point to the curves."""
    environments, agent = self._environments, self._agent
    point = {
      'minutes': self._minutes(),
      'train_imitation_reward': self._actors['imitation'].mean_step_reward(
        'imitation'
      ),
      'task_actor_return': self._actors['task'].mean_return(),
      'task_policy_return': evaluation.task_return(
        environments.task_evaluation, agent.task_policy, self._episodes
      ),
    }
    for name, environment in (
      ('training', environments.training),
      ('validation', environments.validation),
    ):
      count = min(self._episodes, len(environment.demonstrations))
      metrics = evaluation.follow_all(
        environment, agent.imitation_policy, indices=range(count)
      )
      for key, value in evaluation.mean(metrics).items():
        point[f'{name}_{key}'] = value
    for half, actor in self._actors.items():
      point[f'{half}_environment_steps'] = actor.steps
      point[f'{half}_updates'] = self._updates(half)
      point[f'{half}_critic_loss'] = self._logs[half].get('critic_loss')
      point[f'{half}_q_mean'] = self._logs[half].get('q_mean')
    self._curves.append(point)
