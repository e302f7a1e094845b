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
"""Tests of masks, films' formats and paths in the command line for datasets."""

import logging
import os
import pathlib
import subprocess
import sys

import h5py
import imageio_ffmpeg
import numpy as np
import pytest

from environments import demonstrations
from experiments import demonstrations as command
from experiments.datasets import pictures
from experiments.datasets import rlds
from experiments.datasets import scenes
from tests.experiments.datasets import dataset_commands

_ROOT = pathlib.Path(__file__).parents[2]


def _changed(recorded: str, tmp_path: pathlib.Path, change) -> str:
  path = tmp_path / 'changed.hdf5'
  path.write_bytes(pathlib.Path(recorded).read_bytes())
  with h5py.File(path, 'a') as h5:
    change(h5)
  return str(path)


def _masked(recorded, tmp_path) -> str:
  def change(h5):
    for name, members in (
      ('train', ['demo_0', 'demo_2']),
      ('valid', ['demo_1']),
    ):
      h5[f'mask/{name}'] = np.array(members, dtype='S')

  return _changed(recorded, tmp_path, change)


def _seeds(path: str, mask=None) -> list[int]:
  return [item.seed for item in demonstrations.load(path, mask=mask)]


def test_masks_are_carried_through_the_commands(recorded, tmp_path, capsys):
  path = _masked(recorded, tmp_path)
  first, second, third = _seeds(path)
  one, two, all_, drawn = (str(tmp_path / f'{n}.hdf5') for n in '12ad')
  assert command.main(['split', path, one, two, '--share=0.67']) == 0
  assert command.main(['merge', all_, one, two]) == 0
  assert set(_seeds(all_, 'train')) == {first, third}
  assert _seeds(all_, 'valid') == [second]
  assert _seeds(all_) != _seeds(path)  # In another order: renamed.
  arguments = ['render', path, drawn, '--mask=train', '--image-size=8']
  assert command.main(arguments) == 0
  assert _seeds(drawn) == [first, third]
  assert _seeds(drawn, 'train') == [first, third]
  assert set(demonstrations.load(drawn).masks) == {'train'}
  views = str(tmp_path / 'views.hdf5')
  arguments[2:] = [views, '--image-size=8', '--images', 'image', 'side_image']
  assert command.main(arguments) == 0
  one_view = demonstrations.load(drawn)[0].observations['image']
  both = demonstrations.load(views)[0].observations
  np.testing.assert_array_equal(both['image'], one_view)
  assert both['side_image'].shape == one_view.shape
  capsys.readouterr()
  assert command.main(['info', path]) == 0
  text = capsys.readouterr().out
  assert 'train: 2 episodes\n' in text
  assert 'valid: 1 episodes\n' in text


def test_a_mask_selects_in_the_commands_that_read(recorded, tmp_path, capsys):
  path = _masked(recorded, tmp_path)
  for name in ('info', 'validate'):
    assert command.main([name, path, '--mask=valid']) == 0
  assert '0 of 1 demonstrations part' in capsys.readouterr().out
  folder, new = str(tmp_path / 'rlds'), str(tmp_path / 'new')
  assert command.main(['export', path, folder, '--mask=train']) == 0
  assert len(list(rlds.read(folder))) == 2
  assert command.main(['merge', new, path, '--mask=valid']) == 0
  assert _seeds(new) == _seeds(path)[1:2]
  for arguments in (('play', path), ('split', path, 'a', 'b')):
    message = dataset_commands.fails(capsys, *arguments, '--mask=test')
    assert "has no mask 'test'; it has ['train', 'valid']" in message


def test_doubles_of_another_project_replay_and_it_is_said_once(
  doubles, capsys, caplog
):
  with caplog.at_level(logging.WARNING, logger='absl'):
    assert command.main(['validate', doubles, '--mask=train']) == 0
    assert command.main(['info', doubles]) == 0
  text = capsys.readouterr().out
  assert '0 of 3 demonstrations part' in text
  assert 'body float32[36]' in text
  loss = 'obs/body of float64 is read as float32, which keeps 6 digits'
  assert f'read as           {loss}\n' in text
  (message,) = [m for m in caplog.messages if doubles in m]
  assert loss in message


def test_split_writes_masks_as_robomimic_does(recorded, tmp_path, capsys):
  new = str(tmp_path / 'new.hdf5')
  arguments = ['split', recorded, new, '--share=0.67', '--masks']
  assert command.main([*arguments, 'train', 'valid']) == 0
  assert f'{new}, mask train: 2 demonstrations.' in capsys.readouterr().out
  assert _seeds(new) == _seeds(recorded)
  assert len(_seeds(new, 'train')) == 2
  assert sorted(_seeds(new, 'train') + _seeds(new, 'valid')) == _seeds(new)
  with h5py.File(new) as h5:  # As robomimic's reader asks for them.
    names = [name.decode('utf-8') for name in np.array(h5['mask/valid'][:])]
  assert set(names) < {'demo_0', 'demo_1', 'demo_2'}
  again = ('split', new, str(tmp_path / 'x.hdf5'), '--masks')
  for masks in (('train', 'other'), ('a', 'a'), ('a/b', 'c')):
    message = dataset_commands.fails(capsys, *again, *masks)
    assert 'choose two new names' in message
  for wrong in (again[:3], (*again[:3], 'y.hdf5', '--masks', 'a', 'b')):
    assert 'two datasets or two masks' in dataset_commands.fails(capsys, *wrong)


@pytest.mark.parametrize(
  'name, content',
  [
    ('film.MP4', (4, b'ftyp')),
    ('film.avi', (0, b'RIFF')),
    ('film.gif', (0, b'GIF89a')),
    ('film.webm', (0, b'\x1a\x45\xdf\xa3')),
    ('film.mkv', (0, b'\x1a\x45\xdf\xa3')),
  ],
)
def test_a_film_has_the_format_of_its_name(
  recorded, tmp_path, capfd, name, content
):
  path = tmp_path / 'new' / 'folder' / name
  assert command.main(['play', recorded, str(path), '--size=16']) == 0
  assert not capfd.readouterr().err
  offset, expected = content
  assert path.read_bytes()[offset:].startswith(expected)
  frames, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
  assert abs(frames - len(demonstrations.load(recorded)[0]) - 1) <= 1


@pytest.mark.parametrize('name', ['film.gif', 'film.mp4'])
def test_a_fast_film_is_as_fast_as_it_is_to_be(recorded, tmp_path, capfd, name):
  path = str(tmp_path / name)
  assert command.main(['play', recorded, path, '--size=16', '--speed=8']) == 0
  assert not capfd.readouterr().err
  _, seconds = imageio_ffmpeg.count_frames_and_secs(path)
  number = len(demonstrations.load(recorded)[0]) + 1
  assert abs(seconds - number / pictures.FRAMES_PER_SECOND / 8) < 0.05


@pytest.mark.parametrize('name', ['film', 'film.png', 'film.mp4.txt'])
def test_a_film_of_no_known_format_is_refused_at_once(
  recorded, tmp_path, monkeypatch, capsys, name
):
  monkeypatch.setattr(scenes, 'load_environment', None)  # Nothing is loaded.
  message = dataset_commands.fails(
    capsys, 'play', recorded, str(tmp_path / 'new' / name)
  )
  assert 'a film has one of .mp4, .mkv, .avi, .webm, .gif' in message
  assert not list(tmp_path.iterdir())


def test_home_folder_is_expanded(recorded, tmp_path, monkeypatch, capsys):
  monkeypatch.setenv('HOME', str(tmp_path))
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'in.hdf5').write_bytes(pathlib.Path(recorded).read_bytes())
  for arguments in (
    ('info', '~/in.hdf5'),
    ('split', '~/in.hdf5', '~/a/one', '~/a/two', '--share=0.5'),
    ('merge', '~/both', '~/a/one', '~/a/two'),
    ('export', '~/both', '~/rlds'),
    ('play', '~/both', '~/film.gif', '--size=16'),
  ):
    assert command.main(arguments) == 0, capsys.readouterr().err
  names = {path.name for path in tmp_path.iterdir()}
  assert names == {'in.hdf5', 'a', 'both', 'rlds', 'film.gif'}


# MUJOCO_GL is read at the first import.
@pytest.mark.slow
@pytest.mark.parametrize('backend', ['disable', 'glfw'])
def test_what_needs_no_picture_needs_no_opengl(recorded, tmp_path, backend):
  def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
      (sys.executable, '-m', 'experiments.demonstrations', *arguments),
      cwd=_ROOT,
      env={**os.environ, 'MUJOCO_GL': backend, 'DISPLAY': ''},
      capture_output=True,
      text=True,
      check=False,
    )

  assert run('validate', recorded).returncode == 0
  new = str(tmp_path / 'new')
  for arguments in (
    ('play', recorded, f'{new}.gif'),
    ('render', recorded, new),
  ):
    ended = run(*arguments)
    assert ended.returncode == 1
    assert 'Error: No picture can be drawn here (' in ended.stderr
    # dm_control's own finalizer stumbles over a context that was not made.
    ignored = ended.stderr.count('Exception ignored in')
    assert ended.stderr.count('Traceback') == ignored
  assert not list(tmp_path.iterdir())
