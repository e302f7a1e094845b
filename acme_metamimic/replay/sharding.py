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

"""Replay shards: several replay servers that a learner uses like one.

Every shard holds both tables. An actor writes to one shard; a learner takes its
batches from the shards in turn.
"""

from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

import reverb
import tensorflow as tf

from acme_metamimic.replay import answers


class ShardedClient:
  """The part of a Reverb client that a learner needs, for several servers.

  Attributes:
    shards: Reverb clients of the servers.
  """

  def __init__(self, shards: Sequence[reverb.Client]):
    """Initializes the client.

    Args:
      shards: Reverb clients of the servers.

    Raises:
      ValueError: if there is no client.
    """
    if not shards:
      raise ValueError('There are no shards: give one replay client at least.')
    self.shards = tuple(shards)

  @property
  def server_address(self) -> str:
    """Addresses of the servers, for messages."""
    return ', '.join(shard.server_address for shard in self.shards)

  def mutate_priorities(
    self,
    table: str,
    updates: Optional[Dict[int, float]] = None,
    deletes: Optional[List[int]] = None,
  ) -> None:
    """Changes priorities and deletes items, on whichever shard they are.

    Args:
      table: name of the table in each shard.
      updates: new priorities by key. A sample does not tell which shard it came
        from, so that all shards get all keys, 16 bytes each, and ignore those
        that they do not have.
      deletes: keys of items to delete.
    """
    for shard in self.shards:
      shard.mutate_priorities(table, updates=updates, deletes=deletes)


def make_iterator(
  client: Any,
  make_dataset: Callable[[reverb.Client], tf.data.Dataset],
  finish: Callable[[tf.data.Dataset], tf.data.Dataset] = lambda data: data,
) -> Iterator[reverb.ReplaySample]:
  """Makes an iterator over batches that takes from the shards in turn.

  Importance weights need no correction: a shard with 1/S of the items that is
  asked for 1/S of the batches samples an item as often as one table would.

  Args:
    client: Reverb client of one server, or a `ShardedClient`.
    make_dataset: function that makes the dataset of one server's batches.
    finish: function applied to the dataset of all servers' batches at the end.

  Returns:
    Iterator over a `tf.data.Dataset` of batches.
  """
  shards = client.shards if isinstance(client, ShardedClient) else (client,)
  for shard in shards:
    answers.table_infos(shard)  # A dataset asks without a limit.
  data = [make_dataset(shard) for shard in shards]
  if len(data) == 1:
    return iter(finish(data[0]))
  turns = tf.data.Dataset.range(len(data)).repeat()
  return iter(finish(tf.data.Dataset.choose_from_datasets(data, turns)))
