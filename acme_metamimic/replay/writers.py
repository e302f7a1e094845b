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
"""Writers that wait for a replay server as long as it answers."""

from typing import Any, Optional

from absl import logging
import reverb
from reverb import errors

from acme_metamimic import waiting
from acme_metamimic.replay import answers


class PatientClient:
  """The part of a Reverb client that adders need, for one server.

  A server that saves or has too much to do may hold the items of a writer for as
  long as it takes, and so may the rate limiter of a table that is not ours
  (`tables.make_rate_limiter` never does). One that does not answer may not.
  """

  def __init__(self, client: reverb.Client):
    """Initializes the client.

    Args:
      client: Reverb client of the server.
    """
    self._client = client

  def trajectory_writer(self, *args: Any, **kwargs: Any) -> 'PatientWriter':
    """Returns a writer; the arguments are those of Reverb's client."""
    writer = self._client.trajectory_writer(*args, **kwargs)
    return PatientWriter(writer, self._client)


class PatientWriter:
  """A `reverb.TrajectoryWriter` whose server must answer while it waits."""

  def __init__(self, writer: reverb.TrajectoryWriter, client: reverb.Client):
    """Initializes the writer.

    Args:
      writer: Reverb's writer, which does the work.
      client: client of its server.
    """
    self._writer = writer
    self._client = client

  def __getattr__(self, name: str) -> Any:
    """Returns what Reverb's writer has by this name."""
    return getattr(self._writer, name)

  def flush(
    self, block_until_num_items: int = 0, timeout_ms: Optional[int] = None
  ) -> None:
    """Waits until the server has confirmed all but some items.

    Args:
      block_until_num_items: number of items that may be left.
      timeout_ms: milliseconds to wait; None waits while the server answers.

    Raises:
      NoAnswerError: if the server does not answer for an hour.
      DeadlineExceededError: if `timeout_ms` have passed.
    """
    if timeout_ms is not None:
      self._writer.flush(block_until_num_items, timeout_ms)
      return
    waited = 0
    while True:
      try:
        self._writer.flush(
          block_until_num_items, timeout_ms=1000 * waiting.LINE_SECONDS
        )
        return
      except errors.DeadlineExceededError:
        answers.table_infos(self._client)
      waited += waiting.LINE_SECONDS
      logging.warning(
        'Still waiting for %s to take items, for %d s. It answers: it is saving, '
        'has too much to do, or a rate limiter of a table of yours holds them.',
        answers.name(self._client),
        waited,
      )

  def end_episode(
    self, clear_buffers: bool = True, timeout_ms: Optional[int] = None
  ) -> None:
    """Ends the episode, once the server has confirmed all items.

    Args:
      clear_buffers: whether to forget the steps of the episode.
      timeout_ms: as for `flush`.

    Raises:
      NoAnswerError, DeadlineExceededError: as for `flush`.
    """
    if timeout_ms is None:
      self.flush()
    self._writer.end_episode(clear_buffers, timeout_ms)
