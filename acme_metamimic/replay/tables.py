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

"""The replay tables: MetaMimic's memory M, one table for each learner.

Sampling and removal are prioritised for the imitation learner, uniform and first
in first out for the task learner (Table 1). Both tables hold items of the same
steps, see `acme_metamimic.replay.adders`.

One writer serves both tables: a rate limiter that held its insertions into one of
them would hold the other stream as well, for good if that table's learner has
stopped. So insertions are never held here; what a limiter holds is a learner
that would sample its table more often than it is to.
"""

import math
import sys
from typing import Optional, Sequence

from acme import types
import reverb

from acme_metamimic.replay import answers

# Table 1, in items.
_MAX_SIZE = 1_000_000

# Acme's D4PG lets the ratio of samples to insertions deviate by 10 % of the
# samples that the first items stand for.
_RATIO_TOLERANCE = 0.1


def initial_priority(num_atoms: int) -> float:
  """Returns the priority of a new item: the loss of an uninformed critic.

  The paper does not give one. A critic that knows nothing predicts all atoms
  alike, and its cross-entropy with any target is `log(num_atoms)`. New items are
  thus sampled soon, next to those that the learner found hard, and are not the
  first to be dropped.

  Args:
    num_atoms: number of atoms of the critic's value distribution.

  Raises:
    ValueError: if there are less than two atoms, whose loss would be zero.
  """
  if num_atoms < 2:
    raise ValueError(
      f'num_atoms={num_atoms} leaves new items without priority: use at least '
      'two atoms.'
    )
  return math.log(num_atoms)


def make_rate_limiter(
  min_size: int, samples_per_insert: Optional[float] = None
) -> reverb.rate_limiters.RateLimiter:
  """Makes a limiter that holds samplers and never a writer.

  Args:
    min_size: samplers wait for this many items.
    samples_per_insert: they also wait once there are more than this many samples
      for an insertion. None for no such limit.

  Raises:
    ValueError: if the ratio is not positive.
  """
  if samples_per_insert is None:
    return reverb.rate_limiters.MinSize(min_size)
  if not samples_per_insert > 0.0:
    raise ValueError(
      f'samples_per_insert={samples_per_insert} must be positive, or None for '
      'no limit.'
    )
  first_samples = samples_per_insert * min_size
  return reverb.rate_limiters.SampleToInsertRatio(
    samples_per_insert,
    min_size,
    error_buffer=(
      (1.0 - _RATIO_TOLERANCE) * first_samples,
      sys.float_info.max,
    ),
  )


def has_items(shards: Sequence[reverb.Client], table: str, number: int) -> bool:
  """Returns whether each shard's table has that many items."""
  return all(
    answers.table_infos(shard)[table].current_size >= number for shard in shards
  )


def make_table(
  signature: types.NestedSpec,
  *,
  name: str,
  max_size: int = _MAX_SIZE,
  priority_exponent: float = 0.0,
  rate_limiter: Optional[reverb.rate_limiters.RateLimiter] = None,
) -> reverb.Table:
  """Makes the table that a learner samples from.

  Args:
    signature: form of the items, such as `DualStreamAdder.signature(...)['task']`
      or that of Acme's `NStepTransitionAdder`.
    name: name of the table.
    max_size: capacity in items; Table 1.
    priority_exponent: an item is sampled with a probability proportional to
      `priority**priority_exponent`, and the item of the lowest priority is
      dropped when the table is full: Table 1's imitation half. The paper does
      not give the exponent: Ape-X DPG has 0.6 (Horgan et al., 2018, "Distributed
      Prioritized Experience Replay"). With 0 the table samples uniformly and
      drops its oldest item: Table 1's task half.
    rate_limiter: when items may be inserted and sampled; by default samplers
      wait for the first item and nothing else.

  Raises:
    ValueError: if the capacity or the exponent cannot be served.
  """
  # Reverb itself aborts the process.
  if not 0.0 <= priority_exponent < math.inf:
    raise ValueError(
      f'priority_exponent={priority_exponent} of table {name!r} must be finite '
      'and not negative: use 0 to sample uniformly, 0.6 as Ape-X DPG does.'
    )
  if max_size < 1:
    raise ValueError(
      f'max_size={max_size} of table {name!r}: a table holds at least one item, '
      'use max_size >= 1.'
    )
  sampler = reverb.selectors.Uniform()
  remover = reverb.selectors.Fifo()
  if priority_exponent > 0.0:
    sampler = reverb.selectors.Prioritized(priority_exponent)
    # Proportional removal is the learner's, see `acme_metamimic.replay.removal`.
    remover = reverb.selectors.MinHeap()
  return reverb.Table(
    name=name,
    sampler=sampler,
    remover=remover,
    max_size=max_size,
    rate_limiter=rate_limiter or reverb.rate_limiters.MinSize(1),
    signature=signature,
  )
