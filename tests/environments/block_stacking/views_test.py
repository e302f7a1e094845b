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
"""Tests of the views beside the paper's camera."""

import itertools

from dm_control import mjcf
import numpy as np
import pytest

from environments import block_stacking
from environments.block_stacking import features
from environments.block_stacking import scene
from environments.block_stacking import task
from environments.block_stacking import views
from environments.demonstrations import models

_SIZE = 40


@pytest.fixture(scope='module')
def environment():
  environment = block_stacking.load(
    block_stacking.IMAGES, seed=0, image_size=(_SIZE, _SIZE)
  )
  environment.reset()
  yield environment
  environment.close()


def _projected(view: views.View, points: np.ndarray) -> np.ndarray:
  """Returns where points are in a picture of a height of 2, float64[N, 2]."""
  seen = (points - view.position) @ view.rotation
  assert np.all(seen[:, 2] < 0.0), 'It looks along the negative z axis.'
  return seen[:, :2] / -seen[:, 2:] / np.tan(np.radians(view.fovy) / 2.0)


@pytest.mark.parametrize('name', list(views.VIEWS))
def test_the_workspace_is_in_the_picture(name):
  low, high = task._BLOCK_REGION
  corners = itertools.product(*zip(low, high), (0.0, 2.0 * task.HALF_SIZE))
  places = _projected(views.VIEWS[name], np.array(list(corners)))
  assert np.all(np.abs(places) < 1.0)


@pytest.mark.parametrize('name', list(views.VIEWS))
def test_the_hand_is_in_the_picture_as_an_episode_begins(name):
  environment = block_stacking.load(('body',), seed=0)
  place = features.BODY_LAYOUT['hand_position']
  tips = np.array(
    [environment.reset().observation['body'][place] for _ in range(50)]
  )
  environment.close()
  # Its fingers are some 8 cm long.
  for above, share in ((0.0, 1.0), (0.04, 0.95), (0.08, 0.8)):
    places = _projected(views.VIEWS[name], tips + [0.0, 0.0, above])
    assert np.mean(np.all(np.abs(places) < 1.0, axis=1)) >= share


@pytest.mark.parametrize('name', list(views.VIEWS))
def test_a_picture_is_that_of_a_camera_there(environment, name):
  physics, view = environment.physics, views.VIEWS[name]
  observation = environment.reset().observation
  model = environment.task.root_entity.mjcf_model.root_model
  state = physics.get_state()
  axes = view.rotation
  model.worldbody.add(
    'camera',
    name=name,
    pos=view.position,
    xyaxes=np.concatenate([axes[:, 0], axes[:, 1]]),
    fovy=view.fovy,
  )
  other = mjcf.Physics.from_mjcf_model(model)
  model.find('camera', name).remove()
  with other.reset_context():
    other.set_state(state)
  expected = other.render(_SIZE, _SIZE, camera_id=name)
  differs = np.any(expected != observation[name], axis=-1)
  # A renderer may differ at a few pixels of the edges.
  assert differs.mean() < 0.01


def test_the_camera_is_where_it_was(environment):
  camera = environment.physics.named
  before = environment.reset().observation
  again = environment.reset_to(environment.get_state()).observation
  np.testing.assert_array_equal(again['image'], before['image'])
  fovy = camera.model.cam_fovy[scene.CAMERA]
  assert fovy == scene._CAMERA_FOVY


def test_they_are_no_part_of_the_model(environment):
  """So that data sets which were recorded before them can be read."""
  plain = block_stacking.load(('body',), seed=0)
  model = models.fingerprint(environment.physics.model)
  assert model == models.fingerprint(plain.physics.model)
  plain.close()
