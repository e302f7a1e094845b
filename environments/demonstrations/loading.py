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
"""Loads and saves whole datasets of demonstrations."""

import os
from typing import Optional, Sequence, Union

from environments.demonstrations import dataset
from environments.demonstrations import demonstration
from environments.demonstrations import writer

DatasetError = demonstration.DatasetError

# Name of the HDF5 file in a dataset's folder.
FILE_NAME = 'demonstrations.hdf5'

PathLike = Union[str, 'os.PathLike[str]']


def dataset_file(path: PathLike) -> str:
  """Returns the path of a dataset's HDF5 file.

  Args:
    path: path of the HDF5 file (.hdf5 or .h5), or of the folder that it is in;
      a `~` at its beginning is the home folder.
  """
  path = os.path.expanduser(os.fspath(path))
  if path.endswith(('.hdf5', '.h5')):
    return path
  return os.path.join(path, FILE_NAME)


def save(
  path: PathLike,
  demonstrations: Sequence[demonstration.Demonstration],
  task: str,
  control_timestep: Optional[float] = None,
  model_hash: Optional[str] = None,
) -> str:
  """Writes a new dataset, as a whole or not at all.

  Args:
    path: path of the new HDF5 file, or of the folder that it is to be in.
    demonstrations: the demonstrations, at least one.
    task: name of the task, which `load` can check.
    control_timestep: seconds from one action to the next, which `load` can
      check; None leaves it out.
    model_hash: hash of the compiled model, see
      `environments.demonstrations.models`, which `load` can check; None leaves
      it out.

  Returns:
    The path of the HDF5 file.

  Raises:
    DatasetError: if there is nothing to write or the file exists.
  """
  file = dataset_file(path)
  if not demonstrations:
    raise DatasetError(f'There are no demonstrations to write to {file}.')
  writer.write(
    file, demonstrations, dataset.Metadata(task, control_timestep, model_hash)
  )
  return file


def load(
  path: PathLike,
  task: Optional[str] = None,
  *,
  control_timestep: Optional[float] = None,
  model_hash: Optional[str] = None,
  observations: Sequence[str] = (),
  mask: Optional[str] = None,
) -> dataset.Dataset:
  """Opens a dataset; its arrays are read when they are used.

  Args:
    path: path of the HDF5 file, or of the folder that it is in.
    task: name of the task that the dataset must be of; None accepts any.
    control_timestep: seconds from one action to the next that the dataset must
      have; None accepts any.
    model_hash: hash of the compiled model that the dataset must have, see
      `environments.demonstrations.models`; None accepts any.
    observations: keys of the observations that each demonstration must have.
    mask: name of the mask whose demonstrations are opened; None opens all.

  Returns:
    The demonstrations in the order in which they were recorded.

  Raises:
    DatasetError: if the dataset is missing, empty, truncated, lacks
      observations or the mask, or is of another task, control rate or model.
  """
  file = dataset_file(path)
  if not os.path.exists(file):
    raise DatasetError(_missing(file))
  found = dataset.Dataset(file, mask=mask)
  found.metadata.check(
    file,
    task=task,
    control_timestep=control_timestep,
    model_hash=model_hash,
  )
  if not found:
    raise DatasetError(f'{file} holds no demonstrations; record some.')
  _check_observations(found, observations)
  return found


def _check_observations(
  found: dataset.Dataset, observations: Sequence[str]
) -> None:
  """Raises a DatasetError if a demonstration lacks one of the observations."""
  for name, item in zip(found.names, found):
    lacking = set(observations) - set(item.observations)
    if lacking:
      remedy = (
        'add images with `python -m experiments.demonstrations render`'
        if all(name.endswith('image') for name in lacking)
        else 'record with these observables'
      )
      raise DatasetError(
        f'{found.file}, {name} has {sorted(item.observations)} but lacks '
        f'{sorted(lacking)}; {remedy}.'
      )


def _missing(file: str) -> str:
  """Returns the message of the error for a file that is not there."""
  episodes = writer.recorded_files(file)
  if episodes:
    return (
      f'The recording of {file} has not come to its end, {len(episodes)} '
      'episode(s) are beside it; go on with `python -m '
      'experiments.demonstrations record --resume`.'
    )
  return f'There is no dataset at {file}; record one, or correct the path.'
