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
"""Answers of a replay server, none of which is waited for without a limit.

Reverb's own calls wait for ever, and without a word, for a server that cannot be
reached. Sampling and inserting wait for data by design, and are no matter of
this module.
"""

import functools
import threading
from typing import Any, Callable, List, Mapping, TypeVar

import reverb
from reverb import errors
from reverb import reverb_types

T = TypeVar('T')

# A server that was just started has nothing else to do: even on a machine that
# is busy it answers within seconds.
START_SECONDS = 120
# A server answers nothing while it writes a checkpoint: 300 GB take 50 minutes on
# a disk that writes 100 MB/s.
ANSWER_SECONDS = 3600


class NoAnswerError(TimeoutError):
  """A replay server has not answered; the message says what may be the cause."""


def table_infos(
  client: reverb.Client, seconds: int = ANSWER_SECONDS
) -> Mapping[str, reverb_types.TableInfo]:
  """Returns what a server says of its tables, by their names.

  Args:
    client: client of the server.
    seconds: seconds to wait at most.

  Raises:
    NoAnswerError: if there is no answer in that time.
  """
  try:
    return client.server_info(timeout=seconds)
  except errors.DeadlineExceededError:
    raise _no_answer(client, seconds) from None


def check_started(client: reverb.Client) -> None:
  """Checks that a server that this process has started can be reached.

  Args:
    client: client of the server.

  Raises:
    NoAnswerError: if it cannot be.
  """
  table_infos(client, START_SECONDS)


def reset(client: reverb.Client, table: str) -> None:
  """Empties a table.

  Args:
    client: client of the server.
    table: name of the table.

  Raises:
    NoAnswerError: if the server does not say that it is empty.
  """
  _within(ANSWER_SECONDS, functools.partial(client.reset, table), client)


def checkpoint(client: reverb.Client) -> str:
  """Has a server write a checkpoint.

  Args:
    client: client of the server.

  Returns:
    Path of the checkpoint.

  Raises:
    NoAnswerError: if the server does not say that it is written. It may be yet.
  """
  return _within(ANSWER_SECONDS, client.checkpoint, client)


def _within(seconds: float, call: Callable[[], T], client: reverb.Client) -> T:
  """Returns the result of a call that has no limit of its own.

  Args:
    seconds: seconds to wait at most; the call itself may go on after them.
    call: the call.
    client: client of the server that is called.
  """
  results: List[T] = []
  failures: List[BaseException] = []

  def run() -> None:
    try:
      results.append(call())
    except BaseException as error:  # Raised in the thread that waits.
      failures.append(error)

  thread = threading.Thread(target=run, name='replay_call', daemon=True)
  thread.start()
  thread.join(seconds)
  if failures:
    raise failures[0]
  if not results:
    raise _no_answer(client, seconds)
  return results[0]


def _no_answer(client: Any, seconds: float) -> NoAnswerError:
  return NoAnswerError(
    f'the replay server at {client.server_address} has not answered for '
    f'{seconds:.0f} s: see that no firewall or proxy stands before it (`make '
    'doctor` tries one here), and that the disk of its checkpoints can be written.'
  )
