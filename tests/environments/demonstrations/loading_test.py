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
"""Tests of demonstrations and of the file they are kept in."""

import dataclasses
import os
import pathlib

import h5py
import numpy as np
import pytest

from environments import demonstrations

_TASK = 'jaco_block_stacking'


def _make(
  steps: int = 4, seed: int = 0, **changes
) -> demonstrations.Demonstration:
  random_state = np.random.RandomState(seed)
  values = {
    'observations': {
      'body': random_state.randn(steps + 1, 3).astype(np.float32),
      'image': random_state.randint(0, 256, (steps + 1, 4, 4, 3), np.uint8),
    },
    'states': random_state.randn(steps + 1, 7),
    'actions': random_state.uniform(-1, 1, (steps, 2)).astype(np.float32),
    'rewards': random_state.choice([0.0, 0.125], steps).astype(np.float32),
    'demonstrator': 'brisk',
    'seed': seed,
  }
  return demonstrations.Demonstration(**{**values, **changes})


def _assert_equal(
  one: demonstrations.Demonstration, other: demonstrations.Demonstration
) -> None:
  one_fields, other_fields = dataclasses.asdict(one), dataclasses.asdict(other)
  np.testing.assert_equal(one_fields, other_fields)
  for name in ('states', 'actions', 'rewards'):
    assert one_fields[name].dtype == other_fields[name].dtype
  for key, frames in one.observations.items():
    assert frames.dtype == other.observations[key].dtype
  assert isinstance(other.demonstrator, str)
  assert isinstance(other.seed, int)


@pytest.fixture
def saved(tmp_path) -> pathlib.Path:
  """A good file."""
  data = [_make(seed=0), _make(seed=1)]
  return pathlib.Path(demonstrations.save(tmp_path / 'good', data, _TASK))


def test_length_frames_and_return():
  demonstration = _make(
    steps=3, rewards=np.array((0.125, 0.25, 1.0), np.float32)
  )
  assert len(demonstration) == 3
  assert demonstration.task_return == 1.375
  for asked, given in ((0, 0), (2, 2), (3, 3), (4, 3), (100, 3)):
    frame = demonstration.frame(asked)
    assert set(frame) == {'body', 'image'}
    for key, value in frame.items():
      np.testing.assert_array_equal(
        value, demonstration.observations[key][given]
      )


@pytest.mark.parametrize('steps', [0, 1])
def test_less_than_two_steps_are_refused(steps):
  with pytest.raises(
    demonstrations.DatasetError, match=rf'has {steps} step.*at least 2'
  ):
    _make(steps=steps)


@pytest.mark.parametrize(
  ('changes', 'named'),
  [
    ({'rewards': np.zeros(3, np.float32)}, "'rewards': 4"),
    ({'states': np.zeros((4, 7))}, "'states': 4"),
    ({'observations': {'body': np.zeros((6, 3))}}, "'body': 6"),
  ],
  ids=['rewards', 'states', 'observations'],
)
def test_lengths_that_differ_are_refused(changes, named):
  with pytest.raises(
    demonstrations.DatasetError, match=f'has 4 actions.*{named}.*again'
  ):
    _make(steps=4, **changes)


@pytest.mark.parametrize(
  ('changes', 'named'),
  [
    ({'states': np.full((5, 7), np.nan)}, 'states'),
    ({'actions': np.full((4, 2), np.inf)}, 'actions'),
    ({'rewards': np.full(4, np.nan)}, 'rewards'),
    ({'observations': {'body': np.full((5, 3), np.inf)}}, 'body'),
  ],
)
def test_numbers_that_are_not_finite_are_refused(changes, named):
  with pytest.raises(
    demonstrations.DatasetError, match=f"'{named}' that are not finite.*again"
  ):
    _make(steps=4, **changes)


@pytest.mark.parametrize('as_type', [str, pathlib.Path])
@pytest.mark.parametrize('name', ['folder', 'deep/er/folder', 'file.hdf5'])
def test_what_is_saved_is_loaded(tmp_path, name, as_type):
  path = as_type(tmp_path / name)
  data = [_make(seed=0), _make(steps=2, seed=1, demonstrator='careful')]
  file = demonstrations.save(path, data, _TASK, control_timestep=0.05)
  assert os.path.isfile(file)
  for task in (_TASK, None):
    for where in (path, file):
      loaded = demonstrations.load(where, task)
      assert len(loaded) == 2
      for one, other in zip(data, loaded):
        _assert_equal(one, other)


def test_real_demonstrations_are_loaded_as_they_were(tmp_path, training):
  demonstrations.save(tmp_path, training, _TASK)
  loaded = demonstrations.load(tmp_path, _TASK)
  assert len(loaded) == len(training)
  for one, other in zip(training, loaded):
    _assert_equal(one, other)


def test_order_is_kept_beyond_ten(tmp_path):
  demonstrations.save(tmp_path, [_make(seed=i) for i in range(12)], _TASK)
  loaded = demonstrations.load(tmp_path, _TASK)
  assert [d.seed for d in loaded] == list(range(12))


def test_file_has_robomimics_layout(saved):
  demonstration = _make(seed=1)
  with h5py.File(saved, 'r') as h5:
    data = h5['data']
    assert data.attrs['env_name'] == _TASK
    assert data.attrs['total'] == 8
    group = data['demo_1']
    assert group.attrs['num_samples'] == 4
    np.testing.assert_array_equal(group['actions'], demonstration.actions)
    np.testing.assert_array_equal(group['rewards'], demonstration.rewards)
    np.testing.assert_array_equal(group['dones'], (0, 0, 0, 1))
    np.testing.assert_array_equal(group['states'], demonstration.states[:-1])
    for key, frames in demonstration.observations.items():
      np.testing.assert_array_equal(group['obs'][key], frames[:-1])


def test_existing_file_is_left_untouched(saved):
  before, status = saved.read_bytes(), saved.stat()
  for path in (saved, saved.parent):
    with pytest.raises(
      demonstrations.DatasetError, match=rf'{saved} exists.*another path'
    ):
      demonstrations.save(path, [_make(seed=9)], _TASK)
  assert saved.read_bytes() == before
  assert saved.stat().st_mtime_ns == status.st_mtime_ns
  assert list(saved.parent.iterdir()) == [saved]


def test_nothing_to_write_is_refused(tmp_path):
  with pytest.raises(demonstrations.DatasetError, match='no demonstrations'):
    demonstrations.save(tmp_path, [], _TASK)
  assert not list(tmp_path.iterdir())


def test_write_that_fails_leaves_no_file(tmp_path):
  # The first one is written before HDF5 refuses the second.
  unwritable = {'note': np.array([object()] * 5)}
  data = [_make(), _make(observations=unwritable)]
  with pytest.raises(TypeError):
    demonstrations.save(tmp_path, data, _TASK)
  assert not list(tmp_path.iterdir())
  demonstrations.save(tmp_path, data[:1], _TASK)
  assert len(demonstrations.load(tmp_path, _TASK)) == 1


def test_write_that_is_interrupted_leaves_no_file(tmp_path, monkeypatch):
  def interrupt(*_):
    raise KeyboardInterrupt

  monkeypatch.setattr(os, 'replace', interrupt)
  with pytest.raises(KeyboardInterrupt):
    demonstrations.save(tmp_path, [_make()], _TASK)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('name', ['', 'nowhere', 'no.hdf5'])
def test_missing_file_or_empty_folder(tmp_path, name):
  path = tmp_path / name
  with pytest.raises(
    demonstrations.DatasetError, match=rf'no dataset at {path}.*record one'
  ):
    demonstrations.load(path, _TASK)
  assert not list(tmp_path.iterdir())


def test_dataset_of_another_task(saved):
  with pytest.raises(
    demonstrations.DatasetError, match=f"of '{_TASK}', but 'other' is needed"
  ):
    demonstrations.load(saved, 'other')


@pytest.mark.parametrize('share', [0.0, 0.001, 0.1, 0.5, 0.9, 0.99])
def test_truncated_file(saved, share):
  content = saved.read_bytes()
  _assert_unreadable(saved, content[: int(share * len(content))])


@pytest.mark.parametrize('missing', [1, 8, 64])
def test_file_that_lacks_its_last_bytes(saved, missing):
  _assert_unreadable(saved, saved.read_bytes()[:-missing])


def test_file_of_another_kind(saved):
  _assert_unreadable(saved, b'time,reward\n0,0.125\n' * 100)


def _assert_unreadable(file: pathlib.Path, content: bytes) -> None:
  file.write_bytes(content)
  with pytest.raises(
    demonstrations.DatasetError, match=rf'{file} cannot be read.*(copy|path)'
  ):
    demonstrations.load(file, _TASK)
  assert file.read_bytes() == content


def _drop(name: str):
  def damage(h5: h5py.File) -> None:
    del h5[name]

  return damage


def _drop_seed(h5: h5py.File) -> None:
  del h5['data/demo_1'].attrs['seed']


def _scalar_states(h5: h5py.File) -> None:
  del h5['data/demo_0/states']
  h5['data/demo_0/states'] = 1.0


def _rename(h5: h5py.File) -> None:
  h5.move('data/demo_0', 'data/mean')


def _data_is_an_array(h5: h5py.File) -> None:
  del h5['data']
  h5['data'] = np.zeros(3)
  h5['data'].attrs['env_name'] = _TASK


@pytest.mark.parametrize(
  'damage',
  [
    _drop('data'),
    _drop('data/demo_0/actions'),
    _drop('data/demo_1/obs'),
    _drop('data/demo_1/final_state'),
    _drop('data/demo_0/final_obs/body'),
    _drop_seed,
    _scalar_states,
    _rename,
    _data_is_an_array,
  ],
)
def test_hdf5_file_that_is_no_dataset(saved, damage):
  with h5py.File(saved, 'a') as h5:
    damage(h5)
  _assert_unreadable(saved, saved.read_bytes())


def test_dataset_without_demonstrations(saved):
  with h5py.File(saved, 'a') as h5:
    for name in list(h5['data']):
      del h5['data'][name]
  with pytest.raises(
    demonstrations.DatasetError, match=rf'{saved} holds no demonstrations'
  ):
    demonstrations.load(saved, _TASK)


@pytest.mark.parametrize(
  ('length', 'reason'), [(1, 'has 1 step'), (3, 'incomplete')]
)
def test_unusable_demonstration_is_named(saved, length, reason):
  with h5py.File(saved, 'a') as h5:
    group = h5['data/demo_1']
    for name in ('actions', 'rewards'):
      values = group[name][:length]
      del group[name]
      group[name] = values
  with pytest.raises(
    demonstrations.DatasetError, match=rf'{saved}, demo_1: .*{reason}'
  ):
    demonstrations.load(saved, _TASK)
