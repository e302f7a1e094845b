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
"""Describes a dataset, and checks that its actions lead to its states."""

import dataclasses
from typing import Iterator, Optional

import mujoco
import numpy as np

from environments import demonstrations
from environments import state_environment

# The compared parts of the state, in MuJoCo's order, which come first in it.
_STATE_PARTS = {
  'time': mujoco.mjtState.mjSTATE_TIME,
  'qpos': mujoco.mjtState.mjSTATE_QPOS,
  'qvel': mujoco.mjtState.mjSTATE_QVEL,
}


def describe(dataset: demonstrations.Dataset) -> str:
  """Returns a table of counts, lengths and returns for each demonstrator.

  Args:
    dataset: the dataset that is described.
  """
  metadata = dataset.metadata
  lines = [
    f'file              {dataset.file}',
    f'task              {metadata.task}',
    f'control timestep  {_or_unknown(metadata.control_timestep)} s',
    f'MuJoCo            {metadata.mujoco_version}',
    f'model             {_or_unknown(metadata.model_hash)}',
    f'arguments         {metadata.arguments or "none"}',
    'observations      '
    + ', '.join(
      f'{key} {frames.dtype}{list(frames.shape[1:])}'
      for key, frames in dataset[0].observations.items()
    ),
    *(f'read as           {text}' for text in dataset.conversions),
    *_masks(dataset),
    '',
    f'{"demonstrator":<16}{"episodes":>9}{"stacked":>9}{"steps":>9}'
    f'{"length":>20}{"return":>26}',
  ]
  people = sorted({d.demonstrator for d in dataset})
  for person in people:
    lines.append(_row(person, [d for d in dataset if d.demonstrator == person]))
  if len(people) > 1:
    lines.append(_row('all', list(dataset)))
  return '\n'.join(lines)


def _masks(dataset: demonstrations.Dataset) -> list[str]:
  """Returns a line for each mask: its size, and what the file lacks of it."""
  lines = []
  for mask, names in sorted(dataset.masks.items()):
    lacking = len(set(names) - set(dataset.names))
    note = f', {lacking} of them not shown here' if lacking else ''
    lines.append(f'mask              {mask}: {len(names)} episodes{note}')
  return lines


def _row(name: str, items: list[demonstrations.Demonstration]) -> str:
  """Returns the row of a demonstrator in the table of `describe`."""
  lengths = np.array([len(d) for d in items])
  returns = np.array([d.task_return for d in items])
  stacked = np.mean([d.success for d in items])
  length = f'{lengths.mean():.1f} [{lengths.min()}, {lengths.max()}]'
  total = f'{returns.mean():.1f} +- {returns.std():.1f}'
  total += f' [{returns.min():.0f}, {returns.max():.0f}]'
  return (
    f'{name:<16}{len(items):>9}{stacked:>9.0%}{lengths.sum():>9}'
    f'{length:>20}{total:>26}'
  )


def _or_unknown(value: object) -> object:
  return 'unknown' if value is None else value


@dataclasses.dataclass(frozen=True)
class Replay:
  """The comparison of a replay with the demonstration that is replayed.

  Attributes:
    name: name of the demonstration in its file, demo_k.
    parts_at: first step whose state differs by more than the tolerance; None
      if none does.
    where: component of the state that differs most at that step, such as
      qpos[3].
    deviation: largest difference of a time, position or velocity in the episode.
    rewards_differ: number of steps whose reward differs from the stored one.
  """

  name: str
  parts_at: Optional[int]
  where: str
  deviation: float
  rewards_differ: int

  @property
  def agrees(self) -> bool:
    """Whether states and rewards are the stored ones."""
    return self.parts_at is None and not self.rewards_differ

  def __str__(self) -> str:
    if self.agrees:
      return f'{self.name}: agrees, largest difference {self.deviation:g}'
    parts = 'states agree'
    if self.parts_at is not None:
      parts = f'parts at step {self.parts_at} in {self.where}'
    return (
      f'{self.name}: {parts}, largest difference {self.deviation:g}, '
      f'{self.rewards_differ} reward(s) differ'
    )


def replay(
  dataset: demonstrations.Dataset,
  environment: state_environment.StateEnvironment,
  tolerance: float = 0.0,
) -> Iterator[Replay]:
  """Replays the stored actions from each demonstration's first state.

  Args:
    dataset: dataset whose actions are replayed.
    environment: environment of the recording.
    tolerance: largest accepted difference of a position (m or rad) or velocity;
      with the same model and version of MuJoCo there is none.

  Yields:
    The replay of each demonstration.
  """
  model = environment.physics.model.ptr
  labels = [
    f'{part}[{index}]'
    for part, signature in _STATE_PARTS.items()
    for index in range(mujoco.mj_stateSize(model, int(signature)))
  ]
  for name, demonstration in zip(dataset.names, dataset):
    states, rewards = _replay(demonstration, environment)
    stored = np.asarray(demonstration.states)[: len(states), : len(labels)]
    difference = np.abs(states[:, : len(labels)] - stored)
    parts = np.flatnonzero(difference.max(axis=1) > tolerance)
    first = int(parts[0]) if parts.size else None
    if len(states) <= len(demonstration) and first is None:
      first = len(states)  # The replay's episode ended early.
    at = min(first or 0, len(states) - 1)
    yield Replay(
      name=name,
      parts_at=first,
      where=labels[int(np.argmax(difference[at]))],
      deviation=float(difference.max()),
      rewards_differ=int(
        np.sum(rewards != np.asarray(demonstration.rewards)[: len(rewards)])
      ),
    )


def _replay(
  demonstration: demonstrations.Demonstration,
  environment: state_environment.StateEnvironment,
) -> tuple[np.ndarray, np.ndarray]:
  """Replays one demonstration.

  Args:
    demonstration: demonstration whose actions are replayed.
    environment: environment of the recording.

  Returns:
    The states [T + 1, S] and rewards [T]; fewer if the episode ends early.
  """
  try:
    timestep = environment.reset_to(demonstration.states[0])
  except ValueError as error:
    raise demonstrations.DatasetError(
      f'A demonstration does not fit the model: {error}'
    ) from error
  states, rewards = [environment.get_state()], []
  for action in demonstration.actions:
    timestep = environment.step(action)
    states.append(environment.get_state())
    rewards.append(timestep.reward)
    if timestep.last():
      break
  return np.stack(states), np.array(rewards)
