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

"""Marks on replay items: when an item was made, and by which kind of actor.

Reverb stores neither an item's time nor its writer. A table that samples
uniformly and drops the oldest item, such as the task table (Table 1), has no use
for priorities, so that there an item's priority can carry both at no cost. In a
prioritised table there is no room for a mark.
"""

import time
from typing import Callable, Dict, Optional

import numpy as np
import tensorflow as tf

# Any mark made since 1986 is larger than this, and any real priority smaller.
_LEAST_MARK = 1e12


class Mark:
  """Makes marks for the items of one actor.

  A mark is `2 * milliseconds + is_imitation`, with the milliseconds since 1970.
  """

  def __init__(
    self, *, is_imitation: bool, clock: Callable[[], float] = time.time
  ):
    """Initializes the mark.

    Args:
      is_imitation: whether the actor is an imitation actor.
      clock: function that returns the seconds since 1970. The clocks of all
        hosts should agree.
    """
    self._is_imitation = is_imitation
    self._clock = clock

  def __call__(self) -> float:
    """Returns the mark of an item that is made now."""
    return 2.0 * int(1e3 * self._clock()) + self._is_imitation


def metrics(
  priorities: np.ndarray, now: Optional[float] = None
) -> Dict[str, float]:
  """Computes metrics from the marks of sampled items.

  Args:
    priorities: priorities of the items in their table, float64[N], which are
      marks if the table samples uniformly.
    now: current time in seconds since 1970; by default that of the clock.

  Returns:
    `replay_age`, the mean age of the items in seconds, and `imitation_share`,
    the share of the items that imitation actors made. Empty if any of the items
    has no mark.
  """
  if not np.all(priorities > _LEAST_MARK):
    return {}
  milliseconds, is_imitation = np.divmod(priorities, 2.0)
  now = time.time() if now is None else now
  return {
    'replay_age': float(now - np.mean(milliseconds) / 1e3),
    'imitation_share': float(np.mean(is_imitation)),
  }


def is_imitation(marks: tf.Tensor) -> tf.Tensor:
  """Returns which items were made by imitation actors, bool[B].

  Args:
    marks: priorities of the items in a table that samples uniformly, float64[B].
  """
  return tf.math.floormod(marks, 2.0) > 0.5
