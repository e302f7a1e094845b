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

"""The status line of a distributed run."""

import contextlib
import sys
import time
from typing import Any, Callable, Dict, Mapping, Optional

import launchpad as lp

from acme_metamimic.program import distributed

_PERIOD_SECONDS = 5.0
# In a log, where each is a line.
_LOG_PERIOD_SECONDS = 30.0
_CALL_SECONDS = 2.0


class StatusLine:
  """Prints a line about the progress of all nodes, every few seconds."""

  def __init__(
    self,
    program: lp.Program,
    max_actor_steps: Optional[int] = None,
    write: Optional[Callable[[str], None]] = None,
    period_seconds: Optional[float] = None,
  ):
    """Makes handles of the nodes; the program must not be launched yet.

    Args:
      program: program that a `DistributedMetaMimic` has built.
      max_actor_steps: steps of imitation actors at which the program stops, to
        tell the time that is left; None to leave that out.
      write: function that is given each line; by default a line is printed, on a
        terminal in place of the one before.
      period_seconds: seconds between two lines; by default five on a terminal,
        and half a minute elsewhere once the nodes answer.
    """
    self._counter = program.groups['counter'][0].create_handle()
    self._replay = [n.create_handle() for n in program.groups['replay']]
    self._evaluators = {
      f'{half} {split}': node.create_handle()
      for half, splits in distributed.EVALUATED.items()
      for split, node in zip(
        splits, program.groups.get(f'{half}_evaluator', ())
      )
    }
    for handle in (self._counter, *self._evaluators.values()):
      handle.set_client_kwargs(call_timeout=_CALL_SECONDS, wait_for_ready=False)
    self._max_actor_steps = max_actor_steps
    self._write = write or _write_over
    self._first_seconds = self._period_seconds = (
      _PERIOD_SECONDS if period_seconds is None else period_seconds
    )
    if period_seconds is None and not sys.stdout.isatty():
      self._period_seconds = _LOG_PERIOD_SECONDS
    self._clients: Dict[Any, Any] = {}
    self._last: Optional[tuple[float, Mapping[str, float]]] = None
    self._next = time.monotonic() + self._first_seconds

  def __call__(self) -> None:
    """Writes a line if it is time."""
    if time.monotonic() < self._next:
      return
    line = self.line()
    self._next = time.monotonic() + (
      self._first_seconds if self._last is None else self._period_seconds
    )
    with contextlib.suppress(OSError):  # Nobody reads on; the run goes on.
      self._write(line)

  def line(self) -> str:
    """Returns the line; it leaves out nodes that do not answer."""
    counts = self._ask(lambda: self._client(self._counter).get_counts())
    if counts is None:
      return 'waiting for the nodes to start'
    now, rates = time.monotonic(), {}
    if self._last is not None:
      before, old = self._last
      rates = {
        key: (value - old.get(key, 0.0)) / (now - before)
        for key, value in counts.items()
      }
    self._last = (now, counts)
    parts = [
      f'{_total(rates, "actor_steps"):.0f} steps/s',
      f'{_total(rates, "learner_steps"):.0f} updates/s',
      f'{_total(counts, "actor_steps"):.0f} steps',
      *self._fill(),
      *self._returns(),
    ]
    rate = rates.get('imitation_actor_steps', 0.0)
    if self._max_actor_steps is not None and rate > 0.0:
      left = self._max_actor_steps - counts['imitation_actor_steps']
      parts.append(f'{max(left, 0.0) / rate / 60:.0f} min left')
    return ', '.join(parts)

  def _fill(self) -> list[str]:
    sizes: Dict[str, int] = {}
    for handle in self._replay:
      client = self._client(handle)
      info = self._ask(lambda: client.server_info(timeout=1))  # noqa: B023
      for name, table in (info or {}).items():
        sizes[name] = sizes.get(name, 0) + table.current_size
    return [f'{name} replay {size}' for name, size in sizes.items()]

  def _returns(self) -> list[str]:
    parts = []
    for who, handle in self._evaluators.items():
      latest = self._ask(lambda: self._client(handle).latest()) or {}  # noqa: B023
      # The task return of an imitation policy is in the log alone.
      for key in ('episode_return', 'episode_return/imitation'):
        if key in latest:
          parts.append(f'{who} return {latest[key]:.1f}')
    return parts

  def _client(self, handle: Any) -> Any:
    if handle not in self._clients:
      self._clients[handle] = handle.dereference()
    return self._clients[handle]

  def _ask(self, question: Callable[[], Any]) -> Any:
    try:
      return question()
    except Exception:  # Courier and Reverb have no types of their own.
      return None


def _total(counts: Mapping[str, float], suffix: str) -> float:
  return sum(value for key, value in counts.items() if key.endswith(suffix))


def _write_over(line: str) -> None:
  if sys.stdout.isatty():
    print(f'\r\x1b[K{line:.180}', end='', flush=True)
  else:
    print(line, flush=True)
