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
"""Fixtures that the tests of the run scripts share.

Recording takes a second, so a few demonstrations serve all tests; no test may
change them. The same holds for the environments: each test that takes one
begins with an episode of its own.
"""

from collections.abc import Iterator, Sequence
import dataclasses
import pathlib
import shutil

import h5py
import numpy as np
import pytest

from environments import block_stacking
from environments import demonstrations
from environments import imitation
from environments.block_stacking import demonstrators
from environments.demonstrations import models
from environments.demonstrations import recording
from experiments import demonstrations as command
from experiments import experiment as experiment_lib
from experiments import presets
from experiments import schedule
from experiments.domains import block_stacking as stacking_lib
from experiments.domains import domain as domain_lib
from tests.experiments.datasets import dataset_commands

_Demonstrations = Sequence[demonstrations.Demonstration]

# That of the features preset.
_DOMAIN = stacking_lib.BlockStacking()


def _record(style: str, number: int) -> _Demonstrations:
  environment = block_stacking.load(_DOMAIN.observables)
  style_of_name = demonstrators.STYLES[style]
  return list(recording.record(environment, style_of_name, number, seed=0))


@pytest.fixture(scope='session')
def training_set() -> _Demonstrations:
  """Three demonstrations of the first demonstrator."""
  return _record('brisk', 3)


@pytest.fixture(scope='session')
def validation_set() -> _Demonstrations:
  """Two demonstrations of the second demonstrator."""
  return _record('careful', 2)


@pytest.fixture(scope='session')
def following(training_set) -> Iterator[imitation.ImitationEnvironment]:
  """Follows the first demonstrator to the end, as evaluations do."""
  environment = _DOMAIN.follow(training_set, domain_lib.VALIDATION, seed=0)
  yield environment
  environment.close()


def _save(root: pathlib.Path, **parts: _Demonstrations) -> str:
  """Writes parts of a dataset into folders of their names; returns the root's."""
  environment = block_stacking.load(_DOMAIN.observables)
  model_hash = models.fingerprint(environment.physics.model)
  environment.close()
  for name, recorded in parts.items():
    demonstrations.save(
      root / name,
      recorded,
      block_stacking.TASK_NAME,
      block_stacking.CONTROL_TIMESTEP,
      model_hash,
    )
  return str(root)


@pytest.fixture(scope='session')
def dataset(training_set, validation_set, tmp_path_factory) -> str:
  """Folder of a recorded dataset, in train/ and validation/."""
  return _save(
    tmp_path_factory.mktemp('dataset'),
    train=training_set,
    validation=validation_set,
  )


def _cut(
  demonstration: demonstrations.Demonstration,
) -> demonstrations.Demonstration:
  """Returns the steps in which the hand reaches the block."""
  reached = int(np.flatnonzero(demonstration.rewards)[0])
  steps = slice(reached - 15, reached + 10)
  frames = slice(steps.start, steps.stop + 1)
  return dataclasses.replace(
    demonstration,
    observations={k: v[frames] for k, v in demonstration.observations.items()},
    states=demonstration.states[frames],
    actions=demonstration.actions[steps],
    rewards=demonstration.rewards[steps],
  )


@pytest.fixture(scope='session')
def short_training_set(training_set) -> _Demonstrations:
  """Some steps of each, for runs in which all of them are followed often."""
  return [_cut(demonstration) for demonstration in training_set]


@pytest.fixture(scope='session')
def short_validation_set(validation_set) -> _Demonstrations:
  """Likewise, of the second demonstrator."""
  return [_cut(demonstration) for demonstration in validation_set]


@pytest.fixture(scope='session')
def short_dataset(
  short_training_set, short_validation_set, tmp_path_factory
) -> str:
  """Folder of a dataset of short demonstrations, in train/ and validation/."""
  return _save(
    tmp_path_factory.mktemp('short'),
    train=short_training_set,
    validation=short_validation_set,
  )


@pytest.fixture(scope='session')
def image_dataset(short_dataset, tmp_path_factory) -> str:
  """The same with all images, of 32 x 32 pixels."""
  root = str(tmp_path_factory.mktemp('images'))
  for part in ('train', 'validation'):
    arguments = ['render', f'{short_dataset}/{part}', f'{root}/{part}']
    arguments += ['--image-size=32x32', '--images', *block_stacking.IMAGES]
    assert command.main(arguments) == 0
  return root


def _save_masked(
  path: str,
  metadata: demonstrations.Metadata,
  train: _Demonstrations,
  validation: _Demonstrations,
) -> None:
  """Writes one file with both halves of a dataset, which its masks divide."""
  with demonstrations.DatasetWriter(path, metadata) as writer:
    for recorded, masks in (
      (validation, ['valid', 'careful']),
      (train, ['train']),
    ):
      for demonstration in recorded:
        writer.append(demonstration, masks)


@pytest.fixture(scope='session')
def masked(training_set, validation_set, dataset, tmp_path_factory) -> str:
  """One file with both halves of the dataset, which its masks divide."""
  path = str(tmp_path_factory.mktemp('masked') / 'all.hdf5')
  metadata = demonstrations.load(f'{dataset}/train').metadata
  _save_masked(path, metadata, training_set, validation_set)
  return path


@pytest.fixture(scope='session')
def short_masked(
  short_training_set, short_validation_set, short_dataset, tmp_path_factory
) -> str:
  """The same of short demonstrations."""
  path = str(tmp_path_factory.mktemp('short_masked') / 'all.hdf5')
  metadata = demonstrations.load(f'{short_dataset}/train').metadata
  _save_masked(path, metadata, short_training_set, short_validation_set)
  return path


@pytest.fixture
def doubles(short_masked, tmp_path) -> str:
  """The same file as another project writes it, with float64 in all arrays."""
  path = str(tmp_path / 'doubles.hdf5')
  shutil.copy(short_masked, path)
  with h5py.File(path, 'a') as file:
    for group in file['data'].values():
      for name in (
        *('actions', 'rewards'),
        *(
          f'{frames}/{k}'
          for frames in ('obs', 'final_obs')
          for k in group[frames]
        ),
      ):
        values = group[name][()].astype(np.float64)
        del group[name]
        group[name] = values
  return path


@pytest.fixture
def experiment(dataset) -> experiment_lib.Experiment:
  """A short run of the features preset on the recorded dataset."""
  features = presets.make('features')
  return dataclasses.replace(
    features,
    # Each is evaluated from, of the demonstrators as well.
    domain=dataclasses.replace(_DOMAIN, task_starts=2),
    demonstrations=experiment_lib.Demonstrations(
      dataset, num_train=3, num_validation=2
    ),
    budget=schedule.Budget(minutes=0.0),
    evaluation=schedule.Evaluation(period_minutes=1.0),
  )


@pytest.fixture
def run_folder(tmp_path) -> str:
  """Path of a folder that is not yet."""
  return str(tmp_path / 'runs' / 'run')


@pytest.fixture(scope='session')
def recorded(tmp_path_factory) -> str:
  """Three short episodes without images; no test may change them."""
  path = str(tmp_path_factory.mktemp('recorded') / 'three.hdf5')
  assert (
    command.main(['record', path, '--episodes=3', *dataset_commands.SHORT]) == 0
  )
  return path


@pytest.fixture(scope='session')
def drawn(recorded, tmp_path_factory) -> str:
  """The same with small images."""
  path = str(tmp_path_factory.mktemp('drawn') / 'three.hdf5')
  assert command.main(['render', recorded, path, '--image-size=16x24']) == 0
  return path
