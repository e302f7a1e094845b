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
"""Tests of the rendered scene and of the blocks."""

from collections.abc import Iterator

from dm_control import mjcf
import numpy as np
import pytest

from environments import block_stacking
from environments import state_environment
from environments.block_stacking import scene


@pytest.fixture(scope='module')
def pixels() -> Iterator[state_environment.StateEnvironment]:
  environment = block_stacking.load(('image',), seed=0)
  yield environment
  environment.close()


def _image(
  environment: state_environment.StateEnvironment, seed: int
) -> np.ndarray:
  environment.random_state.seed(seed)
  return environment.reset().observation['image']


def _red(image: np.ndarray) -> np.ndarray:
  red, green, blue = np.moveaxis(image.astype(int), -1, 0)
  return (red > 60) & (red > 2 * green) & (red > 2 * blue)


def _blue(image: np.ndarray) -> np.ndarray:
  red, green, blue = np.moveaxis(image.astype(int), -1, 0)
  return (blue > 60) & (blue > 2 * red) & (blue > 1.5 * green)


def test_image_is_what_the_paper_has(pixels):
  image = _image(pixels, seed=0)
  assert image.shape == (128, 128, 3)
  assert image.dtype == np.uint8
  spec = pixels.observation_spec()['image']
  assert spec.shape == image.shape
  assert spec.dtype == image.dtype


@pytest.mark.parametrize('seed', range(8))
def test_both_blocks_are_seen(pixels, seed):
  image = _image(pixels, seed)
  # A cube of 5 cm fills about 150 pixels where nothing hides it.
  assert _red(image).sum() >= 30
  assert _blue(image).sum() >= 30


@pytest.mark.parametrize('seed', range(4))
def test_colours_tell_the_blocks_apart(pixels, seed):
  image = _image(pixels, seed)
  physics = pixels.physics
  segments = physics.render(
    128, 128, camera_id=scene.CAMERA, segmentation=True
  )[..., 0]
  for name, mask in (('top', _red(image)), ('bottom', _blue(image))):
    geom = physics.model.name2id(f'{name}/block', 'geom')
    # A renderer may differ at a few pixels of the edges.
    assert np.sum(mask != (segments == geom)) <= 3, name


def test_image_follows_the_blocks(pixels):
  before = _image(pixels, seed=0)
  state = pixels.get_state()
  pixels.task.top.set_pose(pixels.physics, position=(0.1, 0.08, 0.025))
  pixels.task.bottom.set_pose(pixels.physics, position=(-0.1, -0.1, 0.025))
  after = pixels.reset_to(pixels.get_state()).observation['image']
  # The camera looks along +y: +x is right, far is up.
  row, column = np.argwhere(_red(after)).mean(axis=0)
  other_row, other_column = np.argwhere(_blue(after)).mean(axis=0)
  assert column > 64 > other_column
  assert row < other_row
  again = pixels.reset_to(state).observation['image']
  assert np.array_equal(again, before)


def test_image_size_is_an_option():
  environment = block_stacking.load(('image',), image_size=(48, 64), seed=0)
  assert environment.reset().observation['image'].shape == (48, 64, 3)
  environment.close()


def test_whole_workspace_is_in_the_image(pixels):
  pixels.reset()
  half = pixels.task.half_size
  for x in (-0.13, 0.13):
    for y in (-0.13, 0.10):
      pixels.task.top.set_pose(pixels.physics, position=(x, y, half))
      # Away from where the hand may hide it.
      pixels.task.bottom.set_pose(pixels.physics, position=(0, 0.4, -1.0))
      image = pixels.reset_to(pixels.get_state()).observation['image']
      rows, columns = np.nonzero(_red(image))
      assert len(rows)
      assert rows.min() > 0
      assert rows.max() < 127
      assert columns.min() > 0
      assert columns.max() < 127


def test_block_is_a_cube_of_its_size_mass_and_colour():
  block = scene.Block('cube', 0.03, (0.1, 0.2, 0.3, 1.0), mass=0.07)
  arena = scene.StackingArena()
  arena.add_free_entity(block)
  physics = mjcf.Physics.from_mjcf_model(arena.mjcf_model)
  geom = physics.bind(block.geom)
  assert block.half_size == 0.03
  np.testing.assert_array_equal(geom.size, np.full(3, 0.03))
  np.testing.assert_allclose(geom.rgba, (0.1, 0.2, 0.3, 1.0), rtol=1e-6)
  assert physics.named.model.body_mass['cube/'] == pytest.approx(0.07)


def test_nothing_slow_is_drawn():
  physics = mjcf.Physics.from_mjcf_model(scene.StackingArena().mjcf_model)
  assert physics.model.vis.quality.shadowsize == 0
  assert physics.model.vis.quality.offsamples == 0
  assert not physics.model.light_castshadow.any()
