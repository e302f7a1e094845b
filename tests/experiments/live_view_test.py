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
"""Tests of showing a scene to a person."""

import glfw
import numpy as np
from PIL import Image
import pytest

from environments import block_stacking
from environments import scene
from experiments import live_view


@pytest.fixture(scope='module')
def environment():
  environment = block_stacking.load(('body',), seed=0)
  environment.reset()
  yield environment
  environment.close()


@pytest.fixture
def no_display(monkeypatch):
  monkeypatch.delenv('DISPLAY', raising=False)
  monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)


def test_preview_is_the_cameras_picture_and_is_kept_up(environment, tmp_path):
  file = tmp_path / 'preview.png'
  view = live_view.Preview(environment, file)
  assert view.show()
  expected = environment.physics.render(360, 360, camera_id=scene.CAMERA)
  np.testing.assert_array_equal(np.asarray(Image.open(file)), expected)
  written = file.stat().st_mtime_ns, file.stat().st_ino
  for _ in range(4):
    view.show()
  assert (file.stat().st_mtime_ns, file.stat().st_ino) == written
  view.show()
  assert (file.stat().st_mtime_ns, file.stat().st_ino) != written
  assert list(tmp_path.iterdir()) == [file]
  view.close()
  assert not file.exists()
  view.close()


@pytest.mark.usefixtures('no_display')
def test_without_a_display_there_is_a_preview_that_says_so(
  environment, tmp_path
):
  file = tmp_path / 'preview.png'
  view, message = live_view.open_view('auto', environment, file)
  assert isinstance(view, live_view.Preview)
  assert 'neither DISPLAY nor WAYLAND_DISPLAY is set' in message
  assert str(file) in message


@pytest.mark.usefixtures('no_display')
def test_window_without_a_display_is_an_error(environment, tmp_path):
  with pytest.raises(live_view.ViewError, match='use --view=preview'):
    live_view.open_view('window', environment, tmp_path / 'preview.png')


def test_display_that_does_not_answer(monkeypatch):
  monkeypatch.setenv('DISPLAY', ':99')
  monkeypatch.setattr(glfw, 'init', lambda: False)
  assert live_view.why_no_window() == 'GLFW does not start'
  monkeypatch.setattr(glfw, 'init', lambda: True)
  monkeypatch.setattr(glfw, 'window_hint', lambda *_: None)
  monkeypatch.setattr(glfw, 'default_window_hints', lambda: None)
  monkeypatch.setattr(glfw, 'create_window', lambda *_: None)
  assert 'cannot open a window' in str(live_view.why_no_window())


def test_nothing_is_shown_if_asked_for(environment, tmp_path):
  view, message = live_view.open_view(
    'none', environment, tmp_path / 'preview.png'
  )
  assert view.show()
  view.close()
  assert message == 'Nothing is shown.'
  assert list(tmp_path.iterdir()) == []


def test_unknown_view(environment, tmp_path):
  with pytest.raises(ValueError, match="no view 'hologram'"):
    live_view.open_view('hologram', environment, tmp_path / 'preview.png')
