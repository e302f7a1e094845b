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
"""Tests of the command line for datasets of demonstrations."""

import json
import os
import pathlib

import h5py
import imageio_ffmpeg
import numpy as np
import pytest
import tensorflow as tf

from environments import demonstrations
from experiments import demonstrations as command
from experiments.datasets import live_view
from experiments.datasets import rlds
from tests.experiments.datasets import dataset_commands


@pytest.mark.parametrize(
  'name',
  ['record', 'info', 'validate', 'play', 'render', 'split', 'merge', 'export'],
)
def test_help_has_examples(name, capsys):
  with pytest.raises(SystemExit) as exit_info:
    command.main([name, '--help'])
  assert exit_info.value.code == 0
  text = capsys.readouterr().out
  assert 'examples:' in text
  assert f'python -m experiments.demonstrations {name} data/' in text


def test_info(recorded, capsys):
  assert command.main(['info', recorded]) == 0
  text = capsys.readouterr().out
  found = demonstrations.load(recorded)
  returns = np.array([np.sum(np.asarray(item.rewards)) for item in found])
  assert f'{returns.mean():.1f} +- {returns.std():.1f}' in text
  assert 'blocks float32[30], body float32[36]' in text
  (row,) = [line for line in text.splitlines() if line.startswith('brisk')]
  assert row.split()[1:4] == ['3', '100%', str(sum(len(d) for d in found))]


def test_replay_agrees(recorded, capsys):
  assert command.main(['validate', recorded, '--verbose']) == 0
  text = capsys.readouterr().out
  assert text.count('agrees, largest difference 0') == 3
  assert '0 of 3 demonstrations part' in text


def _changed(recorded: str, tmp_path: pathlib.Path, change) -> str:
  path = tmp_path / 'changed.hdf5'
  path.write_bytes(pathlib.Path(recorded).read_bytes())
  with h5py.File(path, 'a') as h5:
    change(h5)
  return str(path)


def test_replay_that_parts_says_where(recorded, tmp_path, capsys):
  def change(h5):
    h5['data/demo_1/states'][40, 1 + 2] += 0.5  # After the time, a joint.

  path = _changed(recorded, tmp_path, change)
  assert command.main(['validate', path]) == 1
  text = capsys.readouterr().out
  assert 'demo_1: parts at step 40 in qpos[2], largest difference 0.5' in text
  assert '1 of 3 demonstrations part' in text
  assert command.main(['validate', path, '--tolerance=0.6']) == 0


def test_replay_of_other_actions_and_rewards_parts(recorded, tmp_path, capsys):
  def change(h5):
    h5['data/demo_0/actions'][10] += 0.1
    h5['data/demo_2/rewards'][5] = 0.25

  path = _changed(recorded, tmp_path, change)
  assert command.main(['validate', path]) == 1
  text = capsys.readouterr().out
  assert 'demo_0: parts at step 11 in ' in text
  assert 'demo_2: states agree, largest difference 0, 1 reward(s)' in text


@pytest.mark.parametrize(
  'name, value, reason',
  [
    ('model_hash', 'ab' * 32, 'model has changed'),
    ('control_timestep', 0.02, 'control rate'),
    ('env_args', json.dumps({'env_name': 'other'}), 'cannot be read'),
    (
      'env_args',
      json.dumps({'env_kwargs': {'colour': 'red'}}),
      'does not take.*colour',
    ),
  ],
)
def test_dataset_of_another_environment_is_not_replayed(
  recorded, tmp_path, capsys, name, value, reason
):
  path = _changed(
    recorded, tmp_path, lambda h5: h5['data'].attrs.update({name: value})
  )
  new = str(tmp_path / 'new')
  for arguments in (
    ('validate', path),
    ('play', path, f'{new}.mp4'),
    ('render', path, new),
  ):
    message = dataset_commands.fails(capsys, *arguments)
    assert path in message
    assert any(part in message for part in reason.split('.*'))
  if name == 'model_hash':
    assert command.main(['validate', path, '--any-model']) == 0
  assert not os.path.exists(new)


def test_numbers_that_are_not_finite_are_reported(recorded, tmp_path, capsys):
  def change(h5):
    h5['data/demo_1/states'][3, 4] = np.nan

  path = _changed(recorded, tmp_path, change)
  for arguments in (('validate', path), ('render', path, str(tmp_path / 'x'))):
    assert 'not finite' in dataset_commands.fails(capsys, *arguments)


def test_damaged_and_missing_files(recorded, tmp_path, capsys):
  path = tmp_path / 'short.hdf5'
  path.write_bytes(pathlib.Path(recorded).read_bytes()[:-100])
  for arguments in (
    ('info', str(path)),
    ('validate', str(path)),
    ('split', str(path), 'a', 'b'),
    ('merge', str(tmp_path / 'c'), recorded, str(path)),
  ):
    assert 'cannot be read' in dataset_commands.fails(capsys, *arguments)
  assert 'There is no dataset' in dataset_commands.fails(
    capsys, 'info', str(tmp_path / 'no')
  )


def test_rendered_images_are_those_of_the_states(recorded, drawn):
  found, plain = demonstrations.load(drawn), demonstrations.load(recorded)
  assert len(found) == 3
  for one, other in zip(found, plain):
    assert set(one.observations) == {'body', 'blocks', 'image'}
    images = one.observations['image']
    assert images.shape == (len(one) + 1, 16, 24, 3)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(one.states, other.states)
    np.testing.assert_array_equal(
      one.observations['body'], other.observations['body']
    )
    assert len(np.unique(images[0], axis=0)) > 1
    assert not np.array_equal(images[0], images[len(one)])
  assert found.metadata.model_hash == plain.metadata.model_hash


def test_film(recorded, tmp_path, capsys):
  path = str(tmp_path / 'film.mp4')
  arguments = ['play', recorded, path, '--episode=1', '--size=64', '--speed=2']
  assert command.main(arguments) == 0
  frames, seconds = imageio_ffmpeg.count_frames_and_secs(path)
  steps = len(demonstrations.load(recorded)[1])
  assert abs(frames - (steps + 1)) <= 1
  assert seconds == pytest.approx(frames / 40, abs=0.1)
  assert 'exists' in dataset_commands.fails(capsys, *arguments)
  arguments[2] = str(tmp_path / 'other.mp4')
  assert 'choose one of 0 to 2' in dataset_commands.fails(
    capsys, *arguments, '--episode=3'
  )
  assert 'multiple of 8' in dataset_commands.fails(
    capsys, *arguments, '--size=65'
  )
  assert os.listdir(tmp_path) == ['film.mp4']


class _Window:
  """Stands for a window that is closed after some frames."""

  frames = 5

  def __init__(self, environment):
    self._environment = environment
    self.states: list[np.ndarray] = []
    self.closed = False

  def show(self) -> bool:
    if len(self.states) == self.frames:
      return False
    self.states.append(self._environment.get_state())
    return True

  def close(self) -> None:
    self.closed = True


def test_window(recorded, monkeypatch):
  windows = []

  def open_window(environment):
    windows.append(_Window(environment))
    return windows[-1]

  monkeypatch.setattr(live_view, 'why_no_window', lambda: None)
  monkeypatch.setattr(live_view, 'Window', open_window)
  assert command.main(['play', recorded, '--episode=1', '--speed=100']) == 0
  (window,) = windows
  states = demonstrations.load(recorded)[1].states[: _Window.frames]
  np.testing.assert_array_equal(window.states, states)
  assert window.closed


def test_window_without_a_display(recorded, monkeypatch, capsys):
  for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
    monkeypatch.delenv(name, raising=False)
  message = dataset_commands.fails(capsys, 'play', recorded)
  assert 'neither DISPLAY nor WAYLAND_DISPLAY is set; name an MP4' in message


def test_split_and_merge(drawn, tmp_path, capsys):
  one, two, both = (str(tmp_path / name) for name in ('one', 'two', 'both'))
  assert command.main(['split', drawn, one, two, '--share=0.6']) == 0
  assert command.main(['merge', both, one, two]) == 0
  parts = [*demonstrations.load(one), *demonstrations.load(two)]
  assert [len(demonstrations.load(path)) for path in (one, two)] == [2, 1]
  whole = {item.seed: item for item in demonstrations.load(drawn)}
  assert {item.seed for item in parts} == set(whole)
  for item in (*parts, *demonstrations.load(both)):
    original = whole[item.seed]
    np.testing.assert_array_equal(item.states, original.states)
    for key, frames in original.observations.items():
      np.testing.assert_array_equal(item.observations[key], frames)
  assert 'exists' in dataset_commands.fails(capsys, 'merge', both, one, two)
  twice = str(tmp_path / 'twice')
  same = dataset_commands.fails(capsys, 'split', drawn, twice, twice)
  assert 'choose two paths' in same
  wrong = dataset_commands.fails(
    capsys, 'split', drawn, twice, str(tmp_path / 'other'), '--share=nan'
  )
  assert 'share is nan' in wrong
  assert not os.path.exists(twice)
  assert 'exists' in dataset_commands.fails(
    capsys, 'split', drawn, str(tmp_path / 'x'), two
  )
  assert not (tmp_path / 'x').exists()


def test_split_by_demonstrator(recorded, tmp_path, capsys):
  def change(h5):
    h5['data/demo_1'].attrs['demonstrator'] = 'careful'

  path = _changed(recorded, tmp_path, change)
  one, two = (str(tmp_path / name) for name in ('one', 'two'))
  split = ['split', path, one, two]
  for option in ('--share=0', '--share=1', '--demonstrator=nobody'):
    assert 'neither is empty' in dataset_commands.fails(capsys, *split, option)
  assert command.main([*split, '--demonstrator=careful']) == 0
  assert [d.demonstrator for d in demonstrations.load(one)] == ['careful']
  assert [d.demonstrator for d in demonstrations.load(two)] == ['brisk'] * 2


def test_datasets_that_differ_are_not_merged(recorded, drawn, tmp_path, capsys):
  path = str(tmp_path / 'new')
  message = dataset_commands.fails(capsys, 'merge', path, recorded, drawn)
  assert 'recorded alike' in message
  assert "arguments {'episode_length': 200" in message
  assert 'model_hash' not in message  # It is the same.
  assert not os.path.exists(path)


def _assert_described(folder, number):
  """As TensorFlow Datasets 4.6.0 describes a folder that it wrote itself."""
  with open(os.path.join(folder, rlds.INFO_FILE)) as file:
    (split,) = json.load(file)['splits']
  records = [
    len(list(tf.data.TFRecordDataset(os.path.join(folder, name))))
    for name in sorted(os.listdir(folder))
    if 'tfrecord' in name
  ]
  assert [int(length) for length in split['shardLengths']] == records
  assert sum(records) == number
  with open(os.path.join(folder, rlds.FEATURES_FILE)) as file:
    features = json.load(file)['content']['features']
  step = features['steps']['sequence']['feature']['featuresDict']['features']
  prefix = 'tensorflow_datasets.core.features.'
  assert step['state']['pythonClassName'] == f'{prefix}tensor_feature.Tensor'
  assert step['state']['tensor']['dtype'] == 'float64'
  assert step['state']['tensor']['encoding'] == 'bytes'
  assert step['action']['tensor'] == {
    'shape': {'dimensions': ['9']},
    'dtype': 'float32',
    'encoding': 'none',
  }
  image = step['observation']['featuresDict']['features']['image']
  assert image['pythonClassName'] == f'{prefix}image_feature.Image'
  assert image['image']['encodingFormat'] == 'png'


def test_export(drawn, tmp_path, capsys):
  folder = str(tmp_path / 'rlds')
  arguments = ['export', drawn, folder, '--episodes-per-file=2']
  assert command.main(arguments) == 0
  assert sorted(os.listdir(folder)) == [
    'dataset_info.json',
    'features.json',
    'jaco_block_stacking-train.tfrecord-00000-of-00002',
    'jaco_block_stacking-train.tfrecord-00001-of-00002',
  ]
  _assert_described(folder, len(demonstrations.load(drawn)))
  episodes = list(rlds.read(folder))
  for steps, item in zip(episodes, demonstrations.load(drawn), strict=True):
    for key, frames in item.observations.items():
      np.testing.assert_array_equal(steps[f'observation/{key}'], frames)
      assert steps[f'observation/{key}'].dtype == frames.dtype
    np.testing.assert_array_equal(steps['state'], item.states)
    np.testing.assert_array_equal(steps['action'][:-1], item.actions)
    np.testing.assert_array_equal(steps['reward'][:-1], item.rewards)
    assert not steps['action'][-1].any()
    assert steps['is_first'].tolist() == [True] + [False] * len(item)
    assert steps['is_last'].tolist() == [False] * len(item) + [True]
    assert not steps['is_terminal'].any()
  assert 'exists' in dataset_commands.fails(capsys, *arguments)
  assert os.listdir(tmp_path) == ['rlds']


@pytest.mark.parametrize(
  'arguments',
  [
    ('record', 'new', '--seed=-1'),
    ('record', 'new', '--episodes=0'),
    ('play', 'data', 'film.mp4', '--speed=0'),
    ('play', 'data', 'film.mp4', '--speed=nan'),
    ('render', 'data', 'new', '--image-size=0'),
  ],
)
def test_numbers_out_of_range(tmp_path, monkeypatch, capsys, arguments):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(SystemExit) as exit_info:
    command.main(arguments)
  assert exit_info.value.code == 2
  option, _, value = arguments[-1].partition('=')
  assert f'argument {option}: is {value}; it must be' in capsys.readouterr().err
  assert not list(tmp_path.iterdir())
