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

"""Marks on replay items that say when an item was made, and by which actor.

Reverb keeps no time of an insertion and no writer with an item. A table that
samples uniformly and drops the oldest item has no use for priorities, so that
there an item's priority can carry both, at no cost. In a table with priorities
there is no room for a mark.
"""

import time
from typing import Callable, Dict, Optional

import numpy as np

# Priorities are smaller than any mark of our days.
_LEAST_MARK = 1e12


class Mark:
  """Makes the marks of one actor's items: `2 * milliseconds + origin`."""

  def __init__(
    self, *, is_imitation: bool, clock: Callable[[], float] = time.time
  ):
    """Initializes the mark.

    Args:
      is_imitation: whether the actor is an imitation actor.
      clock: seconds since 1970; those of several hosts should agree.
    """
    self._is_imitation = is_imitation
    self._clock = clock

  def __call__(self) -> float:
    """Returns the mark of an item that is made now."""
    return 2.0 * int(1e3 * self._clock()) + self._is_imitation


def metrics(
  priorities: np.ndarray, now: Optional[float] = None
) -> Dict[str, float]:
  """Returns what the marks of sampled items tell.

  Args:
    priorities: float64[N], of items of a table that samples uniformly.
    now: seconds since 1970; the clock's by default.

  Returns:
    `replay_age`, the mean age of the items in seconds, and `imitation_share`,
    the share of imitation actors' among them. Nothing if an item has no mark.
  """
  if not np.all(priorities > _LEAST_MARK):
    return {}
  milliseconds, is_imitation = np.divmod(priorities, 2.0)
  now = time.time() if now is None else now
  return {
    'replay_age': float(now - np.mean(milliseconds) / 1e3),
    'imitation_share': float(np.mean(is_imitation)),
  }
