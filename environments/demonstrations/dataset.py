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
"""The HDF5 file of a dataset of demonstrations: its layout, reading and writing.

The layout is robomimic's: `data/demo_k` with `actions`, `rewards`, `dones`,
`states` and `obs/<key>`, attributes beside them, and `env_args` as JSON among
the attributes of `data`. The frame after the last action is in `final_obs` and
`final_state`. `mask/<name>`, robomimic's filter keys, hold the names of some of
the demonstrations.

Observations, actions and rewards of other floating types, which other projects
write, are read as float32, and states as float64.

All data and metadata carry checksums (HDF5's 1.10 format and Fletcher's): a
damaged file gives an error, and neither wrong numbers nor a crash in the C
library. Nothing in a file is ever unpickled, and arrays of other types than
numbers are refused.
"""

from collections.abc import Sequence
import dataclasses
import functools
import json
import os
from typing import Any, Mapping, Optional, overload, Union

from absl import logging
import h5py
import mujoco
import numpy as np

from environments.demonstrations import demonstration as demonstration_lib
from environments.demonstrations import storage

Demonstration = demonstration_lib.Demonstration
DatasetError = demonstration_lib.DatasetError
MaskError = demonstration_lib.MaskError

# The first HDF5 version whose every structure can have a checksum.
LIBVER = ('v110', 'v110')
FORMAT_VERSION = 1
# Size of a chunk of small rows. Each frame has a chunk of its own, so that it
# can be read alone.
_CHUNK_BYTES = 2**20
# Level of gzip, for uint8. A scene of plain colours shrinks to a tenth; higher
# levels take longer for little.
_GZIP_LEVEL = 4
# No filter shrinks further, so a file cannot ask for more memory than this many
# times its size. gzip's bound is 1032.
_MAX_COMPRESSION = 1100


@dataclasses.dataclass(frozen=True)
class Metadata:
  """Metadata that all demonstrations of a dataset share.

  Attributes:
    task: name of the task.
    control_timestep: seconds from one action to the next; None if unknown.
    model_hash: hash of the compiled model, see
      `environments.demonstrations.models`; None if unknown.
    mujoco_version: version of MuJoCo that the dataset was recorded with.
    arguments: arguments that load the task's environment again, by name; their
      values are of JSON's types.
  """

  task: str
  control_timestep: Optional[float] = None
  model_hash: Optional[str] = None
  mujoco_version: str = mujoco.__version__
  arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)

  def __post_init__(self) -> None:
    # As they come back from a file: tuples are lists there.
    arguments = json.loads(json.dumps(dict(self.arguments)))
    object.__setattr__(self, 'arguments', arguments)

  def check(self, file: str, **expected: Any) -> None:
    """Checks that the dataset is what is expected.

    Args:
      file: path of the dataset, for the error's message.
      **expected: expected values of attributes, by name. None accepts any value;
        an attribute that the dataset lacks is accepted, unless it is the task.

    Raises:
      DatasetError: if an attribute has another value.
    """
    remedies = {
      'task': "give this task's dataset",
      'control_timestep': 'set the same control rate, or record with this one',
      'model_hash': 'the model has changed since; load the environment with the '
      'arguments it was recorded with, or see whether it still replays with '
      '`python -m experiments.demonstrations validate --any-model`',
    }
    for name, wanted in expected.items():
      found = getattr(self, name)
      if wanted is None or (found is None and name != 'task'):
        continue
      if found != wanted:
        label = '' if name == 'task' else f'{name} '
        raise DatasetError(
          f'{file} holds demonstrations of {label}{found!r}, but {wanted!r} is '
          f'needed; {remedies[name]}.'
        )


class Dataset(Sequence[Demonstration]):
  """The demonstrations of a file, whose arrays are read when they are used.

  A dataset can be pickled and used after a fork: each process opens the file
  for itself.

  Args:
    file: path of the HDF5 file.
    cache_bytes: largest number of bytes of recently read arrays that each
      process keeps in memory.
    mask: name of the mask whose demonstrations are read; None reads all.

  Raises:
    DatasetError: if the file is missing, truncated or not a dataset, or has no
      such mask.
  """

  def __init__(
    self,
    file: str,
    cache_bytes: int = storage.CACHE_BYTES,
    mask: Optional[str] = None,
  ):
    self._store = storage.Store(file, cache_bytes)
    self._file = file
    with storage.readable(file), self._store.open() as h5:
      data = h5['data']
      self._metadata = read_metadata(data)
      self._masks = read_masks(h5)
      self._names = sorted(data, key=lambda name: int(name.rpartition('_')[2]))
      if mask is not None:
        self._names = self._selected(mask)
      self._conversions: dict[str, None] = {}  # As an ordered set.
      self._demonstrations = [self._read(data, name) for name in self._names]
    if self._conversions:
      _say_once(f'{file}: {"; ".join(self._conversions)}.')

  def _selected(self, mask: str) -> list[str]:
    """Returns the names of the demonstrations of a mask, in the file's order."""
    if mask not in self._masks:
      found = sorted(self._masks) or (
        'none: write some with `python -m experiments.demonstrations split '
        '--masks`'
      )
      raise MaskError(f'{self._file} has no mask {mask!r}; it has {found}.')
    missing = set(self._masks[mask]) - set(self._names)
    if missing:
      raise DatasetError(
        f'{self._file} lacks {sorted(missing)} of its mask {mask!r}; choose '
        'another mask or a complete copy.'
      )
    return [name for name in self._names if name in self._masks[mask]]

  def _read(self, data: h5py.Group, name: str) -> Demonstration:
    try:
      return _read_demonstration(data[name], self._store, self._conversions)
    except DatasetError as error:
      raise DatasetError(f'{self._file}, {name}: {error}') from error

  @property
  def file(self) -> str:
    """Path of the HDF5 file."""
    return self._file

  @property
  def metadata(self) -> Metadata:
    """Metadata that all demonstrations share."""
    return self._metadata

  @property
  def names(self) -> Sequence[str]:
    """Names of the demonstrations in the file, demo_k, in their order."""
    return tuple(self._names)

  @property
  def masks(self) -> Mapping[str, Sequence[str]]:
    """Names of the demonstrations of each mask of the file."""
    return dict(self._masks)

  @property
  def conversions(self) -> Sequence[str]:
    """What is read as another type than the file's, with the loss."""
    return tuple(self._conversions)

  def __len__(self) -> int:
    return len(self._demonstrations)

  @overload
  def __getitem__(self, index: int) -> Demonstration: ...

  @overload
  def __getitem__(self, index: slice) -> list[Demonstration]: ...

  def __getitem__(
    self, index: Union[int, slice]
  ) -> Union[Demonstration, list[Demonstration]]:
    return self._demonstrations[index]

  def verify(self) -> None:
    """Reads all arrays once, which checks them.

    Raises:
      DatasetError: if a checksum is wrong or a number is not finite.
    """
    for demonstration in self._demonstrations:
      for values in (
        demonstration.actions,
        demonstration.rewards,
        demonstration.states,
        *demonstration.observations.values(),
      ):
        np.asarray(values)


def read_masks(h5: h5py.File) -> dict[str, tuple[str, ...]]:
  """Returns the names of the demonstrations of each mask of a file."""
  masks = {}
  for name, values in h5.get('mask', {}).items():
    if isinstance(values, h5py.Dataset) and values.dtype.kind in 'SO':
      masks[name] = tuple(map(_text, np.atleast_1d(values[()])))
  return masks


def write_masks(h5: h5py.File, masks: Mapping[str, Sequence[str]]) -> None:
  """Writes masks to a file, as robomimic does.

  Args:
    h5: the HDF5 file.
    masks: names of the demonstrations of each mask.
  """
  for mask, names in masks.items():
    h5.create_dataset(
      f'mask/{mask}',
      data=np.array(names, 'S'),
      chunks=(len(names),),
      fletcher32=True,
    )


def _read_dtype(name: str, stored: np.dtype) -> np.dtype:
  """Returns the type that an array is read as.

  Args:
    name: name of the array in its demonstration, such as obs/body.
    stored: type of the array in the file.
  """
  if name in ('states', 'final_state'):
    return np.dtype(np.float64)
  if name in ('actions', 'rewards') or stored.kind == 'f':
    return np.dtype(np.float32)
  return stored


def _conversion(name: str, stored: np.dtype) -> Optional[str]:
  """Returns what is read as another type than the file's, and what is lost.

  Args:
    name: name of the array in its demonstration, such as obs/body.
    stored: type of the array in the file.
  """
  read = _read_dtype(name, stored)
  if read == stored:
    return None
  lost = 'without loss'
  if not np.can_cast(stored, read):
    lost = f'which keeps {np.finfo(read).precision} digits'
  elif name == 'states':
    lost = 'so replays part at the digits that the file lacks'
  return f'{name} of {stored} is read as {read}, {lost}'


@functools.cache
def _say_once(text: str) -> None:
  logging.warning('%s', text)


def read_metadata(data: h5py.Group) -> Metadata:
  """Returns the metadata in the attributes of a dataset's group `data`."""
  attributes = data.attrs
  version = int(attributes.get('format_version', FORMAT_VERSION))
  if version > FORMAT_VERSION:
    raise DatasetError(
      f'{data.file.filename} has format {version}, this code reads up to '
      f'{FORMAT_VERSION}; use a newer one.'
    )
  control_timestep = attributes.get('control_timestep')
  model_hash = attributes.get('model_hash')
  task = _text(attributes.get('env_name'))
  env_args = json.loads(attributes.get('env_args', '{}'))
  if env_args.get('env_name', task) != task:
    raise ValueError(f'env_name is {task!r} but env_args are {env_args}')
  return Metadata(
    task=task,
    control_timestep=None
    if control_timestep is None
    else float(control_timestep),
    model_hash=None if model_hash is None else _text(model_hash),
    mujoco_version=_text(attributes.get('mujoco_version')),
    arguments=env_args.get('env_kwargs', {}),
  )


def _text(value: object) -> str:
  return value.decode() if isinstance(value, bytes) else str(value)


def _fixed(text: str) -> np.bytes_:
  """Returns a string of fixed length: others would have no checksum."""
  return np.bytes_(text.encode())


def write_metadata(data: h5py.Group, metadata: Metadata, total: int) -> None:
  """Writes the attributes of a dataset's group `data`.

  Args:
    data: the HDF5 group `data`.
    metadata: metadata that all demonstrations share.
    total: number of steps of all demonstrations together.
  """
  data.attrs.update(
    format_version=FORMAT_VERSION,
    # As robomimic has it; env_args repeat it with a checksum.
    env_name=metadata.task,
    env_args=_fixed(
      json.dumps(
        {
          'env_name': metadata.task,
          'type': 'environments',
          'env_kwargs': dict(metadata.arguments),
        }
      )
    ),
    mujoco_version=_fixed(metadata.mujoco_version),
    total=total,
  )
  if metadata.control_timestep is not None:
    data.attrs['control_timestep'] = metadata.control_timestep
  if metadata.model_hash is not None:
    data.attrs['model_hash'] = _fixed(metadata.model_hash)


def write_demonstration(
  group: h5py.Group, demonstration: Demonstration
) -> None:
  """Writes a demonstration.

  Args:
    group: the new HDF5 group `data/demo_k`.
    demonstration: the demonstration that is written.
  """
  steps = len(demonstration)
  group.attrs.update(
    num_samples=steps,
    demonstrator=_fixed(demonstration.demonstrator),
    seed=demonstration.seed,
    success=demonstration.success,
  )
  dones = np.zeros(steps, np.int8)
  dones[-1] = 1
  _write(group, 'actions', demonstration.actions)
  _write(group, 'rewards', demonstration.rewards)
  _write(group, 'dones', dones)
  for name, final, frames in (
    ('states', 'final_state', demonstration.states),
    *(
      (f'obs/{key}', f'final_obs/{key}', frames)
      for key, frames in demonstration.observations.items()
    ),
  ):
    frames = np.asarray(frames)
    _write(group, name, frames[:-1])
    _write(group, final, frames[-1])


def _write(group: h5py.Group, name: str, values: np.ndarray) -> None:
  """Writes an array in chunks with checksums, and compressed if it is uint8."""
  values = np.asarray(values)
  if not values.ndim or not values.size:
    group.create_dataset(name, data=values)
    return
  options: dict[str, Any] = {}
  if values.dtype == np.uint8:
    options = {'compression': 'gzip', 'compression_opts': _GZIP_LEVEL}
  row = values.nbytes // len(values)
  single = row > storage.FRAME_BYTES and not name.startswith('final')
  rows = 1 if single else max(1, _CHUNK_BYTES // max(row, 1))
  group.create_dataset(
    name,
    data=values,
    chunks=(min(rows, len(values)), *values.shape[1:]),
    fletcher32=True,
    **options,
  )


def _read_demonstration(
  group: h5py.Group, store: storage.Store, conversions: dict[str, None]
) -> Demonstration:
  """Returns a demonstration whose arrays stay in the file.

  Args:
    group: the HDF5 group of the demonstration.
    store: the file that the arrays are read from.
    conversions: takes what is read as another type than the file's.
  """

  def stored(name: str, final: Optional[str] = None) -> np.ndarray:
    rows = _numbers(group, store, name)
    conversion = _conversion(name, rows.dtype)
    if conversion is not None:
      conversions[conversion] = None
    return storage.array(store, _source(group, store, rows, name, final))

  return Demonstration(
    observations={
      key: stored(f'obs/{key}', f'final_obs/{key}') for key in group['obs']
    },
    states=stored('states', 'final_state'),
    actions=stored('actions'),
    rewards=stored('rewards'),
    demonstrator=_text(group.attrs['demonstrator']),
    seed=int(group.attrs['seed']),
  )


def _source(
  group: h5py.Group,
  store: storage.Store,
  rows: h5py.Dataset,
  name: str,
  final: Optional[str],
) -> storage.Source:
  """Returns where an array is, and its shape and dtype.

  Args:
    group: the HDF5 group of the demonstration.
    store: the file that the array is read from.
    rows: HDF5 dataset of the array.
    name: name of that dataset in the group.
    final: name of the HDF5 dataset with the array's last row; None if all
      rows are in `name`.

  Raises:
    TypeError: if one of them is not an array of numbers in this file.
    ValueError: if the two do not go together.
  """
  shape = rows.shape
  if not shape:
    raise ValueError(f'{rows.name} is a scalar, not an array')
  if final is not None:
    last = _numbers(group, store, final)
    if last.shape != shape[1:] or last.dtype != rows.dtype:
      raise ValueError(f'{last.name} does not go with {rows.name}')
    shape = (shape[0] + 1, *shape[1:])
  return storage.Source(
    name=os.path.basename(name),
    location=rows.name,
    final=None if final is None else f'{group.name}/{final}',
    shape=shape,
    dtype=_read_dtype(name, rows.dtype),
  )


def _numbers(
  group: h5py.Group, store: storage.Store, name: str
) -> h5py.Dataset:
  """Returns an HDF5 dataset that must be an array of numbers in this file."""
  dataset = group[name]
  if not isinstance(dataset, h5py.Dataset):
    raise TypeError(f'{dataset.name} is not an array')
  if dataset.dtype.kind not in 'biuf':
    raise TypeError(f'{dataset.name} has type {dataset.dtype}, not numbers')
  elsewhere = os.path.abspath(dataset.file.filename) != store.file
  if elsewhere or dataset.is_virtual or dataset.external:
    raise TypeError(f'{dataset.name} is in another file')
  if dataset.nbytes > _MAX_COMPRESSION * (dataset.id.get_storage_size() + 1):
    raise ValueError(f'{dataset.name} lacks most of its {dataset.nbytes} bytes')
  return dataset
