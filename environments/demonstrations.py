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

"""Demonstrations: what they hold, and the HDF5 file they are kept in.

The file follows robomimic's layout: `data/demo_k` with `actions`, `rewards`,
`dones`, `states` and `obs/<key>`, attributes beside them. The frame after the
last action is kept in `final_obs` and `final_state`.
"""

import dataclasses
import os
from typing import Mapping, Optional, Sequence, Union

import h5py
import mujoco
import numpy as np

FILE_NAME = 'demonstrations.hdf5'
MIN_STEPS = 2

PathLike = Union[str, 'os.PathLike[str]']


class DatasetError(ValueError):
  """A dataset of demonstrations cannot be used; the message says why."""


@dataclasses.dataclass(frozen=True)
class Demonstration:
  """An episode of a demonstrator: d = {d_1, ..., d_T} and what goes with it.

  MetaMimic learns from `observations` alone and starts episodes at `states`.
  Actions and rewards serve checks and comparisons.

  Attributes:
    observations: by key, [T + 1, ...] each.
    states: full physics states, float64 [T + 1, S].
    actions: float32 [T, A].
    rewards: task rewards, float32 [T].
    demonstrator: who it was.
    seed: of the episode.

  Raises:
    DatasetError: if lengths differ, there are fewer than two steps, or a state
      or an observation is not finite.
  """

  observations: Mapping[str, np.ndarray]
  states: np.ndarray
  actions: np.ndarray
  rewards: np.ndarray
  demonstrator: str
  seed: int

  def __post_init__(self) -> None:
    steps = len(self.actions)
    if steps < MIN_STEPS:
      raise DatasetError(
        f'The demonstration has {steps} step(s); it needs at least {MIN_STEPS} '
        'to have a goal after its first frame. Record it again.'
      )
    lengths = {
      'rewards': len(self.rewards) + 1,
      'states': len(self.states),
      **{key: len(frames) for key, frames in self.observations.items()},
    }
    wrong = {k: n for k, n in lengths.items() if n != steps + 1}
    if wrong:
      raise DatasetError(
        f'The demonstration has {steps} actions, which do not go with {wrong}; '
        'it is incomplete. Record it again.'
      )
    for name, values in {'states': self.states, **self.observations}.items():
      floating = np.issubdtype(values.dtype, np.floating)
      if floating and not np.all(np.isfinite(values)):
        raise DatasetError(
          f'The demonstration has {name!r} that are not finite. Record it again.'
        )

  def __len__(self) -> int:
    """Number of steps (actions)."""
    return len(self.actions)

  def frame(self, step: int) -> dict[str, np.ndarray]:
    """Returns the observation d_step; the last one beyond the end."""
    step = min(step, len(self))
    return {key: frames[step] for key, frames in self.observations.items()}

  @property
  def task_return(self) -> float:
    """Undiscounted sum of the task rewards."""
    return float(np.sum(self.rewards))


def dataset_file(path: PathLike) -> str:
  """Returns the HDF5 file for a path that may be the dataset's folder."""
  path = os.fspath(path)
  if path.endswith(('.hdf5', '.h5')):
    return path
  return os.path.join(path, FILE_NAME)


def save(
  path: PathLike,
  demonstrations: Sequence[Demonstration],
  task: str,
  control_timestep: Optional[float] = None,
) -> str:
  """Writes a new dataset, in one piece or not at all.

  Args:
    path: a folder, or a file that ends in .hdf5.
    demonstrations: at least one.
    task: name of the task, checked by `load`.
    control_timestep: seconds from one action to the next, for the record.

  Returns:
    The file's path.

  Raises:
    DatasetError: if there is nothing to write or the file exists.
  """
  file = dataset_file(path)
  if not demonstrations:
    raise DatasetError(f'There are no demonstrations to write to {file}.')
  if os.path.exists(file):
    raise DatasetError(
      f'{file} exists and is left as it is; choose another path or move it away.'
    )
  os.makedirs(os.path.dirname(file) or '.', exist_ok=True)
  temporary = f'{file}.{os.getpid()}.tmp'
  try:
    with h5py.File(temporary, 'w') as h5:
      data = h5.create_group('data')
      data.attrs.update(
        env_name=task,
        mujoco_version=mujoco.__version__,
        total=sum(len(d) for d in demonstrations),
      )
      if control_timestep is not None:
        data.attrs['control_timestep'] = control_timestep
      for index, demonstration in enumerate(demonstrations):
        _write(data.create_group(f'demo_{index}'), demonstration)
    os.replace(temporary, file)
  finally:
    if os.path.exists(temporary):
      os.remove(temporary)
  return file


def load(path: PathLike, task: Optional[str] = None) -> list[Demonstration]:
  """Reads all demonstrations of a dataset.

  Args:
    path: a folder, or a file that ends in .hdf5.
    task: name of the task that the dataset must be of; None accepts any.

  Returns:
    The demonstrations in the order in which they were recorded.

  Raises:
    DatasetError: if the dataset is missing, empty, truncated or of another
      task.
  """
  file = dataset_file(path)
  if not os.path.exists(file):
    raise DatasetError(
      f'There is no dataset at {file}; record one, or correct the path.'
    )
  try:
    with h5py.File(file, 'r') as h5:
      return _read_all(h5, file, task)
  except DatasetError:
    raise
  # What h5py and NumPy raise on files of another kind, or damaged ones.
  except (
    AttributeError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
  ) as error:
    raise DatasetError(
      f'{file} cannot be read ({error}); it is truncated or not a dataset of '
      'demonstrations. Record it again or restore a copy.'
    ) from error


def _read_all(
  h5: h5py.File, file: str, task: Optional[str]
) -> list[Demonstration]:
  data = h5['data']
  found = data.attrs.get('env_name')
  if task is not None and found != task:
    raise DatasetError(
      f'{file} holds demonstrations of {found!r}, but {task!r} is needed; give '
      "this task's dataset."
    )
  names = sorted(data, key=lambda name: int(name.rpartition('_')[2]))
  if not names:
    raise DatasetError(f'{file} holds no demonstrations; record some.')
  demonstrations = []
  for name in names:
    try:
      demonstrations.append(_read(data[name]))
    except DatasetError as error:
      raise DatasetError(f'{file}, {name}: {error}') from error
  return demonstrations


def _write(group: h5py.Group, demonstration: Demonstration) -> None:
  steps = len(demonstration)
  group.attrs.update(
    num_samples=steps,
    demonstrator=demonstration.demonstrator,
    seed=demonstration.seed,
  )
  dones = np.zeros(steps, np.int8)
  dones[-1] = 1
  group.create_dataset('actions', data=demonstration.actions)
  group.create_dataset('rewards', data=demonstration.rewards)
  group.create_dataset('dones', data=dones)
  group.create_dataset('states', data=demonstration.states[:-1])
  group.create_dataset('final_state', data=demonstration.states[-1])
  for key, frames in demonstration.observations.items():
    compression = {'compression': 'gzip'} if frames.dtype == np.uint8 else {}
    group.create_dataset(f'obs/{key}', data=frames[:-1], **compression)
    group.create_dataset(f'final_obs/{key}', data=frames[-1])


def _read(group: h5py.Group) -> Demonstration:
  def with_final(frames: h5py.Dataset, final: h5py.Dataset) -> np.ndarray:
    return np.concatenate((frames[()], final[()][None]))

  return Demonstration(
    observations={
      key: with_final(group['obs'][key], group['final_obs'][key])
      for key in group['obs']
    },
    states=with_final(group['states'], group['final_state']),
    actions=group['actions'][()],
    rewards=group['rewards'][()],
    demonstrator=str(group.attrs['demonstrator']),
    seed=int(group.attrs['seed']),
  )
