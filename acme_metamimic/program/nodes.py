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

"""Nodes of the distributed program that Acme has none of, or not as needed.

A program stops in good order if each node ends by itself soon after it is told
to: learners and replay save what they have first.
"""

import contextlib
import statistics
import threading
from typing import (
  Any,
  Callable,
  ContextManager,
  Dict,
  List,
  Mapping,
  Optional,
  Sequence,
)

from absl import logging
import acme
from acme import core
from acme.tf import variable_utils
from acme.utils import counting
from acme.utils import loggers
import launchpad as lp

from acme_metamimic.program import variables as variables_lib
from acme_metamimic.tf import checkpoints
from acme_metamimic.tf import learners

_POLL_SECONDS = 0.2
# How long a learner may take to end its step. One that waits for data, which
# cannot be interrupted, is saved as it is.
_STEP_SECONDS = 3.0
_LOG_SECONDS = 5
_LIMIT_SECONDS = 1.0
# How often a learner's steps are looked after.
_WATCH_SECONDS = 60


class CounterNode(core.Worker):
  """The parent of all counters, with a fixed path and a log.

  Acme's `CheckpointingRunner` is ended by an exception in whatever it does at
  that moment. One that waits for the stop as well may then leave the lock of
  Launchpad's event behind, for which all others wait.
  """

  def __init__(
    self,
    counter: counting.Counter,
    *,
    checkpoint_directory: Optional[str] = None,
    checkpoint_period_minutes: float = 1.0,
    logger: Optional[loggers.Logger] = None,
  ):
    """Initializes the node.

    Args:
      counter: counter that the node serves.
      checkpoint_directory: folder of the run, from whose checkpoint the counter
        resumes; None for no checkpoints.
      checkpoint_period_minutes: minutes from one checkpoint to the next; short,
        as a checkpoint is a few numbers.
      logger: receives the counts.
    """
    self._counter = counter
    self._logger = logger
    self._checkpointer: Optional[checkpoints.Checkpointer] = None
    if checkpoint_directory is not None:
      self._checkpointer = checkpoints.Checkpointer(
        objects_to_save={'counter': counter},
        time_delta_minutes=checkpoint_period_minutes,
        directory=checkpoint_directory,
        subdirectory='counter',
        # A path that is the same in every process is what a restart can find.
        add_uid=False,
      )

  def increment(self, **counts: counting.Number) -> Dict[str, counting.Number]:
    """Adds to counts, and returns all."""
    return self._counter.increment(**counts)

  def get_counts(self) -> Dict[str, counting.Number]:
    """Returns all counts."""
    return self._counter.get_counts()

  def run(self) -> None:
    """Saves and logs from time to time, and once more when the program stops.

    Raises:
      OSError: if it could not save.
    """
    while not lp.wait_for_stop(_LOG_SECONDS):
      if self._checkpointer is not None:
        self._checkpointer.save()
      if self._logger is not None:
        self._logger.write(self.get_counts())
    if self._checkpointer is not None:
      self._checkpointer.save(force=True)
    if self._logger is not None:
      self._logger.write(self.get_counts())
      self._logger.close()


class LimiterNode(core.Worker):
  """Stops the program when a count reaches its limit.

  Acme's `StepsLimiter` has one limit.
  """

  def __init__(
    self, counter: counting.Counter, limits: Mapping[str, counting.Number]
  ):
    """Initializes the node.

    Args:
      counter: parent of all counters.
      limits: counts at which the program stops, by their names.
    """
    self._counter = counter
    self._limits = limits

  def run(self) -> None:
    """Looks at the counts until the program stops."""
    while not lp.wait_for_stop(_LIMIT_SECONDS):
      counts = self._counter.get_counts()
      if any(counts.get(k, 0) >= limit for k, limit in self._limits.items()):
        lp.stop()
        return


class LearnerNode(core.VariableSource, core.Worker):
  """Runs a learner, serves its variables; saves and exports before it ends."""

  def __init__(
    self,
    learner: core.Learner,
    names: Sequence[str] = ('policy',),
    *,
    has_data: Callable[[], bool] = lambda: True,
    half_precision: bool = False,
    first_step: ContextManager = contextlib.nullcontext(),
    export: Callable[[], object] = lambda: None,
  ):
    """Initializes the node.

    Args:
      learner: learner to run; what it may have beyond Acme's is in
        `tf.learners`.
      names: names of the collections of variables to serve.
      has_data: asked until there are data for the first step. A step that waits
        for them holds a thread of TensorFlow's, which others may need. It is
        asked again when steps do not end, and raises if the replay is gone.
      half_precision: whether to send float32 as float16.
      first_step: surrounds the first step, in which a learner traces that could
        not do so before.
      export: writes the policy once the learner is saved, for those who use it
        after the program.
    """
    self._learner = learner
    self._export = export
    self._has_data = has_data
    self._first_step = first_step
    self._names = list(names)
    self._server = variables_lib.VariableServer(names, half_precision)
    self._lock = threading.Lock()
    self._num_steps = 0
    self._stopping = threading.Event()
    self._error: Optional[BaseException] = None

  def get_newer(
    self, names: Sequence[str], version: int
  ) -> variables_lib.Newer:
    """Returns variables, unless the asker has those of the last step."""
    with self._lock:
      if self._server.version != self._num_steps:
        number = self._num_steps
        variables = learners.get_variables(self._learner, self._names)
        self._server.publish(number, variables)
    return self._server.get_newer(names, version)

  def get_variables(self, names: Sequence[str]) -> variables_lib.Variables:
    """Returns variables, as Acme's sources do."""
    return learners.get_variables(self._learner, names)

  def step(self) -> None:
    """Runs the learner's step."""
    self._learner.step()
    self._num_steps += 1

  def run(self) -> None:
    """Steps until the program stops; then saves, and exports the policy.

    Raises:
      Exception: what the learner raised.
      NoAnswerError: if the replay has gone, and no step ends.
    """
    steps, watch = (
      threading.Thread(target=self._keeping_error, args=(call,), daemon=True)
      for call in (self._step_on, self._watch)
    )
    steps.start()
    watch.start()
    while (
      steps.is_alive()
      and self._error is None
      and not lp.wait_for_stop(_POLL_SECONDS)
    ):
      pass
    self._stopping.set()
    steps.join(_STEP_SECONDS)
    if self._error is not None:
      raise self._error
    learners.save(self._learner)
    self._export()
    learners.close(self._learner)

  def _step_on(self) -> None:
    while not self._has_data():
      if self._stopping.wait(_POLL_SECONDS):
        return
    with self._first_step:
      self.step()
    while not self._stopping.is_set():
      self.step()

  def _watch(self) -> None:
    """Says that steps do not end, and raises if the replay does not answer.

    A learner waits for items without a limit, as a rate limiter may hold them.
    """
    number, minutes = self._num_steps, 0
    while not self._stopping.wait(_WATCH_SECONDS):
      minutes = minutes + 1 if number == self._num_steps else 0
      number = self._num_steps
      if not minutes:
        continue
      self._has_data()
      if minutes & (minutes - 1) == 0:  # After 1, 2, 4, 8 minutes.
        logging.warning(
          'No update for %d s. The replay answers: a step is slow, or the learner '
          'waits for items, which actors bring until there are min_replay_size, '
          'and as samples_per_insert lets it.',
          minutes * _WATCH_SECONDS,
        )

  def _keeping_error(self, call: Callable[[], None]) -> None:
    try:
      call()
    except BaseException as error:  # Handed to the thread that waits.
      # A replay that ends before its learner does is no error of the learner.
      if not self._stopping.is_set():
        self._error = error


class ActorNode(core.Worker):
  """Runs an actor's loop, and leaves it at once when the program stops.

  Acme's loops do not look whether it does, and the servers that they wait for
  may be gone by then. An actor has nothing to save.
  """

  def __init__(self, loop: core.Worker):
    """Initializes the node.

    Args:
      loop: loop of an actor and its environment.
    """
    self._loop = loop

  def run(self) -> None:
    """Runs until the program stops.

    Raises:
      Exception: what the loop raised before that.
    """
    _run_until_stopped(lambda stopping: self._loop.run())


def _run_until_stopped(function: Callable[[threading.Event], None]) -> None:
  """Runs a function in a thread, and leaves it when the program stops.

  Args:
    function: gets an event that is set then. Launchpad itself answers only in
      the node's own thread.
  """
  stopping = threading.Event()
  errors: List[BaseException] = []

  def run() -> None:
    try:
      function(stopping)
    except BaseException as error:  # Handed to the thread that waits.
      errors.append(error)

  thread = threading.Thread(target=run, daemon=True)
  thread.start()
  while thread.is_alive():
    if lp.wait_for_stop(_POLL_SECONDS):
      stopping.set()
      return
  if errors and not lp.wait_for_stop(0.0):
    raise errors[0]


class EvaluatorNode(core.Worker):
  """Runs some episodes with the newest policy, again and again."""

  def __init__(
    self,
    loop: acme.EnvironmentLoop,
    variable_client: variable_utils.VariableClient,
    logger: loggers.Logger,
    *,
    num_episodes: int,
    period_seconds: float,
  ):
    """Initializes the node.

    Args:
      loop: loop of an environment and an actor that explores and records
        nothing.
      variable_client: client that updates that actor's policy.
      logger: receives means over the episodes of a round.
      num_episodes: number of episodes in a round; all of them have the same
        variables.
      period_seconds: seconds from the end of a round to the next.
    """
    self._loop = loop
    self._variable_client = variable_client
    self._logger = logger
    self._num_episodes = num_episodes
    self._period_seconds = period_seconds
    self._latest: Dict[str, float] = {}

  def latest(self) -> Dict[str, float]:
    """Returns the means of the last round, empty before it."""
    return self._latest

  def run(self) -> None:
    """Evaluates until the program stops.

    Raises:
      Exception: what an episode raised before that.
    """
    _run_until_stopped(self._evaluate)

  def _evaluate(self, stopping: threading.Event) -> None:
    while not stopping.is_set():
      self._variable_client.update_and_wait()
      episodes: List[Dict[str, float]] = []
      while len(episodes) < self._num_episodes and not stopping.is_set():
        episodes.append(flatten(self._loop.run_episode()))
      if len(episodes) == self._num_episodes:
        self._latest = mean_episode(episodes)
        self._logger.write(self._latest)
      stopping.wait(self._period_seconds)


def flatten(data: Mapping[str, Any], prefix: str = '') -> Dict[str, float]:
  """Returns nested scalars as one dict, `{'a': {'b': 1}}` as `{'a/b': 1.0}`.

  TensorBoard's logger fails on nested values and that for CSV writes their
  representation.
  """
  flat: Dict[str, float] = {}
  for key, value in data.items():
    if isinstance(value, Mapping):
      flat.update(flatten(value, f'{prefix}{key}/'))
    else:
      flat[f'{prefix}{key}'] = float(value)
  return flat


def mean_episode(episodes: Sequence[Mapping[str, float]]) -> Dict[str, float]:
  """Returns means of what an episode has of its own, and the newest counts."""
  own = ('episode_', 'steps_per_second')
  return {
    key: statistics.fmean(episode[key] for episode in episodes)
    if key.startswith(own)
    else value
    for key, value in episodes[-1].items()
  }
