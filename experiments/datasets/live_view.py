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
"""Views of a running environment: a window, or a picture in a file."""

import copy
import os
import pathlib
import subprocess
import sys
import threading
from typing import Any, Optional

import mujoco
from mujoco import viewer as mujoco_viewer
from PIL import Image

from environments import state_environment
from environments.block_stacking import scene

KINDS = ('auto', 'window', 'preview', 'none')

_PREVIEW_SIZE = (360, 360)  # height, width
# Number of control steps for each picture, four pictures a second: drawing takes
# long in software.
_STEPS_PER_PREVIEW = 5

# A program that opens an invisible window with OpenGL and prints why it cannot.
_PROBE = """
import sys
import warnings
warnings.simplefilter('ignore')
import glfw
if not glfw.init():
  sys.exit('GLFW does not start')
glfw.window_hint(glfw.VISIBLE, False)
if not glfw.create_window(64, 64, 'probe', None, None):
  sys.exit('GLFW cannot open a window with OpenGL')
"""
_PROBE_SECONDS = 20
_CLOSE_SECONDS = 5.0


class ViewError(RuntimeError):
  """The scene cannot be shown; the message says what is missing."""


class NoView:
  """A view that shows nothing."""

  def show(self) -> bool:
    """Does nothing."""
    return True

  def close(self) -> None:
    """Does nothing."""


class Window:
  """MuJoCo's window, with the camera of the image observation.

  It shows a copy of the physics, so that nothing that a person does in the window
  changes the recording.

  Args:
    environment: environment that is shown; it must have been reset.
  """

  def __init__(self, environment: state_environment.StateEnvironment):
    self._environment = environment
    self._model = copy.copy(environment.physics.model.ptr)
    self._data = mujoco.MjData(self._model)
    others = set(threading.enumerate())
    self._handle: Any = mujoco_viewer.launch_passive(
      self._model, self._data, show_left_ui=False, show_right_ui=False
    )
    self._threads = set(threading.enumerate()) - others
    with self._handle.lock():
      self._handle.cam.type = mujoco.mjtCamera.mjCAMERA_FIXED
      self._handle.cam.fixedcamid = environment.physics.model.name2id(
        scene.CAMERA, 'camera'
      )
    self.show()

  def show(self) -> bool:
    """Shows the current scene; returns False once the window was closed."""
    if not self._handle.is_running():
      return False
    with self._handle.lock():
      mujoco.mj_copyData(
        self._data, self._model, self._environment.physics.data.ptr
      )
    self._handle.sync()
    return True

  def close(self) -> None:
    """Closes the window and waits until it is gone.

    MuJoCo's thread goes on drawing for a while; a process that ends meanwhile
    crashes.
    """
    self._handle.close()
    for thread in self._threads:
      thread.join(_CLOSE_SECONDS)


class Preview:
  """Writes pictures of the scene, each in place of the last one.

  A picture viewer that follows changes of its file shows the scene. Files are
  replaced atomically.

  Args:
    environment: environment that is shown; it must have been reset.
    file: path of the PNG file.
  """

  def __init__(
    self,
    environment: state_environment.StateEnvironment,
    file: pathlib.Path,
  ):
    self._environment = environment
    self._file = file
    self._steps = 0

  def show(self) -> bool:
    """Writes a picture in every fifth call; returns True."""
    if self._steps % _STEPS_PER_PREVIEW == 0:
      height, width = _PREVIEW_SIZE
      pixels = self._environment.physics.render(
        height, width, camera_id=scene.CAMERA
      )
      new = self._file.with_name(f'.{self._file.name}.{os.getpid()}.tmp')
      Image.fromarray(pixels).save(new, format='png', compress_level=1)
      os.replace(new, self._file)
    self._steps += 1
    return True

  def close(self) -> None:
    """Removes the picture, which would be out of date."""
    self._file.unlink(missing_ok=True)


def why_no_window() -> Optional[str]:
  """Returns the reason why no window can be opened; None if one can."""
  if not (os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')):
    return 'neither DISPLAY nor WAYLAND_DISPLAY is set'
  # In a process of its own: an error of X ends the process, and the context
  # that images are drawn in must not be disturbed.
  try:
    probe = subprocess.run(
      (sys.executable, '-c', _PROBE),
      capture_output=True,
      text=True,
      timeout=_PROBE_SECONDS,
      check=False,
    )
  except subprocess.TimeoutExpired:
    return 'the display does not answer'
  if probe.returncode == 0:
    return None
  lines = probe.stderr.strip().splitlines()
  return lines[-1] if lines else 'the display ends the process'


def open_view(
  kind: str,
  environment: state_environment.StateEnvironment,
  preview_file: pathlib.Path,
) -> tuple[Any, str]:
  """Opens a view.

  Args:
    kind: kind of the view, one of `KINDS`; 'auto' is a window if one can be
      opened, and a preview otherwise.
    environment: environment that is shown; it must have been reset.
    preview_file: path of the PNG file of a preview.

  Returns:
    The view, which has `show` and `close`, and a message for the person.

  Raises:
    ValueError: if there is no such kind.
    ViewError: if a window is asked for and cannot be opened.
  """
  if kind not in KINDS:
    raise ValueError(f'There is no view {kind!r}; choose from {KINDS}.')
  if kind == 'none':
    return NoView(), 'Nothing is shown.'
  reason = None if kind == 'preview' else why_no_window()
  if kind == 'window' and reason is not None:
    raise ViewError(
      f'No window can be opened: {reason}. Start this on a desktop, or use '
      '--view=preview.'
    )
  if kind == 'preview' or reason is not None:
    because = f'No window ({reason}): t' if reason else 'T'
    return (
      Preview(environment, preview_file),
      f'{because}he scene is drawn to {preview_file}; open it with a viewer that '
      'follows changes.',
    )
  return (
    Window(environment),
    'Keep the terminal in focus: it is where keys are read.',
  )
