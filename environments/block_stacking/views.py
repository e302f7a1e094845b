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
"""Views of the workspace from other places than the model's camera.

A camera more in the model would change its fingerprint, and no data set that was
recorded before could be read: the one camera is moved for each picture instead.
"""

import contextlib
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Tuple

from dm_control import mjcf
from dm_control.composer.observation import observable
import numpy as np


class View(NamedTuple):
  """Where a picture is taken from.

  Attributes:
    position: position of the camera, in metres.
    target: point in the middle of the picture, in metres.
    fovy: vertical field of view, in degrees.
  """

  position: Tuple[float, float, float]
  target: Tuple[float, float, float]
  fovy: float

  @property
  def rotation(self) -> np.ndarray:
    """Axes of the camera in the columns, as MuJoCo has them, float64[3, 3].

    It looks along its negative z axis, and its x axis is level.
    """
    z = np.subtract(self.position, self.target)
    z /= np.linalg.norm(z)
    x = np.cross([0.0, 0.0, 1.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


# The whole workspace, and little beside it, with the fingers wherever an episode
# begins. `close_image` is the front camera's view of it; from the side one sees the
# depth which that hides, from above, as the dark arm is to be before the table.
VIEWS: Mapping[str, View] = {
  'close_image': View((0.0, -0.62, 0.52), (0.0, 0.0, 0.14), 32.0),
  'side_image': View((0.5, -0.1, 0.7), (0.0, -0.025, 0.13), 30.0),
}


class ViewCamera(observable.MJCFCamera):
  """Pictures that the model's camera takes from another place."""

  def __init__(self, camera: mjcf.Element, view: View, height: int, width: int):
    """Initializes the observable.

    Args:
      camera: a camera of the model.
      view: where the pictures are taken from.
      height: height of a picture, in pixels.
      width: width of a picture, in pixels.
    """
    super().__init__(camera, height=height, width=width)
    self._camera = camera
    self._view = view

  def _callable(self, physics: mjcf.Physics) -> Callable[[], np.ndarray]:
    draw = super()._callable(physics)
    index = physics.model.name2id(self._camera.full_identifier, 'camera')

    def observe() -> np.ndarray:
      with _moved(physics, index, self._view):
        return draw()

    return observe


@contextlib.contextmanager
def _moved(physics: mjcf.Physics, index: int, view: View) -> Iterator[None]:
  """Moves a camera for the time of a picture."""
  values: Tuple[Tuple[np.ndarray, Any], ...] = (
    (physics.data.cam_xpos, view.position),
    (physics.data.cam_xmat, view.rotation.ravel()),
    (physics.model.cam_fovy, view.fovy),
  )
  before = [np.copy(array[index]) for array, _ in values]
  try:
    for array, value in values:
      array[index] = value
    yield
  finally:
    for (array, _), value in zip(values, before):
      array[index] = value
