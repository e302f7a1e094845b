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
"""Tests of what other projects write: masks, and other types of numbers."""

from collections.abc import Iterator
import logging

import h5py
import numpy as np
import pytest

from environments import demonstrations
from environments import imitation
from environments import rewards
from environments.demonstrations import storage
from environments.demonstrations import writer
from tests.environments import imitation_fakes
from tests.environments.demonstrations import dataset_fakes as fakes


@pytest.fixture
def file(tmp_path) -> str:
  """Three demonstrations in a file that others go on with."""
  items = [fakes.make(seed, pixels=48) for seed in range(3)]
  return demonstrations.save(tmp_path / 'given.hdf5', items, fakes.TASK)


def _retype(file: str, **dtypes: type) -> None:
  """Gives arrays of a file another type, by the last part of their names."""
  with h5py.File(file, 'a') as h5:
    for group in h5['data'].values():
      for name in ('actions', 'rewards', 'states', 'final_state'):
        _replace(group, name, dtypes.get(name.replace('final_state', 'states')))
      for folder in ('obs', 'final_obs'):
        _replace(group[folder], 'body', dtypes.get('body'))


def _replace(group: h5py.Group, name: str, dtype: type | None) -> None:
  if dtype is not None:
    values = group[name][()].astype(dtype)
    del group[name]
    group[name] = values


@pytest.fixture
def said(caplog) -> Iterator[pytest.LogCaptureFixture]:
  with caplog.at_level(logging.WARNING, logger='absl'):
    yield caplog


def test_doubles_are_read_as_floats_and_it_is_said_once(file, said):
  _retype(file, body=np.float64, actions=np.float64, rewards=np.float64)
  for _ in range(2):
    found = demonstrations.load(file)
  for seed, item in enumerate(found):
    fakes.assert_same(item, fakes.make(seed, pixels=48))
    arrays = (item.observations['body'], item.actions, item.rewards)
    for values in (*arrays, *map(np.asarray, arrays)):
      assert values.dtype == np.float32
    assert item.observations['body'][2].dtype == np.float32
    assert item.observations['image'].dtype == np.uint8
  (message,) = [m for m in said.messages if file in m]
  assert 'obs/body of float64 is read as float32, which keeps 6' in message
  assert 'rewards of float64' in message
  assert found.conversions[0] in message


def test_frames_of_doubles_are_read_one_by_one(tmp_path):
  wide = np.random.RandomState(0).randn(7, 2000)
  item = fakes.make(observations={'wide': wide})
  found = demonstrations.load(
    demonstrations.save(tmp_path / 'wide', [item], fakes.TASK)
  )
  values = found[0].observations['wide']
  assert isinstance(values, storage.StoredArray)
  assert values.has_frames
  for step in range(7):
    np.testing.assert_array_equal(values[step], wide[step].astype(np.float32))
    assert values[step].dtype == np.float32


def test_states_of_floats_and_rewards_of_integers(file, said):
  _retype(file, states=np.float32, rewards=np.int64)
  found = demonstrations.load(file)
  assert found[0].states[1].dtype == np.float64
  np.testing.assert_allclose(
    found[0].states, fakes.make(0, pixels=48).states, rtol=1e-6
  )
  assert np.asarray(found[0].rewards).dtype == np.float32
  assert found[0].success
  assert 'replays part at the digits that the file lacks' in said.text


def test_our_own_files_are_not_converted(file, said):
  assert not demonstrations.load(file).conversions
  assert file not in said.text


def test_doubles_can_be_followed(tmp_path):
  item = imitation_fakes.numbered(4)
  file = demonstrations.save(tmp_path, [item], fakes.TASK)
  with h5py.File(file, 'a') as h5:
    for folder in ('obs', 'final_obs'):
      _replace(h5['data/demo_0'][folder], 'x', np.float64)
  environment = imitation.ImitationEnvironment(
    imitation_fakes.StandIn(),
    demonstrations.load(file),
    reward_terms={'x': rewards.RewardTerm(1.0, 1.0)},
  )
  goal = environment.reset().observation['goal']['x']
  assert goal.dtype == np.float32


def _mask(file: str, **masks: list[str]) -> None:
  """Writes masks as robomimic's `split_train_val.py` does."""
  with h5py.File(file, 'a') as h5:
    for name, members in masks.items():
      h5[f'mask/{name}'] = np.array(members, dtype='S')


def test_a_mask_selects(file):
  _mask(file, train=['demo_0', 'demo_2'], valid=['demo_1'], old=['demo_7'])
  found = demonstrations.load(file, mask='train')
  assert found.names == ('demo_0', 'demo_2')
  assert [item.seed for item in found] == [0, 2]
  assert found.masks['valid'] == ('demo_1',)
  with pytest.raises(
    demonstrations.MaskError,
    match=r"no mask 'test'; it has \['old', 'train', 'valid'\]",
  ):
    demonstrations.load(file, mask='test')
  with pytest.raises(demonstrations.DatasetError, match=r"lacks \['demo_7'\]"):
    demonstrations.load(file, mask='old')


def test_a_file_without_masks_says_how_to_write_some(file):
  with pytest.raises(
    demonstrations.MaskError,
    match=r"no mask 'train'; it has none: write .* split --masks",
  ):
    demonstrations.load(file, mask='train')


def test_masks_of_words_of_any_length_are_read(file):
  with h5py.File(file, 'a') as h5:
    h5['mask/train'] = np.array(['demo_1'], dtype=h5py.string_dtype())
    h5['mask/numbers'] = np.arange(3)
  assert dict(demonstrations.load(file).masks) == {'train': ('demo_1',)}


def test_masks_are_copied_with_the_new_names(file, tmp_path):
  _mask(file, train=['demo_0', 'demo_2'], valid=['demo_1'])
  new = str(tmp_path / 'new.hdf5')
  found = demonstrations.load(file)
  sources = [(file, 'demo_2'), (file, 'demo_1')]
  writer.copy({new: sources}, found.metadata, {'first': [0]})
  copied = demonstrations.load(new)
  assert [item.seed for item in copied] == [2, 1]
  assert copied.masks == {
    'first': ('demo_0',),
    'train': ('demo_0',),
    'valid': ('demo_1',),
  }


def test_masks_of_episodes_are_in_the_dataset(tmp_path):
  file = str(tmp_path / 'recorded.hdf5')
  with demonstrations.DatasetWriter(file, fakes.METADATA) as recorder:
    recorder.append(fakes.make(0), ['train', 'all'])
    recorder.append(fakes.make(1), ['all'])
  assert demonstrations.load(file).masks == {
    'train': ('demo_0',),
    'all': ('demo_0', 'demo_1'),
  }


@pytest.mark.parametrize('failing', ['_copy', '_synchronize', 'replace'])
def test_two_files_appear_both_or_not_at_all(
  file, tmp_path, monkeypatch, failing
):
  first, second = (str(tmp_path / f'{n}/x.hdf5') for n in ('one', 'two'))
  contents = {first: [(file, 'demo_0')], second: [(file, 'demo_1')]}
  metadata = demonstrations.load(file).metadata
  owner = writer.os if failing == 'replace' else writer
  real, calls = getattr(owner, failing), []

  def full_at_the_second(*arguments):
    calls.append(arguments)
    if len(calls) == 2:
      raise OSError(28, 'No space left on device')
    return real(*arguments)

  with monkeypatch.context() as context:
    context.setattr(owner, failing, full_at_the_second)
    with pytest.raises(
      demonstrations.DatasetError, match=r'disk is full.*room'
    ):
      writer.copy(contents, metadata)
  assert sorted(p.name for p in tmp_path.rglob('*') if p.is_file()) == [
    'given.hdf5'
  ]
  writer.copy(contents, metadata)  # As the error recommends.
  assert [demonstrations.load(p)[0].seed for p in contents] == [0, 1]


def test_home_folder(file, tmp_path, monkeypatch):
  monkeypatch.setenv('HOME', str(tmp_path))
  assert demonstrations.load('~/given.hdf5').file == file
