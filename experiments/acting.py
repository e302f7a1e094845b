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

"""Threads that act in environments, and what they and learners log."""

import contextlib
import threading
from typing import Callable, Iterator, Mapping, Optional

import acme
from acme import core
from acme.utils import loggers
import dm_env
import numpy as np

from acme_metamimic.program import observers
from experiments import timing

# Episodes that the running means in the progress bar are taken over.
_WINDOW = 200
# Between two looks of an actor that waits at whether it may go on.
_WAIT_SECONDS = 0.05


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
