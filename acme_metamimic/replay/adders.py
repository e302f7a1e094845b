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

"""The dual-stream adder: one writer that makes items for both halves.

Every step of an imitation actor serves two learners (paper, algorithm 1): the
imitation learner sees the goal and the imitation reward, the task learner sees
neither. Two adders would send and keep each frame twice; here the items of both
tables refer to the same data.
"""

from collections.abc import Mapping
from typing import Any, Optional

from acme import specs
from acme import types
from acme.adders import reverb as reverb_adders
from acme.adders.reverb import base
import dm_env
import numpy as np
import reverb
import tree

from acme_metamimic import specs as specs_lib
from acme_metamimic.replay import streams


class DualStreamAdder(base.ReverbAdder):
  """Adds n-step transitions of an imitation environment to two tables.

  The items are, field by field and in this order, those of two of Acme's
  `NStepTransitionAdder`s that are given one stream each:

  - table `imitation`: `Transition(observation, action, reward['imitation'],
    discount['imitation'], next_observation)`, the observations with `goal`;
  - table `task`: the same with `reward['task']` and `discount['task']`, the
    observations without `goal`.

  Both rewards and discounts are accumulated over the stream's own `n_step` with
  its own `discount`. An early termination thus ends the imitation stream
  (discount 0) while the task stream, merely cut, still bootstraps (discount 1).

  Each field of a step is sent once, whatever the number of items that refer to
  it. A table whose rate limiter blocks an insertion blocks both streams, as
  there is one writer: use limiters that block samplers alone, such as
  `acme_metamimic.replay.tables.make_rate_limiter`.
  """

  def __init__(
    self,
    client: reverb.Client,
    *,
    imitation_n_step: int,
    imitation_discount: float,
    task_n_step: int,
    task_discount: float,
    imitation_table: str = specs_lib.IMITATION,
    task_table: str = specs_lib.TASK,
    imitation_priority: streams.Priority = 1.0,
    task_priority: streams.Priority = 1.0,
    max_in_flight_items: int = 10,
    goal_references: bool = False,
  ):
    """Initializes the adder.

    Args:
      client: Reverb client of the server that holds both tables.
      imitation_n_step: number of steps of the imitation stream's transitions;
        Table 1 has 5.
      imitation_discount: discount factor of the imitation learner; Table 1 has
        0.99.
      task_n_step: number of steps of the task stream's transitions; Table 1 has
        5.
      task_discount: discount factor of the task learner; Table 1 has 0.99.
      imitation_table: name of the imitation learner's table.
      task_table: name of the task learner's table.
      imitation_priority: priority of a new imitation item. A function is called
        with the transition's arrays, which are copied back from the writer for
        it: prefer a constant when the observations are frames.
      task_priority: priority of a new task item; a function costs the same copy.
      max_in_flight_items: number of items that may wait for the server's
        confirmation before `add` blocks; twice Acme's 5, as a step makes two
        items.
      goal_references: whether to send the observation `goal_reference`, which
        the environment must then show, in place of the goal's frames; see
        `acme_metamimic.replay.goals`.

    Raises:
      ValueError: if both tables have one name, or an `n_step` is below 1.
    """
    super().__init__(
      client=client,
      # A transition spans n + 1 steps. At an episode's end the first stream
      # closes its last n - 1 transitions, a row each, before the second does.
      max_sequence_length=imitation_n_step + task_n_step,
      max_in_flight_items=max_in_flight_items,
      priority_fns={imitation_table: None, task_table: None},
    )
    if imitation_table == task_table:
      raise ValueError(
        f'Both streams would go to table {task_table!r}: their items differ, '
        'give the two tables different names.'
      )
    self._step_is_open = False
    self._goal_references = goal_references
    self._streams = (
      streams.NStepStream(
        specs_lib.IMITATION,
        imitation_table,
        imitation_n_step,
        imitation_discount,
        imitation_priority,
      ),
      streams.NStepStream(
        specs_lib.TASK, task_table, task_n_step, task_discount, task_priority
      ),
    )

  def reset(self, timeout_ms: Optional[int] = None) -> None:
    """Ends the episode; the items written so far stay.

    Args:
      timeout_ms: milliseconds to wait for the server; None waits without a limit.
    """
    if self._step_is_open:
      # The last observation awaits its action. The writer keeps such a step
      # over the end of an episode and would refuse the next observation.
      self._writer.append({})
      self._step_is_open = False
    super().reset(timeout_ms)

  def add_first(self, timestep: dm_env.TimeStep) -> None:
    """Records an episode's first observation and ends an unfinished episode.

    Args:
      timestep: first timestep of an episode of an imitation environment.

    Raises:
      ValueError: if the timestep is not a first one, or its observation has no
        `goal`; or, with `goal_references`, no `goal_reference` to a
        demonstration.
    """
    timestep = self._to_be_sent(timestep)
    if self._step_is_open:
      self.reset()
    self._send_steps_singly(
      {
        'observation': timestep.observation,
        'start_of_episode': True,
        **{stream.name: stream.columns for stream in self._streams},
      }
    )
    super().add_first(timestep)
    self._step_is_open = True

  def add(
    self,
    action: types.NestedArray,
    next_timestep: dm_env.TimeStep,
    extras: types.NestedArray = (),
  ) -> None:
    """Records an action and the timestep it led to, and writes the items.

    Args:
      action: action that was taken, as the environment's action spec has it.
      next_timestep: timestep of the imitation environment that followed, with
        rewards and discounts by stream.
      extras: further data of the step, which the items of both tables hold.

    Raises:
      ValueError: if `goal` is missing from the observation, or `imitation` or
        `task` from the reward or discount; or, with `goal_references`,
        `goal_reference` from the observation.
    """
    next_timestep = self._to_be_sent(next_timestep)
    _check_keys('reward', next_timestep.reward, specs_lib.STREAMS)
    _check_keys('discount', next_timestep.discount, specs_lib.STREAMS)
    if self._add_first_called and self._writer.episode_steps == 0:
      self._send_steps_singly(
        {
          'action': action,
          'reward': next_timestep.reward,
          'discount': next_timestep.discount,
          'extras': extras,
        }
      )
    super().add(action, next_timestep, extras)

  def add_priority_table(
    self, table_name: str, priority_fn: Optional[base.PriorityFn]
  ) -> None:
    """Raises an error, as a third table would belong to neither stream."""
    raise ValueError(
      f'A dual-stream adder writes to two tables only, not to {table_name!r}: '
      'name them, and their priorities, when you make the adder.'
    )

  @classmethod
  def signature(
    cls,
    environment_spec: specs.EnvironmentSpec,
    extras_spec: types.NestedSpec = (),
  ) -> dict[str, types.Transition]:
    """Makes the signatures of both tables.

    Args:
      environment_spec: specs of an imitation environment.
      extras_spec: specs of the extras, if there are any.

    Returns:
      Specs of each table's transitions, by stream: `imitation` and `task`.

    Raises:
      ValueError: if the specs are not those of an imitation environment.
    """
    specs_lib.validate_imitation_spec(environment_spec)
    signature = reverb_adders.NStepTransitionAdder.signature
    return {
      specs_lib.IMITATION: signature(
        specs_lib.imitation_spec(environment_spec), extras_spec
      ),
      specs_lib.TASK: signature(
        specs_lib.task_spec(environment_spec), extras_spec
      ),
    }

  def _to_be_sent(self, timestep: dm_env.TimeStep) -> dm_env.TimeStep:
    """Returns a timestep as it is sent, with a goal's frames or its reference."""
    observation = timestep.observation
    _check_keys('observation', observation, (specs_lib.GOAL,))
    if self._goal_references:
      _check_keys('observation', observation, (specs_lib.GOAL_REFERENCE,))
      reference = np.asarray(observation[specs_lib.GOAL_REFERENCE], np.int32)
      if reference.min() < 0:
        raise ValueError(
          f'goal_reference {reference.tolist()} is to none of the '
          'demonstrations: record episodes that follow one of them, or make the '
          'adder without goal_references.'
        )
      observation = {**observation, specs_lib.GOAL: reference}
    return timestep._replace(
      observation=specs_lib.without(observation, specs_lib.GOAL_REFERENCE)
    )

  def _send_steps_singly(self, data: types.NestedArray) -> None:
    """Has the writer make a chunk of each step in columns that are yet to come.

    With the chunk lengths that the writer tunes by itself many frames are in
    two or three chunks. Measured with frames and goals of 128x128x3 bytes, as
    ratios to two of Acme's adders: 0.61 of the bytes and 1.3 times the items a
    second at n-step 5, 0.72 and 1.3 at n-step 1 (tuned lengths: 0.57 and 0.82
    of the bytes). A learner also reads no frames but a transition's two.

    Args:
      data: nest of the structure of these columns; its values are not used.
    """
    for path, _ in tree.flatten_with_path(data):
      self._writer.configure(
        path,
        num_keep_alive_refs=self._max_sequence_length,
        max_chunk_length=1,
      )

  def _write(self) -> None:
    """Writes the items that the latest step completes, one for each stream."""
    for stream in self._streams:
      stream.write(self._writer)
    # Once for both items: a flush waits for the writer's thread.
    self._writer.flush(self._max_in_flight_items)

  def _write_last(self) -> None:
    """Writes the shorter items at the end of an episode, for each stream."""
    self._step_is_open = False
    # No flush: the reset that follows waits for all items.
    for stream in self._streams:
      stream.write_last()


def _check_keys(name: str, value: Any, keys: tuple[str, ...]) -> None:
  """Raises a ValueError unless `value` is a mapping with all of the keys."""
  if isinstance(value, Mapping) and all(key in value for key in keys):
    return
  got = f'{type(value).__name__} {value!r:.60}'
  if isinstance(value, Mapping):
    got = f'the keys {tuple(value)}'
  raise ValueError(
    f'The {name} of an imitation environment has the keys {keys}, got {got}: '
    'make the environment return them, or record a task environment with '
    'acme.adders.reverb.NStepTransitionAdder.'
  )
