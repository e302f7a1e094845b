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

"""Outcomes of faults: what is expected, their record and their table."""

import collections
import dataclasses
import json
import os
import signal
from typing import Iterable, Iterator, Optional, Sequence

from experiments.distributed import groups

LAUNCHER = 'launcher'

# Seconds that a stop by SIGINT or SIGTERM may take.
_STOP_SECONDS = 15.0


@dataclasses.dataclass
class Outcome:
  """The outcome of one fault.

  Attributes:
    fault: signal and node, such as `SIGKILL replay/0`.
    went_on: whether the run went on with the node started again.
    seconds: seconds until the node was back, or until everything had ended.
    exit_code: exit code of the launcher, None if the run went on.
    reason: reason that the launcher gave for the end of the run.
    left_over: number of processes that outlived the run.
    resumed: whether the next run had the steps and the replay of this one; None
      if there was no next run, as this one went on.
  """

  fault: str
  went_on: bool
  seconds: float
  exit_code: Optional[int]
  reason: str
  left_over: int
  resumed: Optional[bool] = None

  def as_expected(self, launch_type: str) -> bool:
    """Returns whether the outcome is as it should be.

    Args:
      launch_type: launch type of the program; `ray` alone starts nodes again.
    """
    name = self.fault.split()[-1]
    if launch_type == 'ray' and name.removesuffix('/0') in groups.RESTARTABLE:
      return self.went_on
    if self.went_on or self.left_over or self.resumed is False:
      return False
    if name == LAUNCHER:
      return 'SIGKILL' in self.fault or (
        self.exit_code == 0 and self.seconds <= _STOP_SECONDS
      )
    return self.exit_code == 1 and name in self.reason


def append(path: str, outcome: Outcome) -> None:
  """Appends an outcome, a line of JSON, to a file."""
  with open(path, 'a') as file:
    file.write(f'{json.dumps(dataclasses.asdict(outcome))}\n')


def read(path: str) -> list[Outcome]:
  """Returns the outcomes in a file; none if there is no such file.

  Args:
    path: file that `append` has written.

  Raises:
    ValueError: if a line is no outcome.
  """
  if not os.path.exists(path):
    return []
  outcomes = []
  with open(path) as file:
    for number, line in enumerate(file, 1):
      try:
        outcomes.append(Outcome(**json.loads(line)))
      except (TypeError, ValueError) as error:
        raise ValueError(
          f'Line {number} of {path!r} is no outcome ({error}): remove the line, '
          'and its fault is tried again.'
        ) from error
  return outcomes


def name_fault(target: str, number: signal.Signals) -> str:
  """Returns the name of a fault, such as `SIGKILL replay/0`.

  Args:
    target: label of a group, whose first node is hurt, or `LAUNCHER`.
    number: signal that is sent.
  """
  return f'{number.name} {target if target == LAUNCHER else f"{target}/0"}'


def left(
  faults: Sequence[str], outcomes: Iterable[Outcome], repeats: int
) -> Iterator[str]:
  """Yields the faults that are still to be tried.

  The faults take turns, as the launcher gives up a node that dies several times
  in a row soon after its start.

  Args:
    faults: names of all faults.
    outcomes: outcomes up to now.
    repeats: number of times that each fault is to be tried.
  """
  done = collections.Counter(outcome.fault for outcome in outcomes)
  for turn in range(repeats):
    for fault in faults:
      if done[fault] <= turn:
        yield fault


def table(outcomes: list[Outcome], launch_type: str) -> str:
  """Returns a table of outcomes in Markdown, with a row for each fault.

  Args:
    outcomes: outcomes of one launch type.
    launch_type: launch type of the program that was hurt.
  """
  lines = [
    '| fault | times | as it should | outcome | seconds, most | resumed |',
    '|-|-|-|-|-|-|',
  ]
  for fault in dict.fromkeys(outcome.fault for outcome in outcomes):
    group = [outcome for outcome in outcomes if outcome.fault == fault]
    good = sum(outcome.as_expected(launch_type) for outcome in group)
    kinds = {
      'goes on' if o.went_on else f'ends with {o.exit_code}' for o in group
    }
    resumed = [o.resumed for o in group if o.resumed is not None]
    lines.append(
      f'| {fault} | {len(group)} | {good} | {", ".join(sorted(kinds))} | '
      f'{max(outcome.seconds for outcome in group):.1f} | '
      + (f'{sum(resumed)} of {len(resumed)} |' if resumed else '|')
    )
  return '\n'.join(lines)
