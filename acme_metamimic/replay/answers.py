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
reached. Writers and samplers also wait for data, by design and without a limit:
the former see to the server themselves (`writers`), and a learner has a watch
that does (`program.nodes`).
"""

from concurrent import futures
import functools
import threading
from typing import Any, Callable, Mapping, Optional, TypeVar

import reverb
from reverb import errors
from reverb import reverb_types

from acme_metamimic import waiting

T = TypeVar('T')

# A server that was just started has nothing else to do: even on a machine that
# is busy it answers within seconds.
START_SECONDS = 120

_REMEDY = (
  'see that no firewall or proxy stands before it (`make doctor` tries one here), '
  'and that the disk of its checkpoints can be written.'
)


def table_infos(
  client: reverb.Client, seconds: Optional[int] = None
) -> Mapping[str, reverb_types.TableInfo]:
  """Returns what a server says of its tables, by their names.

  Args:
    client: client of the server.
    seconds: seconds to wait at most; an hour by default.

  Raises:
    NoAnswerError: if there is no answer in that time.
  """

  def ask(slice_seconds: float) -> Mapping[str, reverb_types.TableInfo]:
    try:
      return client.server_info(timeout=int(slice_seconds))
    except errors.DeadlineExceededError:
      raise waiting.NotYetError from None

  return waiting.attempt(ask, name(client), _REMEDY, seconds)


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
  within_limit(functools.partial(client.reset, table), client)


def checkpoint(client: reverb.Client) -> str:
  """Has a server write a checkpoint.

  Args:
    client: client of the server.

  Returns:
    Path of the checkpoint.

  Raises:
    NoAnswerError: if the server does not say that it is written. It may be yet.
  """
  return within_limit(client.checkpoint, client)


def within_limit(call: Callable[[], T], client: Any) -> T:
  """Returns the result of a call that has no limit of its own.

  Args:
    call: the call, which may go on when it is waited for no more.
    client: client of the server that is called.

  Raises:
    NoAnswerError: if there is no answer.
  """
  future: futures.Future = futures.Future()

  def run() -> None:
    try:
      future.set_result(call())
    except BaseException as error:  # Raised in the thread that waits.
      future.set_exception(error)

  threading.Thread(target=run, name='replay_call', daemon=True).start()
  return waiting.result(future, name(client), _REMEDY)


def name(client: Any) -> str:
  """Returns what messages call the server of a client."""
  return f'the replay server at {client.server_address}'
