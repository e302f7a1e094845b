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

"""Prioritised replay on the learner's side: weights and new priorities."""

import collections
import functools
import threading
from typing import Deque, Dict, List, Optional, Sequence, Tuple

from absl import logging
import numpy as np
import reverb
import tensorflow as tf

from acme_metamimic.replay import answers
from acme_metamimic.replay import removal as removal_lib

# Calls of the learner that may wait to be written. Priorities older than this
# are of little use, so that the oldest are dropped when the replay is slow.
_MAX_PENDING = 16

# Keys, priorities and probabilities.
_Updates = Tuple[np.ndarray, np.ndarray, Optional[np.ndarray]]


def importance_weights(info: reverb.SampleInfo, exponent: float) -> tf.Tensor:
  """Weights that correct for prioritised sampling.

  Source: Schaul et al., 2016, "Prioritized Experience Replay", section 3.4;
  Ape-X (Horgan et al., 2018) uses them with an exponent of 0.4.

  Args:
    info: Reverb's sample infos of a batch, with fields of shape [B].
    exponent: exponent beta of the weights. With 1 the batch's mean gradient is
      that of uniform sampling, up to a factor; with 0 all weights are 1.

  Returns:
    Weights `(1 / (N P(i)))^beta` over the largest of the batch, float32[B], where
    N is the number of items in the table and P(i) the probability with which
    item i was sampled.
  """
  size = tf.cast(info.table_size, info.probability.dtype)
  weights = (size * info.probability) ** -exponent
  return tf.cast(weights / tf.reduce_max(weights), tf.float32)


class PriorityWriter:
  """Updates the priorities of sampled items in a background thread.

  The learner does not wait for the replay server. The writer also removes items
  from the table, if it is given a removal.
  """

  def __init__(
    self,
    client: reverb.Client,
    table: str,
    max_pending: int = _MAX_PENDING,
    removal: Optional[removal_lib.ProportionalRemoval] = None,
  ):
    """Starts the thread.

    Args:
      client: Reverb client of the replay server.
      table: name of the table that holds the sampled items.
      max_pending: number of `write` calls that may wait to be sent. One more
        drops the oldest of them.
      removal: removal that chooses the items to remove from the table; None
        leaves that to the table itself.
    """
    self._client = client
    self._table = table
    self._removal = removal
    self._pending: Deque[_Updates] = collections.deque(maxlen=max_pending)
    self._condition = threading.Condition()
    self._busy = False
    self._closed = False
    self._num_dropped = 0
    self._num_failed = 0
    self._thread = threading.Thread(
      target=self._run, name=f'priorities_{table}', daemon=True
    )
    self._thread.start()

  @property
  def num_dropped(self) -> int:
    """Number of `write` calls dropped because too many were waiting."""
    return self._num_dropped

  @property
  def num_failed(self) -> int:
    """Number of `write` calls that the replay server did not carry out."""
    return self._num_failed

  def counts(self) -> Dict[str, int]:
    """Returns how many `write` calls were lost so far, for the learner's log."""
    return {
      'priority_writes_dropped': self._num_dropped,
      'priority_writes_failed': self._num_failed,
    }

  def write(
    self,
    keys: np.ndarray,
    priorities: np.ndarray,
    probabilities: Optional[np.ndarray] = None,
  ) -> None:
    """Queues new priorities and returns at once.

    Args:
      keys: keys of the N items, uint64[N]. The last priority of a repeated key
        counts; keys that are no longer in the table are ignored.
      priorities: new priorities of the items, finite and not negative, float[N].
      probabilities: probabilities that the items were sampled with, float[N];
        only a removal needs them.
    """
    with self._condition:
      if len(self._pending) == self._pending.maxlen:
        self._num_dropped += 1
      self._pending.append((keys, priorities, probabilities))
      self._condition.notify_all()

  def flush(self, timeout: Optional[float] = None) -> bool:
    """Waits until all that was queued is written.

    Args:
      timeout: seconds to wait at most; None waits without a limit.

    Returns:
      Whether all was written in that time, or the writer was closed.
    """
    with self._condition:
      return self._condition.wait_for(
        lambda: self._closed or not (self._pending or self._busy), timeout
      )

  def close(self, timeout: Optional[float] = 1.0) -> None:
    """Stops the thread; priorities that still wait are never written.

    Args:
      timeout: seconds to wait for a write that is under way; None waits without
        a limit.
    """
    with self._condition:
      self._closed = True
      self._condition.notify_all()
    self._thread.join(timeout)

  def _run(self) -> None:
    """Writes what is queued until the writer is closed."""
    while True:
      with self._condition:
        self._busy = False
        self._condition.notify_all()
        self._condition.wait_for(lambda: self._pending or self._closed)
        if self._closed:
          return
        updates = self._pending.popleft()
        self._busy = True
      self._mutate(*updates)

  def _mutate(
    self,
    keys: np.ndarray,
    priorities: np.ndarray,
    probabilities: Optional[np.ndarray],
  ) -> None:
    """Sends the priorities of one `write` call; a failure is logged and counted.

    A failure must not end the training.
    """
    updates = dict(zip(keys.tolist(), priorities.tolist(), strict=True))
    try:
      deletes = self._choose_deletes(keys, priorities, probabilities)
      answers.within_limit(
        functools.partial(self._send, updates, deletes), self._client
      )
    except Exception:  # pylint: disable=broad-except
      if not self._closed:
        self._num_failed += 1
        logging.exception('Priorities of table %r not updated.', self._table)

  def _send(self, updates: Dict[int, float], deletes: Sequence[int]) -> None:
    """Makes the call to the replay server.

    Args:
      updates: new priorities by key.
      deletes: keys of items to remove.
    """
    self._client.mutate_priorities(
      self._table, updates=updates, deletes=deletes
    )

  def _choose_deletes(
    self,
    keys: np.ndarray,
    priorities: np.ndarray,
    probabilities: Optional[np.ndarray],
  ) -> List[int]:
    """Returns the keys of the items to remove with this call, often none."""
    if self._removal is None or probabilities is None:
      return []
    self._removal.add(keys, priorities, probabilities)
    if not self._removal.is_due:
      return []
    size = answers.table_infos(self._client)[self._table].current_size
    return self._removal.choose(size)
