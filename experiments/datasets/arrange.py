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
"""Splits a dataset in two, by files or by masks, and merges several into one."""

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
  """Divides the demonstrations of a dataset between two new ones.

  Both are written as a whole, or none is.

  Args:
    dataset: the dataset that is divided; its file does not change.
    files: paths of the HDF5 files of the two new datasets.
    share: share of the demonstrations that go to the first new dataset, in
      [0, 1]; they are drawn at random.
    seed: seed of the draw.
    demonstrator: name of the demonstrator whose demonstrations go to the first
      new dataset, in place of a share.

  Returns:
    The number of demonstrations in each new dataset.

  Raises:
    DatasetError: if a new dataset would be empty, a file exists or the disk is
      full.
  """
  for file in files:
    writer.check_new(file)
  if os.path.realpath(files[0]) == os.path.realpath(files[1]):
    raise demonstrations.DatasetError(
      f'Both parts would be written to {files[0]}; choose two paths.'
    )
  first, second = _parts(dataset, share, seed, demonstrator)
  names = dataset.names
  writer.copy(
    {
      file: [(dataset.file, names[index]) for index in part]
      for file, part in zip(files, (first, second))
    },
    dataset.metadata,
  )
  return len(first), len(second)


def mark(
  dataset: demonstrations.Dataset,
  file: str,
  masks: tuple[str, str],
  *,
  share: float = 0.9,
  seed: int = 0,
  demonstrator: Optional[str] = None,
) -> tuple[int, int]:
  """Divides the demonstrations of a dataset by masks in one new file.

  Args:
    dataset: the dataset that is divided; its file does not change.
    file: path of the new HDF5 file, with all demonstrations.
    masks: names of the two masks; robomimic has train and valid.
    share: see `split`.
    seed: see `split`.
    demonstrator: see `split`.

  Returns:
    The number of demonstrations of each mask.

  Raises:
    DatasetError: if a mask is there already or would be empty, the file exists
      or the disk is full.
  """
  writer.check_new(file)
  taken = set(masks) & set(dataset.masks)
  if taken or masks[0] == masks[1] or not all(map(_is_name, masks)):
    raise demonstrations.DatasetError(
      f'masks are {masks}, beside {sorted(dataset.masks)} in {dataset.file}; '
      'choose two new names, without a slash.'
    )
  parts = _parts(dataset, share, seed, demonstrator)
  writer.copy(
    {file: [(dataset.file, name) for name in dataset.names]},
    dataset.metadata,
    dict(zip(masks, parts)),
  )
  return len(parts[0]), len(parts[1])


def _is_name(mask: str) -> bool:
  return bool(mask) and '/' not in mask and mask != '.'


def _parts(
  dataset: demonstrations.Dataset,
  share: float,
  seed: int,
  demonstrator: Optional[str],
) -> tuple[list[int], list[int]]:
  """Returns the indices of the demonstrations of either part, see `split`."""
  if not 0.0 <= share <= 1.0:
    raise demonstrations.DatasetError(
      f'share is {share}; choose one between 0 and 1.'
    )
  if demonstrator is None:
    first = _draw(len(dataset), share, seed)
  else:
    first = [i for i, d in enumerate(dataset) if d.demonstrator == demonstrator]
  second = sorted(set(range(len(dataset))) - set(first))
  if not (first and second):
    raise demonstrations.DatasetError(
      f'{dataset.file} has {len(dataset)} demonstrations, of '
      f'{sorted({d.demonstrator for d in dataset})}; {len(first)} and '
      f'{len(second)} would be in the two parts. Choose another share or '
      'demonstrator so that neither is empty.'
    )
  return first, second


def _draw(number: int, share: float, seed: int) -> list[int]:
  """Returns a random share of the indices below a number, in order."""
  order = np.random.RandomState(seed).permutation(number)
  return sorted(order[: round(share * number)].tolist())


def merge(datasets: Sequence[demonstrations.Dataset], file: str) -> int:
  """Writes a new dataset with the demonstrations of several, in their order.

  Masks of the same name become one.

  Args:
    datasets: the datasets that are merged; their files do not change.
    file: path of the HDF5 file of the new dataset.

  Returns:
    The number of demonstrations in the new dataset.

  Raises:
    DatasetError: if the datasets were not recorded alike, the file exists or the
      disk is full.
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
  writer.copy({file: sources}, first.metadata)
  return len(sources)


def _properties(dataset: demonstrations.Dataset) -> Mapping[str, Any]:
  """Returns the properties that must be the same in datasets to merge."""
  properties = dataclasses.asdict(dataset.metadata)
  observations = {
    f'observation {key!r}': f'{frames.dtype}{list(frames.shape[1:])}'
    for key, frames in dataset[0].observations.items()
  }
  return {**properties, **observations}
