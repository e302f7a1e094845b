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

"""N-step transitions of one stream, by a writer that streams share."""

from collections.abc import Callable, Mapping
from typing import Any, Optional, Union

from acme import types
from acme.adders import reverb as reverb_adders
import reverb

from acme_metamimic import specs as specs_lib
from acme_metamimic.replay import provenance

# A constant, a mark, or a function of the transition as NumPy arrays.
Priority = Union[float, provenance.Mark, Callable[[types.Transition], float]]


class NStepStream(reverb_adders.NStepTransitionAdder):
  """Adder of one stream's n-step transitions, by a writer that it shares.

  The arithmetic, the order and the form of the items are the base class's. In
  place of a writer of its own, the base class is given a view of the shared
  writer that shows this stream's part of the data.

  Attributes:
    name: name of the stream, `imitation` or `task`.
    columns: structure of the columns that the base class adds to the writer.
  """

  # What the base class appends.
  columns: Mapping[str, Any] = {'n_step_return': None, 'total_discount': None}

  def __init__(
    self,
    name: str,
    table: str,
    n_step: int,
    discount: float,
    priority: Priority,
  ):
    """Initializes the stream.

    Args:
      name: name of the stream, its key in the rewards and discounts of an
        imitation environment.
      table: name of the table that the stream's items go to.
      n_step: number of steps of the stream's transitions.
      discount: discount factor of the learner that samples the table.
      priority: priority of a new item.

    Raises:
      ValueError: if `n_step` is below 1.
    """
    # Acme copies a transition's data for any priority function, even a constant
    # one. With None it does not, and the view fills in what needs no data.
    self._own_priority: Union[float, provenance.Mark, None] = None
    priority_fn: Optional[Callable[[types.Transition], float]] = None
    if isinstance(priority, provenance.Mark) or not callable(priority):
      self._own_priority = priority
    else:
      priority_fn = priority
    super().__init__(None, n_step, discount, priority_fns={table: priority_fn})
    if n_step < 1:
      raise ValueError(
        f'The {name} stream has n_step={n_step}: a transition spans at least '
        'one step, use n_step >= 1.'
      )
    self.name = name
    self._view: Optional[_StreamView] = None

  # The base class finds its writer here.
  @property
  def _writer(self) -> Optional['_StreamView']:
    return self._view

  def write(self, writer: reverb.TrajectoryWriter) -> None:
    """Writes the transition that ends at the step just begun.

    Args:
      writer: shared writer, which holds the data of both streams.
    """
    if self._view is None or self._view.writer is not writer:
      self._view = _StreamView(writer, self.name, self._own_priority)
    self._last_idx = writer.episode_steps
    self._first_idx = max(0, self._last_idx - self.n_step)
    self._write()

  def write_last(self) -> None:
    """Writes the shorter transitions that end with the episode."""
    self._write_last()


class _StreamView:
  """View of a `reverb.TrajectoryWriter` that shows the data of one stream."""

  def __init__(
    self,
    writer: reverb.TrajectoryWriter,
    stream: str,
    own_priority: Union[float, provenance.Mark, None],
  ):
    self.writer = writer
    self._stream = stream
    self._own_priority = own_priority
    self._history: dict[str, Any] = {}

  @property
  def episode_steps(self) -> int:
    """Number of steps that the writer has completed in the episode."""
    return self.writer.episode_steps

  @property
  def history(self) -> dict[str, Any]:
    """Columns of the stream, in the form that Acme's adder expects."""
    # A writer's columns grow in place, and to list them is a fifth of a step's
    # work: once all are there, `append`'s included, the list is kept.
    if self._history.keys() >= NStepStream.columns.keys():
      return self._history
    history = dict(self.writer.history)
    if self._stream == specs_lib.TASK:
      history['observation'] = {
        key: column
        for key, column in history['observation'].items()
        if key != specs_lib.GOAL
      }
    history['reward'] = history['reward'][self._stream]
    history['discount'] = history['discount'][self._stream]
    history.update(history.get(self._stream, {}))
    self._history = history
    return history

  def append(self, data: dict[str, Any], *, partial_step: bool = False) -> None:
    """Appends data to the columns that are this stream's alone."""
    self.writer.append({self._stream: data}, partial_step=partial_step)

  def create_item(self, table: str, priority: float, trajectory: Any) -> None:
    """Creates an item, with the stream's own priority if it has one."""
    if isinstance(self._own_priority, provenance.Mark):
      priority = self._own_priority()
    elif self._own_priority is not None:
      priority = self._own_priority
    self.writer.create_item(table, priority, trajectory)

  def flush(self, block_until_num_items: int = 0) -> None:
    """Does nothing: the writer's owner flushes once for both streams."""
