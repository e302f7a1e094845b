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

"""The dataset of a run: recorded by scripted demonstrators, or given."""

import os
from typing import Sequence

import tqdm

from environments import block_stacking
from environments import demonstrations as demonstrations_lib
from experiments import presets
from experiments.datasets import record as record_lib
from experiments.datasets import scenes

TRAINING_STYLE, VALIDATION_STYLE = 'brisk', 'careful'
RECORDED_FOLDER = 'demonstrations'
# Validation episodes are recorded with other seeds than training episodes.
_VALIDATION_SEED_OFFSET = 1_000_000

Dataset = Sequence[demonstrations_lib.Demonstration]


def folders(root: str) -> tuple[str, str]:
  """Returns a dataset's folders to train on and to validate with."""
  return os.path.join(root, 'train'), os.path.join(root, 'validation')


def load(
  root: str, num_train: int, num_validation: int
) -> tuple[Dataset, Dataset]:
  """Returns the first demonstrations to train on and to validate with.

  Args:
    root: folder of the dataset.
    num_train: demonstrations to train on, at most.
    num_validation: demonstrations to validate with, at most.

  Raises:
    DatasetError: if there are none, or a run would fail on one.
  """
  train_folder, validation_folder = folders(root)
  train_set = open_checked(train_folder)
  validation_set = open_checked(validation_folder)
  if len(validation_set) < 2:
    raise demonstrations_lib.DatasetError(
      f'{validation_folder} holds {len(validation_set)} demonstration; 2 are '
      'needed to show a wrong one.'
    )
  return (
    train_set[:num_train],
    validation_set[:num_validation],
  )


def open_checked(folder: str) -> Dataset:
  """Opens a dataset and reads all of it once, before hours are spent on it.

  Args:
    folder: of the dataset, or its file.

  Raises:
    DatasetError: if a run would fail on it.
  """
  environment = block_stacking.load(presets.OBSERVABLES)
  expected = scenes.metadata(environment)
  environment.close()
  dataset = demonstrations_lib.load(
    folder,
    expected.task,
    control_timestep=expected.control_timestep,
    model_hash=expected.model_hash,
    observations=presets.OBSERVABLES,
  )
  dataset.verify()
  _check_usable(dataset, folder)
  return dataset


def _check_usable(dataset: Dataset, folder: str) -> None:
  """Raises a DatasetError if a run would fail on it, be it at its end."""
  try:
    environment = presets.make_imitation_environment(
      dataset, seed=0, training=False
    )
    action_shape = environment.action_spec().shape
    for index, demonstration in enumerate(dataset):
      if len(demonstration) > block_stacking.EPISODE_LENGTH:
        raise ValueError(
          f'Demonstration {index} has {len(demonstration)} steps, more than the '
          f'{block_stacking.EPISODE_LENGTH} of an episode; leave it out.'
        )
      environment.start(index)
      shape = demonstration.actions.shape[1:]
      if shape != action_shape:
        raise ValueError(
          f'Demonstration {index} has actions of shape {shape}; it needs those '
          f'of shape {action_shape}. Record it again.'
        )
      if not demonstration.task_return > 0.0:
        raise ValueError(
          f'Demonstration {index} has a task return of '
          f'{demonstration.task_return}, with which none can be compared; '
          'leave it out.'
        )
  except ValueError as error:
    raise demonstrations_lib.DatasetError(f'{folder}: {error}') from error


def record(root: str, seed: int, num_train: int, num_validation: int) -> None:
  """Records a dataset, the validation part by the other demonstrator.

  Args:
    root: folder of the dataset.
    seed: of the episodes.
    num_train: demonstrations to train on.
    num_validation: demonstrations to validate with.
  """
  train_folder, validation_folder = folders(root)
  _record(train_folder, TRAINING_STYLE, num_train, _first_seed(seed, num_train))
  _record(
    validation_folder,
    VALIDATION_STYLE,
    num_validation,
    _first_seed(seed, num_validation) + _VALIDATION_SEED_OFFSET,
  )


def _first_seed(seed: int, num_episodes: int) -> int:
  # Below the offset whatever the run's seed is.
  return seed * num_episodes % _VALIDATION_SEED_OFFSET


def _record(folder: str, style: str, count: int, seed: int) -> None:
  with tqdm.tqdm(total=count, desc=f'Recording {style!r}', unit='demo') as bar:
    attempts = record_lib.record(
      record_lib.Settings(folder, style, count, seed, presets.OBSERVABLES),
      on_episode=lambda _: bar.update(),
    )
  print(
    f'Kept {count} of {attempts} episodes; {attempts - count} did not stack.'
  )
