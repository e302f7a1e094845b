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

"""Sends the logs of all nodes to Weights & Biases, as one run.

The launcher reads the files that the nodes write. So the nodes need neither the
package nor a connection to its server, and 512 actors are one run there.
"""

import csv
import dataclasses
import glob
import json
import os
import time
from typing import Any, Dict, Iterator, List, Mapping, Protocol

from absl import logging

from experiments.distributed import run_logging

# The server takes only some calls a second.
_PERIOD_SECONDS = 15.0
_STATE = 'wandb.json'
_AXIS = 'imitation_learner_steps'


class WandbError(RuntimeError):
  """Weights & Biases cannot be used; the message says why."""


class WandbRun(Protocol):
  """The methods that are used of a run of Weights & Biases."""

  def log(self, data: Dict[str, Any]) -> None: ...

  def finish(self, exit_code: int) -> None: ...


def start(
  project: str, run_folder: str, settings: Mapping[str, Any]
) -> 'WandbMirror':
  """Starts or resumes the run of Weights & Biases that belongs to a run.

  Args:
    project: name of the project in Weights & Biases. The package's environment
      variables hold, such as `WANDB_MODE=offline`.
    run_folder: folder of the logs.
    settings: settings of the run, which the project shows.

  Raises:
    WandbError: if the package is missing or refuses.
  """
  # The package would report its crashes to its makers, and retry without network.
  os.environ.setdefault('WANDB_ERROR_REPORTING', 'false')
  try:
    # Imported here, as it need not be installed for other runs.
    import wandb
  except ImportError as error:
    raise WandbError(
      f'{error}: install it beside this project, `pip install .[wandb]`, or '
      'leave --wandb_project out.'
    ) from None
  state = _State.read(run_folder, wandb.util.generate_id())
  try:
    run = wandb.init(
      project=project,
      id=state.run_id,
      name=os.path.basename(os.path.normpath(run_folder)),
      dir=run_folder,
      config=dict(settings),
      resume='allow',
      settings=wandb.Settings(console='off', silent=True),
    )
  except (wandb.Error, ValueError) as error:
    raise WandbError(
      f'Weights & Biases refused project {project!r} ({error}): log in with '
      '`wandb login`, or set WANDB_MODE=offline and send the run later.'
    ) from None
  run.define_metric('*', step_metric=_AXIS)
  return WandbMirror(run, run_folder, state)


@dataclasses.dataclass
class _State:
  """The state of a mirror that a resumed run needs.

  Attributes:
    run_id: name of the run in Weights & Biases.
    rows: number of rows that were sent, by the name of the node.
  """

  run_id: str
  rows: dict[str, int] = dataclasses.field(default_factory=dict)

  @classmethod
  def read(cls, run_folder: str, new_id: str) -> '_State':
    path = os.path.join(run_folder, _STATE)
    if not os.path.exists(path):
      return cls(new_id)
    with open(path) as file:
      return cls(**json.load(file))

  def write(self, run_folder: str) -> None:
    path = os.path.join(run_folder, _STATE)
    with open(f'{path}.new', 'w') as file:
      json.dump(dataclasses.asdict(self), file)
    os.replace(f'{path}.new', path)


class WandbMirror:
  """Sends the new rows of the nodes' logs when it is called."""

  def __init__(
    self,
    run: WandbRun,
    run_folder: str,
    state: _State,
    period_seconds: float = _PERIOD_SECONDS,
  ):
    """Initializes the mirror; see `start`.

    Args:
      run: run of Weights & Biases.
      run_folder: folder of the logs.
      state: state of what was sent before.
      period_seconds: seconds between two readings of the logs.
    """
    self._run = run
    self._run_folder = run_folder
    self._state = state
    self._period_seconds = period_seconds
    self._tails: dict[str, _Tail] = {}
    self._next = time.monotonic() + period_seconds
    self._updates = 0.0

  def __call__(self) -> None:
    """Sends new rows if it is time; an error is logged and does not end a run."""
    if time.monotonic() < self._next:
      return
    self._next = time.monotonic() + self._period_seconds
    try:
      self.send()
    except Exception as error:
      logging.warning('Not sent to Weights & Biases: %s', error)

  def send(self) -> None:
    """Sends all new rows, in the order in which they were logged."""
    rows = [
      (row['time'], label, row)
      for label, tail in self._find_tails().items()
      for row in tail.new_rows()
    ]
    for _, label, row in sorted(rows, key=lambda item: item[:2]):
      self._updates = max(self._updates, row.pop(_AXIS, 0.0))
      del row['time']
      # Each node has columns of its own; all of them share the axis.
      values = {f'{label}/{key}': value for key, value in row.items()}
      self._run.log({**values, _AXIS: self._updates})
      self._state.rows[label] = self._state.rows.get(label, 0) + 1
    if rows:
      self._state.write(self._run_folder)

  def close(self, exit_code: int) -> None:
    """Sends the rest and ends the run of Weights & Biases.

    Args:
      exit_code: exit code of the program.
    """
    self._next = 0.0
    self()
    self._run.finish(exit_code=exit_code)

  def _find_tails(self) -> 'dict[str, _Tail]':
    pattern = os.path.join(
      glob.escape(self._run_folder), '**', run_logging.FILE
    )
    for path in glob.glob(pattern, recursive=True):
      label = os.path.relpath(os.path.dirname(path), self._run_folder)
      if label not in self._tails and not _is_one_of_many(label):
        self._tails[label] = _Tail(path, self._state.rows.get(label, 0))
    return self._tails


def _is_one_of_many(label: str) -> bool:
  """Returns whether a node is an actor other than the first of its group."""
  group, _, index = label.rpartition('/')
  return group.endswith('_actor') and index != '0'


class _Tail:
  """Reads the rows that are added to a log."""

  def __init__(self, path: str, num_sent: int):
    self._path = path
    self._skip = num_sent
    self._num_read = 0
    self._offset = 0
    self._columns: List[str] = []

  def new_rows(self) -> Iterator[dict[str, float]]:
    """Yields the new complete rows, without their empty cells."""
    with open(self._path, 'rb') as file:
      (columns,) = csv.reader([file.readline().decode()])
      if columns != self._columns:
        # A file with more columns has replaced it, with all rows up to now.
        self._skip = max(self._skip, self._num_read)
        self._columns, self._num_read = columns, 0
        self._offset = file.tell()
      file.seek(self._offset)
      # The last line may still be written.
      text = file.read()
      text = text[: text.rfind(b'\n') + 1]
    self._offset += len(text)
    for cells in csv.reader(text.decode().splitlines()):
      self._num_read += 1
      if self._num_read > self._skip:
        yield {
          name: float(cell) for name, cell in zip(self._columns, cells) if cell
        }
