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
"""Tests of the dataset of a run: recorded, or given and looked at."""

import dataclasses
import json
import os

import h5py
import pytest

from environments import demonstrations as demonstrations_lib
from environments.block_stacking import views
from experiments import experiment as experiment_lib
from experiments import overrides
from experiments import presets
from experiments.datasets import record
from experiments.datasets import run_dataset
from experiments.domains import block_stacking
from experiments.domains import domain as domain_lib

_DOMAIN = block_stacking.BlockStacking()


def _experiment(**settings) -> experiment_lib.Experiment:
  wanted = experiment_lib.Demonstrations(num_train=1, num_validation=2)
  return dataclasses.replace(
    presets.make('features'),
    demonstrations=dataclasses.replace(wanted, **settings),
  )


def test_recorded_dataset_can_be_used_and_is_recorded_once(
  tmp_path, monkeypatch, capsys
):
  root = str(tmp_path / 'dataset')
  experiment = _experiment(
    train_demonstrator='careful', validation_demonstrator='brisk'
  )
  run_dataset.record(experiment, root)
  assert 'Kept 1 of' in capsys.readouterr().out
  dataset = experiment.dataset(root)
  assert dataset == domain_lib.Dataset(root, 1, 2)
  run_dataset.check(dataset, experiment.domain)
  for folder, number, demonstrator in zip(
    run_dataset.folders(root), (1, 2), ('careful', 'brisk')
  ):
    recorded = demonstrations_lib.load(folder)
    assert [d.demonstrator for d in recorded] == [demonstrator] * number

  def fail(*unused_args, **unused_kwargs):
    raise AssertionError('It is there.')

  # As at a resume.
  monkeypatch.setattr(record, 'record', fail)
  run_dataset.record(experiment, root)
  assert capsys.readouterr().out == ''


@pytest.mark.parametrize(
  'field', ['train_demonstrator', 'validation_demonstrator']
)
def test_demonstrator_that_is_not_there_is_named_before_recording(field):
  with pytest.raises(
    demonstrations_lib.DatasetError,
    match=rf"{field}='nobody' is no demonstrator: use one of brisk, .*--dataset",
  ):
    run_dataset.check_wanted(_experiment(**{field: 'nobody'}))


def test_masks_of_one_file_are_checked(masked):
  run_dataset.check_wanted(_experiment(dataset=masked))
  for masks, words in (
    (
      {'train_mask': 'trian'},
      r"no mask 'trian'; it has \['careful', 'train', 'valid'\].*--train_mask",
    ),
    ({'validation_mask': 'v'}, r"no mask 'v'; .*--validation_mask"),
  ):
    with pytest.raises(demonstrations_lib.DatasetError, match=words):
      run_dataset.check_wanted(_experiment(dataset=masked, **masks))


def test_a_mask_of_one_demonstration_is_too_small(dataset, tmp_path):
  path = str(tmp_path / 'all.hdf5')
  train, _ = run_dataset.folders(dataset)
  found = demonstrations_lib.load(train)
  with demonstrations_lib.DatasetWriter(path, found.metadata) as writer:
    for item, mask in zip(found, ('train', 'train', 'valid')):
      writer.append(item, [mask])
  with pytest.raises(
    demonstrations_lib.DatasetError,
    match=r"Mask 'valid' of .*all.hdf5 holds 1 demonstration; 2 are needed",
  ):
    run_dataset.check_wanted(_experiment(dataset=path))


def test_masks_need_a_dataset_that_is_given():
  with pytest.raises(
    demonstrations_lib.DatasetError,
    match=r"validation_mask='valid' selects .* give its --dataset",
  ):
    run_dataset.check_wanted(_experiment(validation_mask='valid'))


def test_images_are_recorded_in_their_size(tmp_path, monkeypatch):
  taken: list[record.Settings] = []

  def note(settings: record.Settings, **unused_kwargs) -> int:
    taken.append(settings)
    return settings.num_episodes

  monkeypatch.setattr(record, 'record', note)
  for experiment in (presets.make('pixels'), presets.make('features')):
    run_dataset.record(experiment, str(tmp_path))
  pixels, _, features, _ = taken
  assert pixels.observables == (*views.VIEWS, 'body', 'blocks')
  assert pixels.arguments['image_size'] == [40, 40]
  assert features.observables == ('body', 'blocks')
  assert 'image_size' not in features.arguments


def test_dataset_has_what_the_domain_observes(dataset):
  train, _ = run_dataset.folders(dataset)
  assert len(run_dataset.open_checked(train, _DOMAIN)) == 3
  domain = block_stacking.BlockStacking(observables=('image', 'body', 'blocks'))
  with pytest.raises(
    demonstrations_lib.DatasetError, match=r"lacks \['image'\]"
  ):
    run_dataset.open_checked(train, domain)


@pytest.mark.slow
def test_images_of_another_size_are_refused(tmp_path):
  small = block_stacking.BlockStacking(
    observables=('image', 'body', 'blocks'), image_size=16
  )
  experiment = dataclasses.replace(
    _experiment(), domain=small, imitation=presets.make('features').imitation
  )
  root = str(tmp_path / 'dataset')
  run_dataset.record(experiment, root)
  dataset = experiment.dataset(root)
  assert dataset is not None
  run_dataset.check(dataset, small)
  train, _ = run_dataset.folders(root)
  with h5py.File(demonstrations_lib.dataset_file(train)) as file:
    arguments = json.loads(file['data'].attrs['env_args'])
  assert '[16, 16]' in json.dumps(arguments)
  larger = overrides.replace(experiment, 'domain.image_size', 24).domain
  with pytest.raises(
    demonstrations_lib.DatasetError, match=r'image.*16.*24.*same observables'
  ):
    run_dataset.check(dataset, larger)


def test_folders_are_those_that_environments_read(dataset):
  for folder in run_dataset.folders(dataset):
    assert os.path.exists(demonstrations_lib.dataset_file(folder))
