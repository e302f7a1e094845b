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
from typing import Optional

import tqdm

from environments import block_stacking
from environments import demonstrations as demonstrations_lib
from environments.block_stacking import demonstrators
from experiments import experiment as experiment_lib
from experiments import progress
from experiments.datasets import record as record_lib
from experiments.datasets import scenes
from experiments.domains import block_stacking as stacking_lib
from experiments.domains import domain as domain_lib

# Validation episodes are recorded with other seeds than training episodes.
VALIDATION_SEED_OFFSET = 1_000_000

Dataset = stacking_lib.Demonstrations


def folders(root: str) -> tuple[str, str]:
  """Returns the folders of a recorded dataset, to train on and to validate with.

  Args:
    root: folder of the dataset.
  """
  return (
    os.path.join(root, domain_lib.TRAIN_FOLDER),
    os.path.join(root, domain_lib.VALIDATION_FOLDER),
  )


def check(dataset: domain_lib.Dataset, domain: domain_lib.Domain) -> None:
  """Reads all of a run's dataset once, before hours are spent on it.

  Args:
    dataset: where the demonstrations are.
    domain: environment that they are for.

  Raises:
    DatasetError: if there are none, or a run would fail on one.
  """
  assert isinstance(domain, stacking_lib.BlockStacking), 'No other has any.'
  _open_part(dataset, domain_lib.TRAINING, domain)
  validation = _open_part(dataset, domain_lib.VALIDATION, domain)
  if len(validation) < 2:
    path, mask, _ = dataset.part(domain_lib.VALIDATION)
    where = path if mask is None else f'Mask {mask!r} of {path}'
    raise demonstrations_lib.DatasetError(
      f'{where} holds {len(validation)} demonstration; 2 are needed to show a '
      'wrong one.'
    )


def _open_part(
  dataset: domain_lib.Dataset, kind: str, domain: stacking_lib.BlockStacking
) -> Dataset:
  """Opens what serves training or validation, and reads all of it once."""
  part = dataset.part(kind)
  try:
    return open_checked(part.path, domain, part.mask)
  except demonstrations_lib.MaskError as error:
    field = 'validation' if kind == domain_lib.VALIDATION else 'train'
    raise demonstrations_lib.DatasetError(
      f'{error} What a run uses is chosen with --{field}_mask.'
    ) from error


def check_wanted(experiment: experiment_lib.Experiment) -> None:
  """Checks what a run wants of demonstrations, before anything is made.

  Args:
    experiment: experiment of the run.

  Raises:
    DatasetError: if a run would fail on the dataset that it was given, or there
      is no such demonstrator to record one.
  """
  given = experiment.demonstrations.dataset
  if not given:
    _check_recordable(experiment.demonstrations)
    return
  dataset = experiment.dataset(given)
  if dataset is not None:
    check(dataset, experiment.domain)


def prepare(
  experiment: experiment_lib.Experiment, recorded_folder: str
) -> Optional[domain_lib.Dataset]:
  """Returns where a run's demonstrations are, recorded if none were given.

  Args:
    experiment: experiment of the run.
    recorded_folder: folder to record them into.

  Raises:
    DatasetError: if they cannot be recorded.
  """
  given = experiment.demonstrations.dataset
  dataset = experiment.dataset(given or recorded_folder)
  if dataset is not None and not given:
    record(experiment, recorded_folder)
    check(dataset, experiment.domain)
  return dataset


def open_checked(
  folder: str, domain: stacking_lib.BlockStacking, mask: Optional[str] = None
) -> Dataset:
  """Opens a dataset and reads all of it once.

  Args:
    folder: folder of the dataset, or its file.
    domain: environment that it is for.
    mask: name of the mask whose demonstrations are wanted; None for all.

  Raises:
    DatasetError: if a run would fail on it.
  """
  environment = domain.load()
  expected = scenes.metadata(environment)
  environment.close()
  dataset = demonstrations_lib.load(
    folder,
    expected.task,
    control_timestep=expected.control_timestep,
    model_hash=expected.model_hash,
    observations=domain.recorded,
    mask=mask,
  )
  dataset.verify()
  _check_usable(dataset, folder, domain)
  return dataset


def _check_usable(
  dataset: Dataset, folder: str, domain: stacking_lib.BlockStacking
) -> None:
  """Raises a DatasetError if a run would fail on it, be it at its end."""
  try:
    environment = domain.follow(dataset, domain_lib.VALIDATION, seed=0)
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
          f'Demonstration {index} has actions of shape {shape}, but the '
          f'environment takes {action_shape}; give a dataset of this environment.'
        )
      if not demonstration.task_return > 0.0:
        raise ValueError(
          f'Demonstration {index} has a task return of '
          f'{demonstration.task_return}, with which none can be compared; '
          'leave it out.'
        )
    environment.close()
  except ValueError as error:
    raise demonstrations_lib.DatasetError(f'{folder}: {error}') from error


def record(experiment: experiment_lib.Experiment, root: str) -> None:
  """Records the dataset of a run, or goes on with recording it.

  Args:
    experiment: experiment of the run.
    root: folder of the dataset.

  Raises:
    DatasetError: if the disk is full, or hardly any attempt stacks.
  """
  wanted, domain = experiment.demonstrations, experiment.domain
  assert isinstance(domain, stacking_lib.BlockStacking), 'No other has any.'
  for folder, name, count, offset in zip(
    folders(root),
    (wanted.train_demonstrator, wanted.validation_demonstrator),
    (wanted.num_train, wanted.num_validation),
    (0, VALIDATION_SEED_OFFSET),
  ):
    _record(
      record_lib.Settings(
        folder,
        name,
        count,
        # Below the offset whatever the run's seed is.
        experiment.seed * count % VALIDATION_SEED_OFFSET + offset,
        domain.recorded,
        _arguments(domain),
      )
    )


def _check_recordable(wanted: experiment_lib.Demonstrations) -> None:
  """Raises a DatasetError if such demonstrations cannot be recorded."""
  for field in ('train_mask', 'validation_mask'):
    if getattr(wanted, field) is not None:
      raise demonstrations_lib.DatasetError(
        f'{field}={getattr(wanted, field)!r} selects from a dataset that is '
        'given, and what a run records has no masks: give its --dataset as well.'
      )
  for field in ('train_demonstrator', 'validation_demonstrator'):
    if getattr(wanted, field) not in demonstrators.STYLES:
      raise demonstrations_lib.DatasetError(
        f'{field}={getattr(wanted, field)!r} is no demonstrator: use one of '
        f'{", ".join(demonstrators.STYLES)}, or give a --dataset.'
      )


def _arguments(domain: stacking_lib.BlockStacking) -> dict:
  """Returns the arguments of the environment that the dataset notes."""
  arguments = dict(scenes.DEFAULT_ARGUMENTS)
  if set(block_stacking.IMAGES) & set(domain.observables):
    arguments['image_size'] = [domain.image_size, domain.image_size]
  return arguments


def _record(settings: record_lib.Settings) -> None:
  if os.path.exists(demonstrations_lib.dataset_file(settings.path)):
    return  # Before the run was interrupted.
  name, count = settings.demonstrator, settings.num_episodes
  with tqdm.tqdm(
    total=count,
    desc=f'Recording {name!r}',
    unit='demo',
    file=progress.stream(),
  ) as bar:
    attempts = record_lib.record(
      settings, resume=True, on_episode=lambda _: bar.update()
    )
  print(
    f'Kept {count} of {attempts} episodes; {attempts - count} did not stack.'
  )
