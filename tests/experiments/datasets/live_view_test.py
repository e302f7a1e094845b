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

import contextlib
import threading
import time

import mujoco
from mujoco import viewer as mujoco_viewer
import numpy as np
from PIL import Image
import pytest

from environments import block_stacking
from environments.block_stacking import scene
from experiments.datasets import live_view


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


def test_display_that_is_not_there(monkeypatch):
  monkeypatch.setenv('DISPLAY', ':4242')
  monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
  assert live_view.why_no_window() == 'GLFW does not start'


@pytest.mark.parametrize(
  'probe,reason',
  [
    ('', None),
    ('raise SystemExit("No OpenGL")', 'No OpenGL'),
    ('import os; os._exit(1)', 'the display ends the process'),
    ('import time; time.sleep(60)', 'the display does not answer'),
  ],
)
def test_display_that_fails(monkeypatch, probe, reason):
  monkeypatch.setenv('DISPLAY', ':4242')
  monkeypatch.setattr(live_view, '_PROBE', probe)
  monkeypatch.setattr(
    live_view, '_PROBE_SECONDS', 1 if 'sleep' in probe else 20
  )
  assert live_view.why_no_window() == reason


class _Handle:
  """A window that is not there."""

  def __init__(self, model, data):
    self.data, self.model = data, model
    self.cam = mujoco.MjvCamera()
    self.running = True
    self.shown: list[np.ndarray] = []

  def lock(self) -> contextlib.AbstractContextManager:
    return contextlib.nullcontext()

  def is_running(self) -> bool:
    return self.running

  def sync(self) -> None:
    self.shown.append(self.data.qpos.copy())
    # As a person could, who pulls at a block with the mouse.
    self.data.xfrc_applied[:] = 1.0
    self.model.opt.gravity[:] = 0.0

  def close(self) -> None:
    self.running = False


def test_window_shows_each_step_and_does_not_meddle(environment, monkeypatch):
  handles: list[_Handle] = []

  def launch(model, data, **_) -> _Handle:
    handles.append(_Handle(model, data))
    return handles[0]

  monkeypatch.setattr(mujoco_viewer, 'launch_passive', launch)
  state = environment.get_state()
  window = live_view.Window(environment)
  (handle,) = handles
  physics = environment.physics
  assert handle.cam.type == mujoco.mjtCamera.mjCAMERA_FIXED
  name = physics.model.id2name(handle.cam.fixedcamid, 'camera')
  assert name == scene.CAMERA
  np.testing.assert_array_equal(environment.get_state(), state)
  environment.step(np.full(9, 0.5))
  assert window.show()
  np.testing.assert_array_equal(handle.shown[-1], physics.data.qpos)
  assert not np.array_equal(handle.shown[0], handle.shown[-1])
  np.testing.assert_array_equal(physics.data.xfrc_applied, 0.0)
  assert physics.model.opt.gravity[2] < 0.0
  window.close()
  assert not window.show()


def test_window_is_gone_once_it_is_closed(environment, monkeypatch):
  drawing = threading.Event()

  def launch(model, data, **_) -> _Handle:
    handle = _Handle(model, data)

    def draw() -> None:
      drawing.set()
      while handle.running:
        time.sleep(0.01)
      time.sleep(0.2)  # The last picture.
      drawing.clear()

    threading.Thread(target=draw, daemon=True).start()
    assert drawing.wait(5.0)
    return handle

  monkeypatch.setattr(mujoco_viewer, 'launch_passive', launch)
  window = live_view.Window(environment)
  assert drawing.is_set()
  window.close()
  assert not drawing.is_set()


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
