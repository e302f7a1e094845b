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
"""Samples of two prioritised tables, as of one, and their priorities."""

from typing import Sequence

import reverb
import tensorflow as tf
import tree

from acme_metamimic.replay import priorities


def choose(
  first: reverb.ReplaySample, second: reverb.ReplaySample, exponent: float
) -> reverb.ReplaySample:
  """Chooses between samples of two prioritised tables as if they were one.

  A sample tells the sum of `priority**exponent` over its table: it is the
  sample's own `priority**exponent` over the probability that it was drawn with.
  The choice is in proportion to the two sums, so that every item is drawn as from
  the union of the tables.

  Args:
    first: sample of one table.
    second: sample of the other table.
    exponent: exponent of the priorities in the sampling probability, the same
      for both tables.

  Returns:
    One of the two samples, whose info has its probability in the union and the
    number of items in the union.
  """
  powers = [s.info.priority**exponent for s in (first, second)]
  sums = [
    power / s.info.probability for power, s in zip(powers, (first, second))
  ]
  total = sums[0] + sums[1]
  is_first = tf.random.uniform([], dtype=total.dtype) * total < sums[0]
  sample = tree.map_structure(
    lambda a, b: tf.where(is_first, a, b), first, second
  )
  return sample._replace(
    info=sample.info._replace(
      probability=tf.where(is_first, powers[0], powers[1]) / total,
      table_size=first.info.table_size + second.info.table_size,
    )
  )


class DemonstrationPriorityWriter(priorities.PriorityWriter):
  """Priority writer of both tables, with a bonus in that of demonstrations.

  A batch holds items of both tables. Keys are unique on a server, and a table
  ignores those that it does not have.
  """

  def __init__(
    self,
    client: reverb.Client,
    table: str,
    demonstration_table: str,
    bonus: float,
  ):
    """Starts the thread.

    Args:
      client: Reverb client of the server that holds both tables.
      table: name of the table of the agent's own transitions.
      demonstration_table: name of the table of demonstrations.
      bonus: constant epsilon_D that is added to a demonstration's priority.
    """
    self._demonstration_table = demonstration_table
    self._bonus = bonus
    super().__init__(client, table)

  def _send(self, updates: dict, deletes: Sequence[int]) -> None:
    super()._send(updates, deletes)
    self._client.mutate_priorities(
      self._demonstration_table,
      updates={key: p + self._bonus for key, p in updates.items()},
    )
