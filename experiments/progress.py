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
"""Where progress bars are drawn: on a terminal, or as lines of a log."""

import sys
import time
from typing import TextIO

import tqdm

# Between two lines of a log.
_PERIOD_SECONDS = 30.0


class Lines:
  """Takes what a bar draws over and over, and writes a line from time to time.

  It is what tqdm needs of a file.
  """

  def __init__(self, file: TextIO, period_seconds: float = _PERIOD_SECONDS):
    """Initializes the lines.

    Args:
      file: file to write to.
      period_seconds: seconds from one line to the next.
    """
    self._file = file
    self._period_seconds = period_seconds
    self._latest = ''
    self._due = time.monotonic() + period_seconds

  def write(self, text: str) -> None:
    """Takes what a bar draws; a new line is its end.

    Args:
      text: text to draw.
    """
    drawn = text.strip()
    if drawn:
      self._latest = drawn
    if self._latest and ('\n' in text or time.monotonic() >= self._due):
      self._due = time.monotonic() + self._period_seconds
      self._file.write(f'{self._latest}\n')
      self._file.flush()
      self._latest = ''

  def flush(self) -> None:
    """Does nothing, as each line is written at once."""


def stream() -> TextIO | Lines:
  """Returns the `file` of a bar of tqdm: a line every half minute in a log."""
  return sys.stderr if sys.stderr.isatty() else Lines(sys.stderr)


def write(line: str) -> None:
  """Prints a line above the bars that are being drawn.

  Args:
    line: line without its end.
  """
  tqdm.tqdm.write(line, file=sys.stdout)
