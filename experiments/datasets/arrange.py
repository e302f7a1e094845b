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
"""Splits a dataset in two, and merges several into one."""

import dataclasses
import os
from typing import Any, Mapping, Optional, Sequence

import numpy as np

from environments import demonstrations
from environments.demonstrations import writer


def split(
  dataset: demonstrations.Dataset,
  files: tuple[str, str],
  *,
  share: float = 0.9,
  seed: int = 0,
  demonstrator: Optional[str] = None,
) -> tuple[int, int]:
  """Writes two new datasets that share out the demonstrations of one.

  Args:
    dataset: stays as it is.
    files: paths of the new ones.
    share: of the demonstrations that go to the first, drawn at random.
    seed: of the draw.
    demonstrator: whose demonstrations go to the first, instead.

  Returns:
    How many went to each.

  Raises:
    DatasetError: if one would be empty, a file exists or the disk is full.
  """
  for file in files:
    writer.check_new(file)
  if os.path.realpath(files[0]) == os.path.realpath(files[1]):
    raise demonstrations.DatasetError(
      f'Both parts would be written to {files[0]}; choose two paths.'
    )
  if not 0.0 <= share <= 1.0:
    raise demonstrations.DatasetError(
      f'share is {share}; choose one between 0 and 1.'
    )
  if demonstrator is None:
    number = round(share * len(dataset))
    order = np.random.RandomState(seed).permutation(len(dataset))
    chosen = set(order[:number].tolist())
  else:
    chosen = {
      index
      for index, item in enumerate(dataset)
      if item.demonstrator == demonstrator
    }
  indices = (
    sorted(chosen),
    [index for index in range(len(dataset)) if index not in chosen],
  )
  if not all(indices):
    raise demonstrations.DatasetError(
      f'{dataset.file} has {len(dataset)} demonstrations, of '
      f'{sorted({d.demonstrator for d in dataset})}; {len(indices[0])} and '
      f'{len(indices[1])} would be in the two files. Choose another share or '
      'demonstrator so that neither is empty.'
    )
  for file, part in zip(files, indices):
    sources = [(dataset.file, dataset.names[index]) for index in part]
    writer.copy(file, sources, dataset.metadata)
  return len(indices[0]), len(indices[1])


def merge(datasets: Sequence[demonstrations.Dataset], file: str) -> int:
  """Writes a new dataset with the demonstrations of several, in their order.

  Args:
    datasets: stay as they are.
    file: path of the new one.

  Returns:
    The number of demonstrations.

  Raises:
    DatasetError: if they do not go together, the file exists or the disk is
      full.
  """
  first = datasets[0]
  for other in datasets[1:]:
    one, two = _properties(first), _properties(other)
    for name in sorted({*one, *two}):
      if one.get(name) != two.get(name):
        raise demonstrations.DatasetError(
          f'{first.file} has {name} {one.get(name)}, but {other.file} has '
          f'{two.get(name)}; only datasets that were recorded alike can be '
          'merged.'
        )
  sources = [(d.file, name) for d in datasets for name in d.names]
  writer.copy(file, sources, first.metadata)
  return len(sources)


def _properties(dataset: demonstrations.Dataset) -> Mapping[str, Any]:
  """Returns what must be the same in datasets that are put together."""
  properties = dataclasses.asdict(dataset.metadata)
  observations = {
    f'observation {key!r}': f'{frames.dtype}{list(frames.shape[1:])}'
    for key, frames in dataset[0].observations.items()
  }
  return {**properties, **observations}
