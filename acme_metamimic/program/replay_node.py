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

"""The replay server's node."""

import functools
from typing import Callable, Dict, Optional, Sequence

from absl import logging
from acme.utils import loggers
import launchpad as lp
from launchpad import address as lp_address
import reverb

from acme_metamimic.replay import saving

_LOG_SECONDS = 5


class ReplayNode(lp.ReverbNode):
  """A Reverb node that saves its tables' contents and starts from them."""

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
      priority_tables_fn: function that makes the tables, called in the node's
        process.
      checkpoint_directory: folder for the checkpoints of this server, and of no
        other; None switches them off. The server starts from the newest complete
        one.
      checkpoint_period_minutes: minutes between two checkpoints. The server
        serves no requests while it writes one.
      logger_fn: function that makes a logger for the tables' sizes; None logs
        nothing.
    """
    checkpoint_ctor = None
    if checkpoint_directory is not None:
      checkpoint_ctor = functools.partial(
        saving.make_checkpointer, checkpoint_directory
      )
    super().__init__(priority_tables_fn, checkpoint_ctor)
    self._directory = checkpoint_directory
    self._period_seconds = 60.0 * checkpoint_period_minutes
    self._logger_fn = logger_fn

  def run(self) -> None:
    """Serves until the program stops, and then saves the tables.

    Raises:
      OSError: if the tables cannot be saved at the end.
    """
    port = lp_address.get_port_from_address(self._address.resolve())
    checkpointer = self._checkpoint_ctor() if self._checkpoint_ctor else None
    # Kept, as the base class does: a server that is collected waits for writers,
    # which may be gone without a word.
    self._server = reverb.Server(
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
        saving.save(client, self._directory)
        seconds_left = self._period_seconds
    if self._directory is not None and not saving.save(client, self._directory):
      raise OSError(
        f'The replay was not saved in {self._directory} when it was stopped; what '
        'came since the last time is lost.'
      )


def _log_sizes(client: reverb.Client, logger: loggers.Logger) -> None:
  """Logs the tables' sizes; a failure is only logged, as serving goes on."""
  try:
    logger.write(table_sizes(client))
  except Exception as error:  # Of Reverb, if busy, or of the file system.
    logging.warning('Sizes of the tables not logged: %s', error)


def table_sizes(client: reverb.Client) -> Dict[str, int]:
  """Returns the sizes of a server's tables.

  Args:
    client: Reverb client of the server.

  Returns:
    For each table its number of items, `<table>_size`, and the numbers of items
    that were ever inserted and sampled, `<table>_inserts` and `<table>_samples`.
  """
  sizes: Dict[str, int] = {}
  for name, info in client.server_info(timeout=5).items():
    sizes[f'{name}_size'] = info.current_size
    sizes[f'{name}_inserts'] = info.rate_limiter_info.insert_stats.completed
    sizes[f'{name}_samples'] = info.rate_limiter_info.sample_stats.completed
  return sizes
