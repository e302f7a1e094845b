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
"""The arena with its table, light and camera, and the blocks."""

from dm_control import composer
from dm_control import mjcf
import numpy as np

CAMERA = 'front'

# Half-extents of the table's visible part, in metres. The plane itself is
# infinite for collisions, so that nothing falls off in a long episode.
_TABLE_SIZE = (0.45, 0.55, 0.1)

# The camera looks at the workspace from the front, opposite the arm's base, so
# that neither the arm nor the hand hides the blocks.
_CAMERA_POSITION = (0.0, -0.62, 0.52)
_CAMERA_XYAXES = (1.0, 0.0, 0.0, 0.0, 0.56, 0.83)
_CAMERA_FOVY = 38.0


class StackingArena(composer.Arena):
  """A table with one light and one camera, and nothing that is slow to draw.

  Software rendering is what limits acting from pixels, hence no shadows, no
  reflections, no sky box and no multisampling.
  """

  def _build(self, name: str = 'arena') -> None:
    super()._build(name=name)
    root = self.mjcf_model
    root.visual.quality.shadowsize = 0
    root.visual.quality.offsamples = 0
    root.visual.quality.numslices = 8
    root.visual.quality.numstacks = 4
    root.visual.quality.numquads = 1
    root.visual.map.znear = 0.01
    root.visual.headlight.ambient = (0.35, 0.35, 0.35)
    root.visual.headlight.diffuse = (0.25, 0.25, 0.25)
    root.statistic.extent = 1.0
    root.statistic.center = (0.0, 0.0, 0.0)
    root.worldbody.add(
      'geom',
      name='table',
      type='plane',
      size=_TABLE_SIZE,
      rgba=(0.55, 0.53, 0.5, 1.0),
      friction=(1.0, 0.005, 0.0001),
    )
    # The arm is dark: a light wall shows its outline.
    root.worldbody.add(
      'geom',
      name='wall',
      type='plane',
      pos=(0.0, 0.8, 0.0),
      zaxis=(0.0, -1.0, 0.0),
      size=(1.5, 1.5, 0.1),
      rgba=(0.75, 0.78, 0.8, 1.0),
      contype=0,
      conaffinity=0,
    )
    root.worldbody.add(
      'light',
      pos=(0.3, -0.5, 1.5),
      dir=(-0.2, 0.35, -1.0),
      diffuse=(0.6, 0.6, 0.6),
      specular=(0.1, 0.1, 0.1),
      castshadow=False,
    )
    root.worldbody.add(
      'camera',
      name=CAMERA,
      pos=_CAMERA_POSITION,
      xyaxes=_CAMERA_XYAXES,
      fovy=_CAMERA_FOVY,
    )


class Block(composer.Entity):
  """A cube that the hand can hold.

  Args:
    name: name of the block's MJCF model.
    half_size: half the length of an edge, in metres.
    rgba: colour of the block: red, green, blue and opacity in [0, 1].
    mass: mass of the block in kilograms.
  """

  def _build(
    self,
    name: str,
    half_size: float,
    rgba: tuple[float, float, float, float],
    mass: float = 0.05,
  ) -> None:
    self._mjcf_model = mjcf.RootElement(model=name)
    self._half_size = half_size
    self._geom = self._mjcf_model.worldbody.add(
      'geom',
      name='block',
      type='box',
      size=np.full(3, half_size),
      mass=mass,
      rgba=rgba,
      # Torsional friction (condim 4) keeps a block from spinning in the grasp.
      condim=4,
      friction=(1.0, 0.01, 0.0001),
      solref=(0.01, 1.0),
      solimp=(0.95, 0.99, 0.001),
    )

  @property
  def mjcf_model(self) -> mjcf.RootElement:
    """The block's MJCF model."""
    return self._mjcf_model

  @property
  def geom(self) -> mjcf.Element:
    """The block's only geom, a box."""
    return self._geom

  @property
  def half_size(self) -> float:
    """Half the length of an edge, in metres."""
    return self._half_size
