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
"""Removal of items with probabilities in proportion to a priority's power.

Ape-X DPG (Horgan et al., 2018, "Distributed Prioritized Experience Replay",
appendix D) lets the replay grow beyond a soft capacity, and every 100 updates
removes the excess, drawn in proportion to `priority**-0.4`. Reverb's removers are
called when a table is full and know no negative exponents, so that here the
learner chooses what goes.
"""

import math
from typing import List, Optional

import numpy as np

# A priority of zero would be removed with certainty, and its weight is infinite.
_MIN_PRIORITY = 1e-6


class ProportionalRemoval:
  """Chooses items to remove among those that the learner has sampled.

  A server tells no keys but those of samples, and sampling for the sake of
  removal would send every frame once more. So the candidates are the learner's
  own samples since the last removal. An item of priority `p` was sampled with a
  known probability `P`, and counts `p**exponent / P` for each time that it was:
  in expectation `p**exponent` for every item of the table, sampled or not. The
  choice is in proportion to these counts, as long as there are many more samples
  than items to remove. If there are fewer samples than items to remove, the rest
  stays until the table is full and drops items by itself.
  """

  def __init__(
    self,
    capacity: int,
    *,
    exponent: float = -0.4,
    period: int = 100,
    seed: Optional[int] = None,
  ):
    """Initializes the removal.

    Args:
      capacity: number of items that a removal leaves in the table; Table 1 has
        1e6.
      exponent: exponent of the priority, Ape-X DPG's `alpha_evict`; 0 removes
        uniformly.
      period: number of calls of `add` from one removal to the next.
      seed: seed of the random choice; None for one that differs from run to run.

    Raises:
      ValueError: if an argument is out of range.
    """
    if capacity < 1 or period < 1:
      raise ValueError(
        f'capacity={capacity} and period={period} must be at least 1.'
      )
    if not -math.inf < exponent <= 0.0:
      raise ValueError(
        f'exponent={exponent} would remove what is sampled most: use a finite '
        'one that is not positive, such as -0.4.'
      )
    self._capacity = capacity
    self._exponent = exponent
    self._period = period
    self._random_state = np.random.RandomState(seed)
    self._samples: List[np.ndarray] = []

  @property
  def is_due(self) -> bool:
    """Whether `add` was called often enough for the next removal."""
    return len(self._samples) >= self._period

  def add(
    self, keys: np.ndarray, priorities: np.ndarray, probabilities: np.ndarray
  ) -> None:
    """Adds sampled items to the candidates.

    Args:
      keys: keys of the sampled items, uint64[N].
      priorities: new priorities of the items, float[N].
      probabilities: probabilities that the items were sampled with, float[N].
    """
    sample = np.rec.fromarrays(
      (keys, priorities, probabilities),
      dtype=[('key', 'u8'), ('priority', 'f8'), ('probability', 'f8')],
    )
    self._samples.append(sample)

  def choose(self, size: int) -> List[int]:
    """Chooses the items to remove, and then forgets all candidates.

    Args:
      size: number of items in the table.

    Returns:
      Distinct keys of as many items as exceed the capacity, or of all candidates
      if these are fewer.
    """
    if not self._samples:
      return []
    samples = np.concatenate(self._samples)
    self._samples.clear()
    keys, item = np.unique(samples['key'], return_inverse=True)
    priorities = np.empty(len(keys))
    priorities[item] = samples['priority']  # The last one of a repeated key.
    weights = np.maximum(priorities, _MIN_PRIORITY) ** self._exponent
    weights *= np.bincount(item, 1.0 / samples['probability'])
    count = min(max(size - self._capacity, 0), len(keys))
    # Exponential races: the first ones are drawn without replacement.
    finish = self._random_state.exponential(size=len(keys)) / weights
    return keys[np.argsort(finish)[:count]].tolist()
