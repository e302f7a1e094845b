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

import pathlib
import shutil
import statistics
import threading
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from absl import logging
import acme
from acme import core
from acme.tf import savers
from acme.tf import variable_utils
from acme.utils import counting
from acme.utils import loggers
import launchpad as lp
from launchpad import address as lp_address
import reverb

from acme_metamimic import variables as variables_lib

_POLL_SECONDS = 0.2
# How long a learner may take to end its step. One that waits for data, which
# cannot be interrupted, is saved as it is.
_STEP_SECONDS = 3.0
_LOG_SECONDS = 5


class ReplayNode(lp.ReverbNode):
  """A Reverb node that saves its contents, and starts from what was saved."""

  def __init__(
    self,
    priority_tables_fn: Callable[[], Sequence[reverb.Table]],
    *,
    checkpoint_directory: Optional[str] = None,
    checkpoint_period_minutes: float = 10.0,
    logger_fn: Optional[Callable[[], loggers.Logger]] = None,
  ):
    """Initializes the node.

    Args:
      priority_tables_fn: makes the tables.
      checkpoint_directory: folder of this server's checkpoints alone; None for
        none. The server starts from the newest that is complete.
      checkpoint_period_minutes: the server stands still while it saves.
      logger_fn: makes a logger that receives the sizes of the tables.
    """
    checkpoint_ctor = None
    if checkpoint_directory is not None:
      checkpoint_ctor = _CheckpointerFactory(checkpoint_directory)
    super().__init__(priority_tables_fn, checkpoint_ctor)
    self._directory = checkpoint_directory
    self._period_seconds = 60.0 * checkpoint_period_minutes
    self._logger_fn = logger_fn

  def run(self) -> None:
    """Serves until the program stops; saves before that."""
    port = lp_address.get_port_from_address(self._address.resolve())
    checkpointer = self._checkpoint_ctor() if self._checkpoint_ctor else None
    server = reverb.Server(
      self._priority_tables_fn(), port=port, checkpointer=checkpointer
    )
    client = reverb.Client(f'localhost:{port}')
    logger = self._logger_fn() if self._logger_fn is not None else None
    seconds_left = self._period_seconds
    while not lp.wait_for_stop(min(_LOG_SECONDS, self._period_seconds)):
      if logger is not None:
        _log_sizes(client, logger)
      seconds_left -= _LOG_SECONDS
      if self._directory is not None and seconds_left <= 0.0:
        _save_replay(client, self._directory)
        seconds_left = self._period_seconds
    if self._directory is not None:
      _save_replay(client, self._directory)
    # No `server.stop()`: it waits for writers, which may be gone without a word.
    del server


class _CheckpointerFactory:
  """Makes Reverb's checkpointer in the node's own process."""

  def __init__(self, directory: str):
    self._directory = directory

  def __call__(self) -> reverb.checkpointers.CheckpointerBase:
    return reverb.checkpointers.DefaultCheckpointer(self._directory)


def _save_replay(client: reverb.Client, directory: str) -> None:
  """Saves a server's contents; the one before stays if that fails."""
  try:
    logging.info('Replay saved in %s.', client.checkpoint())
  except Exception as error:  # Reverb has no type for it.
    logging.error(
      'Replay not saved (%s): make room on the disk. The one saved before is '
      'untouched.',
      error,
    )
    for path in pathlib.Path(directory).glob('*'):
      # What Reverb leaves of one that failed, which takes up room.
      if not (path / 'DONE').exists():
        shutil.rmtree(path, ignore_errors=True)


def _log_sizes(client: reverb.Client, logger: loggers.Logger) -> None:
  """Logs the sizes; a server does not end for its log."""
  try:
    logger.write(table_sizes(client))
  except Exception as error:  # Of Reverb, if busy, or of the file system.
    logging.warning('Sizes of the tables not logged: %s', error)


def table_sizes(client: reverb.Client) -> Dict[str, int]:
  """Returns what the tables of a server hold and what was ever written."""
  sizes: Dict[str, int] = {}
  for name, info in client.server_info(timeout=5).items():
    sizes[f'{name}_size'] = info.current_size
    sizes[f'{name}_inserts'] = info.rate_limiter_info.insert_stats.completed
    sizes[f'{name}_samples'] = info.rate_limiter_info.sample_stats.completed
  return sizes


class CounterNode(savers.CheckpointingRunner):
  """Acme's counter for a program, with a fixed path and a log."""

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
      counter: the parent of all counters.
      checkpoint_directory: folder of the run, from whose checkpoint the counter
        resumes; None for no checkpoints.
      checkpoint_period_minutes: what a counter that dies loses at most; short,
        as its checkpoint is a few numbers.
      logger: receives the counts.
    """
    super().__init__(
      counter,
      time_delta_minutes=checkpoint_period_minutes,
      directory=checkpoint_directory or '',
      subdirectory='counter',
      enable_checkpointing=checkpoint_directory is not None,
      # A path that is the same in every process is what a restart can find.
      add_uid=False,
    )
    self._logger = logger

  def checkpoint(self) -> None:
    """Saves when it is time, and logs."""
    self._checkpointer.save()
    lp.wait_for_stop(_LOG_SECONDS)
    if self._logger is not None:
      self._logger.write(self._wrapped.get_counts())


class LearnerNode(core.VariableSource, core.Worker):
  """Runs a learner, serves its variables, and saves it before it ends."""

  def __init__(
    self,
    learner: Any,
    names: Sequence[str] = ('policy',),
    *,
    has_data: Callable[[], bool] = lambda: True,
    half_precision: bool = False,
  ):
    """Initializes the node.

    Args:
      learner: has `step`, `save`, `close` and `get_variables`.
      names: of the collections of variables to serve.
      has_data: asked until there are data for the first step. A step that waits
        for them holds a thread of TensorFlow's, which others may need.
      half_precision: whether to send float32 as float16.
    """
    self._learner = learner
    self._has_data = has_data
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
        variables = self._learner.get_variables(self._names)
        self._server.publish(number, variables)
    return self._server.get_newer(names, version)

  def get_variables(self, names: Sequence[str]) -> variables_lib.Variables:
    """Returns variables, as Acme's sources do."""
    return self._learner.get_variables(list(names))

  def step(self) -> None:
    """Runs the learner's step."""
    self._learner.step()
    self._num_steps += 1

  def run(self) -> None:
    """Steps until the program stops; then saves.

    Raises:
      Exception: what the learner raised.
    """
    thread = threading.Thread(target=self._step_on, daemon=True)
    thread.start()
    while thread.is_alive() and not lp.wait_for_stop(_POLL_SECONDS):
      pass
    self._stopping.set()
    thread.join(_STEP_SECONDS)
    if self._error is not None:
      raise self._error
    self._learner.save()
    self._learner.close()

  def _step_on(self) -> None:
    try:
      while not self._has_data():
        if self._stopping.wait(_POLL_SECONDS):
          return
      while not self._stopping.is_set():
        self.step()
    except BaseException as error:  # Handed to the thread that waits.
      # A replay that ends before its learner does is no error of the learner.
      self._error = None if self._stopping.is_set() else error


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
      loop: of an environment and an actor that explores and records nothing.
      variable_client: of that actor's policy.
      logger: receives means over the episodes of a round.
      num_episodes: in a round; all of them have the same variables.
      period_seconds: from the end of a round to the next.
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
    """Evaluates until the program stops."""
    while not lp.wait_for_stop(0.0):
      self._variable_client.update_and_wait()
      episodes: List[Dict[str, float]] = []
      while len(episodes) < self._num_episodes and not lp.wait_for_stop(0.0):
        episodes.append(flatten(self._loop.run_episode()))
      if len(episodes) == self._num_episodes:
        self._latest = mean_episode(episodes)
        self._logger.write(self._latest)
      lp.wait_for_stop(self._period_seconds)


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
