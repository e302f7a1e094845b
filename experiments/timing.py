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
"""What the time of a thread that acts is spent on."""

import contextlib
import time
from typing import Dict, Iterator, Mapping

from acme import core
from acme import types
from acme import wrappers
import dm_env
import numpy as np

RENDER, PHYSICS, ACT, RECORD, LEARN = PARTS = (
  'render',
  'physics',
  'act',
  'record',
  'learn',
)


class Stopwatch:
  """Adds up seconds by what they were spent on."""

  def __init__(self) -> None:
    self._seconds: Dict[str, float] = dict.fromkeys(PARTS, 0.0)

  @contextlib.contextmanager
  def measured(self, part: str) -> Iterator[None]:
    """Counts what happens meanwhile.

    Args:
      part: one of `PARTS`.
    """
    began = time.perf_counter()
    try:
      yield
    finally:
      self._seconds[part] += time.perf_counter() - began

  def move(self, seconds: float, part: str, to: str) -> None:
    """Counts seconds that were counted as one part as another.

    Args:
      seconds: number of seconds.
      part: what they were counted as.
      to: what they are.
    """
    self._seconds[part] -= seconds
    self._seconds[to] += seconds

  @property
  def seconds(self) -> Mapping[str, float]:
    """Seconds so far, by `PARTS`."""
    return dict(self._seconds)


class TimedEnvironment(wrappers.EnvironmentWrapper):
  """Measures the steps and resets of an environment, and what it renders."""

  def __init__(self, environment: dm_env.Environment, stopwatch: Stopwatch):
    """Initializes the wrapper.

    Args:
      environment: environment. If it is or wraps one with `render_seconds`, that
        is what it has rendered so far.
      stopwatch: stopwatch that it is measured with.
    """
    super().__init__(environment)
    self._stopwatch = stopwatch
    self._innermost = environment
    while hasattr(self._innermost, 'environment'):
      self._innermost = self._innermost.environment

  def reset(self) -> dm_env.TimeStep:
    """Starts an episode."""
    with self._measured():
      return self._environment.reset()

  def step(self, action: np.ndarray) -> dm_env.TimeStep:
    """Advances by a step.

    Args:
      action: action as the environment's `action_spec` describes it.
    """
    with self._measured():
      return self._environment.step(action)

  @contextlib.contextmanager
  def _measured(self) -> Iterator[None]:
    before = self._render_seconds()
    with self._stopwatch.measured(PHYSICS):
      yield
    self._stopwatch.move(self._render_seconds() - before, PHYSICS, RENDER)

  def _render_seconds(self) -> float:
    return getattr(self._innermost, 'render_seconds', 0.0)


class TimedActor(core.Actor):
  """Measures what an actor does."""

  def __init__(self, actor: core.Actor, stopwatch: Stopwatch):
    """Initializes the wrapper.

    Args:
      actor: actor that is measured.
      stopwatch: stopwatch that it is measured with.
    """
    self._actor = actor
    self._stopwatch = stopwatch

  def select_action(self, observation: types.NestedArray) -> types.NestedArray:
    """Returns the actor's action.

    Args:
      observation: observation as the environment's spec describes it.
    """
    with self._stopwatch.measured(ACT):
      return self._actor.select_action(observation)

  def observe_first(self, timestep: dm_env.TimeStep) -> None:
    """Records the first step of an episode.

    Args:
      timestep: time step that a reset returned.
    """
    with self._stopwatch.measured(RECORD):
      self._actor.observe_first(timestep)

  def observe(
    self, action: types.NestedArray, next_timestep: dm_env.TimeStep
  ) -> None:
    """Records a step.

    Args:
      action: action that was taken.
      next_timestep: time step that it led to.
    """
    with self._stopwatch.measured(RECORD):
      self._actor.observe(action, next_timestep)

  def update(self, wait: bool = False) -> None:
    """Has the actor learn, or wait for a learner that learns beside it.

    Args:
      wait: whether to wait for new variables.
    """
    with self._stopwatch.measured(LEARN):
      # Acme's agents take no argument.
      self._actor.update(*([wait] if wait else []))


def describe(seconds: Mapping[str, float]) -> str:
  """Returns shares of the time in words, largest first.

  Args:
    seconds: seconds by what they were spent on.
  """
  total = sum(seconds.values())
  if not total:
    return 'nothing yet'
  ordered = sorted(seconds, key=lambda part: -seconds[part])
  return ', '.join(
    f'{part} {100.0 * seconds[part] / total:.0f} %'
    for part in ordered
    if seconds[part]
  )
