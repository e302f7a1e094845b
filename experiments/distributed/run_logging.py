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

"""Logs of a run: CSV and TensorBoard files, in a folder for each node."""

import csv
import os
import time
from typing import Dict, List, Optional, Sequence

from acme.utils import loggers
from acme.utils.loggers import base
from acme.utils.loggers import filters
from acme.utils.loggers import tf_summary
import tensorflow as tf

from acme_metamimic.program import nodes

_LOG_SECONDS = 5.0
FILE = 'log.csv'


def make_logger(
  folder: str, label: str, seconds: float = _LOG_SECONDS
) -> loggers.Logger:
  """Makes the logger of a node.

  Args:
    folder: folder of the logs of the run.
    label: name of the node, such as `imitation_actor/3`, and of its folder.
    seconds: least seconds between two rows; rows in between are dropped, but for
      the last one before the logger is closed.
  """
  directory = os.path.join(folder, label)
  os.makedirs(directory, exist_ok=True)
  writers = [CsvLogger(os.path.join(directory, FILE)), _Summary(directory)]
  return _LastRowFilter(_Files(directory, writers), seconds)


def _flatten(data: loggers.LoggingData) -> Dict[str, float]:
  return nodes.flatten(base.to_numpy(data))


class _LastRowFilter(filters.TimeFilter):
  """Acme's filter, but for the last row, which comes as the logger is closed."""

  def __init__(self, to: loggers.Logger, time_delta: float):
    super().__init__(to, time_delta)
    self._dropped: Optional[loggers.LoggingData] = None

  def write(self, values: loggers.LoggingData) -> None:
    before = self._time
    super().write(values)
    self._dropped = values if self._time == before else None

  def close(self) -> None:
    if self._dropped is not None:
      self._to.write(self._dropped)
      self._dropped = None
    super().close()


class _Files(loggers.Dispatcher):
  """Writes all files of a node, with a clear error if it cannot."""

  def __init__(self, directory: str, writers: Sequence[loggers.Logger]):
    super().__init__(writers, serialize_fn=_flatten)
    self._directory = directory

  def write(self, values: loggers.LoggingData) -> None:
    try:
      super().write(values)
    except (OSError, tf.errors.OpError) as error:
      raise OSError(
        f'No log could be written to {self._directory} ({error}): make room on '
        'the disk, or mend this, and resume.'
      ) from error


class CsvLogger(loggers.Logger):
  """Appends rows to a file; later rows may have more columns.

  Acme's logger drops columns that the first row does not have, but the counts of
  other nodes come one after the other.
  """

  def __init__(self, path: str):
    """Reads the columns of the file, if there is one.

    Args:
      path: path of the file.
    """
    self._path = path
    self._columns: List[str] = []
    _drop_cut_row(path)
    if os.path.exists(path) and os.path.getsize(path):
      with open(path, newline='') as file:
        self._columns = next(csv.reader(file))

  def write(self, data: loggers.LoggingData) -> None:
    row = {'time': round(time.time(), 1), **data}
    added = [key for key in row if key not in self._columns]
    if added:
      self._add_columns(added)
    with open(self._path, 'a', newline='') as file:
      csv.DictWriter(file, self._columns).writerow(row)

  def close(self) -> None:
    pass

  def _add_columns(self, added: List[str]) -> None:
    rows: List[Dict[str, str]] = []
    if self._columns:
      with open(self._path, newline='') as file:
        rows = list(csv.DictReader(file))
    self._columns += added
    # The file is complete at any time, even if the process is killed.
    new = f'{self._path}.new'
    with open(new, 'w', newline='') as file:
      writer = csv.DictWriter(file, self._columns, restval='')
      writer.writeheader()
      writer.writerows(rows)
    os.replace(new, self._path)


def _drop_cut_row(path: str) -> None:
  """Leaves out the last row of a file if a kill or a full disk has cut it."""
  if not os.path.exists(path):
    return
  with open(path, 'rb+') as file:
    content = file.read()
    if not content.endswith(b'\n'):
      file.truncate(content.rfind(b'\n') + 1)


class _Summary(tf_summary.TFSummaryLogger):
  """TensorBoard's file; its steps are updates, or seconds without these."""

  def __init__(self, directory: str):
    super().__init__(directory, label='metamimic')

  def write(self, values: loggers.LoggingData) -> None:
    steps = values.get('imitation_learner_steps', time.time())
    self._iter = int(steps)
    super().write(values)
