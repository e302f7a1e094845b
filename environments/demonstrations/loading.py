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
"""Demonstrations and the datasets that they are kept in.

What experiments need: `Demonstration`, `load` and `save`, and `DatasetWriter` to
record episode by episode. See `environments.demonstrations.dataset` for the file's layout.
"""

import os
from typing import Optional, Sequence, Union

from environments.demonstrations import dataset
from environments.demonstrations import demonstration
from environments.demonstrations import writer

DatasetError = demonstration.DatasetError
Demonstration = demonstration.Demonstration
MIN_STEPS = demonstration.MIN_STEPS
Dataset = dataset.Dataset
Metadata = dataset.Metadata
DatasetWriter = writer.DatasetWriter

FILE_NAME = 'demonstrations.hdf5'

PathLike = Union[str, 'os.PathLike[str]']


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
  model_hash: Optional[str] = None,
) -> str:
  """Writes a new dataset, in one piece or not at all.

  Args:
    path: a folder, or a file that ends in .hdf5.
    demonstrations: at least one.
    task: name of the task, checked by `load`.
    control_timestep: seconds from one action to the next.
    model_hash: of the compiled model, see `environments.demonstrations.models`.

  Returns:
    The file's path.

  Raises:
    DatasetError: if there is nothing to write or the file exists.
  """
  file = dataset_file(path)
  if not demonstrations:
    raise DatasetError(f'There are no demonstrations to write to {file}.')
  writer.write(
    file, demonstrations, Metadata(task, control_timestep, model_hash)
  )
  return file


def load(
  path: PathLike,
  task: Optional[str] = None,
  *,
  control_timestep: Optional[float] = None,
  model_hash: Optional[str] = None,
  observations: Sequence[str] = (),
) -> Dataset:
  """Opens a dataset; its arrays are read when they are used.

  Args:
    path: a folder, or a file that ends in .hdf5.
    task: name of the task that the dataset must be of; None accepts any.
    control_timestep: seconds from one action to the next; as above.
    model_hash: of the compiled model; as above.
    observations: keys that each demonstration must have.

  Returns:
    The demonstrations in the order in which they were recorded.

  Raises:
    DatasetError: if the dataset is missing, empty, truncated, lacks
      observations, or is of another task, control rate or model.
  """
  file = dataset_file(path)
  if not os.path.exists(file):
    raise DatasetError(_missing(file))
  found = Dataset(file)
  found.metadata.check(
    file,
    task=task,
    control_timestep=control_timestep,
    model_hash=model_hash,
  )
  if not found:
    raise DatasetError(f'{file} holds no demonstrations; record some.')
  for name, item in zip(found.names, found):
    lacking = set(observations) - set(item.observations)
    if lacking:
      remedy = (
        'add images with `python -m experiments.demonstrations render`'
        if lacking == {'image'}
        else 'record with these observables'
      )
      raise DatasetError(
        f'{file}, {name} has {sorted(item.observations)} but lacks '
        f'{sorted(lacking)}; {remedy}.'
      )
  return found


def _missing(file: str) -> str:
  episodes = writer.recorded_files(file)
  if episodes:
    return (
      f'The recording of {file} has not come to its end, {len(episodes)} '
      'episode(s) are beside it; go on with `python -m '
      'experiments.demonstrations record --resume`.'
    )
  return f'There is no dataset at {file}; record one, or correct the path.'
