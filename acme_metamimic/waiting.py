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
"""Waiting for other servers: with a line from time to time, and a limit.

A client of Reverb or Courier waits for ever, and without a word, for a server
that cannot be reached.
"""

from concurrent import futures
from typing import Any, Callable, Optional, TypeVar

from absl import logging

T = TypeVar('T')

# From one line about a wait to the next.
LINE_SECONDS = 60
# A replay server answers nothing while it writes a checkpoint: 300 GB take 50
# minutes on a disk that writes 100 MB/s. A node that is started anew restores its
# replay in about the same time.
ANSWER_SECONDS = 3600


class NoAnswerError(TimeoutError):
  """A server has not answered; the message says what may be the cause."""


class NotYetError(Exception):
  """An attempt has ended without an answer."""


def attempt(
  call: Callable[[float], T],
  server: str,
  remedy: str,
  seconds: Optional[float] = None,
) -> T:
  """Returns the result of a call, which is attempted until there is one.

  Args:
    call: function that gets the seconds that an attempt may take, and raises a
      `NotYetError` when they have passed.
    server: the server that is waited for, such as `the server at host:1`.
    remedy: what to look at if it does not answer.
    seconds: seconds to wait at most; `ANSWER_SECONDS` by default.

  Raises:
    NoAnswerError: if there is no result in that time.
  """
  seconds = ANSWER_SECONDS if seconds is None else seconds
  waited = 0.0
  while waited < seconds:
    if waited:
      logging.warning(
        'Still waiting for %s, which has not answered for %.0f s.',
        server,
        waited,
      )
    try:
      return call(min(LINE_SECONDS, seconds - waited))
    except NotYetError:
      waited += LINE_SECONDS
  raise NoAnswerError(
    f'{server} has not answered for {seconds:.0f} s: {remedy}'
  )


def result(
  future: futures.Future,
  server: str,
  remedy: str,
  seconds: Optional[float] = None,
) -> Any:
  """Returns the result of a future that depends on a server.

  Args:
    future: future of a call that has no limit of its own. It may go on when it
      is waited for no more.
    server: as for `attempt`.
    remedy: as for `attempt`.
    seconds: as for `attempt`.

  Raises:
    NoAnswerError: if there is no result in that time.
    Exception: what the call has raised.
  """

  def wait(slice_seconds: float) -> Any:
    done, _ = futures.wait([future], slice_seconds)
    if not done:
      raise NotYetError
    return future.result()

  return attempt(wait, server, remedy, seconds)
