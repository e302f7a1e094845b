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

"""Tests of the default networks on images."""

import copy
from typing import Any

from acme import specs
from acme.tf import networks as acme_networks
import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic import networks
from acme_metamimic.tf import resnet
from tests.acme_metamimic import fakes

_SIZES: Any = {'policy_layer_sizes': (8, 8), 'critic_layer_sizes': (8, 8)}
_IMAGE = specs.BoundedArray((16, 16, 3), np.uint8, 0, 255)


def _small_torso() -> resnet.ResNetTorso:
  return resnet.ResNetTorso((4, 8), hidden_sizes=(12,))


def _make_spec(image: specs.Array = _IMAGE, **others) -> specs.EnvironmentSpec:
  """Returns the spec of an imitation environment with images and vectors."""
  spec = fakes.imitation_spec()
  goal = {**spec.observations['goal'], 'image': image}
  observations = {**spec.observations, 'image': image, 'goal': goal, **others}
  return spec._replace(observations=observations)


def _make_batch(spec, batch_size=3, seed=0):
  random_state = np.random.RandomState(seed)

  def sample(s):
    shape = (batch_size, *s.shape)
    if s.dtype == np.uint8:
      return tf.constant(random_state.randint(256, size=shape), tf.uint8)
    return tf.constant(random_state.randn(*shape), tf.float32)

  return tree.map_structure(sample, spec.observations)


def _without_goal(observation):
  return {k: v for k, v in observation.items() if k != 'goal'}


class _RecordingTorso(snt.Module):
  """Keeps the images that it is given and returns their means by channel."""

  def __init__(self):
    super().__init__()
    self.images = []

  def __call__(self, images):
    self.images.append(images)
    return tf.reduce_mean(tf.cast(images, tf.float32), axis=[1, 2])


def test_observation_and_goal_go_through_the_torso_as_bytes():
  spec = _make_spec()
  batch = _make_batch(spec)
  torso = _RecordingTorso()
  made = networks.make_imitation_networks(
    spec,
    goal_difference_scale={'body': 0.1},
    observation_scale={'blocks': 2.0},
    torso=lambda: torso,
  )

  actual = made.observation_network(batch)

  (images,) = torso.images
  assert images.dtype == tf.uint8
  goal = batch['goal']
  expected = np.concatenate([batch['image'], goal['image']], axis=-1)
  np.testing.assert_array_equal(images, expected)
  # The vectors are treated as they are without images.
  vectors = networks.make_imitation_networks(
    fakes.imitation_spec(),
    goal_difference_scale={'body': 0.1},
    observation_scale={'blocks': 2.0},
  ).observation_network(
    {
      'body': batch['body'],
      'blocks': batch['blocks'],
      'goal': {'body': goal['body'], 'blocks': goal['blocks']},
    }
  )
  np.testing.assert_allclose(
    actual,
    np.concatenate([expected.mean(axis=(1, 2)), vectors], axis=1),
    rtol=1e-5,
  )


def test_siamese_torsos_are_one():
  spec = _make_spec()
  batch = _make_batch(spec)
  torso = _RecordingTorso()
  made = networks.make_imitation_networks(
    spec, torso=lambda: torso, siamese=True
  )
  actual = made.observation_network(batch).numpy()
  (images,) = torso.images
  goal_images = batch['goal']['image']
  np.testing.assert_array_equal(
    images, np.concatenate([batch['image'], goal_images])
  )
  seen, wanted = (
    np.mean(x, axis=(1, 2)) for x in (batch['image'], goal_images)
  )
  np.testing.assert_allclose(
    actual[:, :9],
    np.concatenate([seen, wanted, wanted - seen], axis=1),
    rtol=1e-5,
    atol=1e-4,
  )


def test_task_torso_does_not_see_the_goal():
  spec = _make_spec()
  batch = _without_goal(_make_batch(spec))
  torso = _RecordingTorso()
  made = networks.make_task_networks(spec, torso=lambda: torso)
  actual = made.observation_network(batch)
  np.testing.assert_array_equal(torso.images[0], batch['image'])
  assert actual.shape == (3, 3 + 2 + 3)


@pytest.mark.parametrize('vectors', [True, False])
def test_actions_depend_on_every_pixel_of_the_goal(vectors):
  spec = _make_spec()
  if not vectors:
    observations = {'image': _IMAGE, 'goal': {'image': _IMAGE}}
    spec = spec._replace(observations=observations)
  made = networks.make_imitation_networks(spec, torso=_small_torso, **_SIZES)
  tf.random.set_seed(0)
  made.init(spec)
  policy = made.make_policy(spec)
  # Its last layer begins near zero.
  kernel = made.policy_network.trainable_variables[-1]
  assert kernel.shape == (8, 2)
  kernel.assign(kernel * 1e3)
  batch = _make_batch(spec)
  action = policy(batch)
  for key in ('goal', 'image'):
    changed = dict(batch)
    image = batch[key]['image'] if key == 'goal' else batch[key]
    corner = image.numpy()
    corner[:, -1, -1] ^= 255
    changed[key] = (
      {**batch['goal'], 'image': corner} if key == 'goal' else corner
    )
    assert np.max(np.abs(policy(changed) - action)) > 1e-5


def test_paper_networks_are_the_default():
  image = specs.BoundedArray((128, 128, 3), np.uint8, 0, 255)
  spec = _make_spec(image)
  made = networks.make_imitation_networks(spec)
  made.observation_network(_make_batch(spec, 1))
  variables = made.observation_network.trainable_variables
  assert sum(int(np.prod(v.shape)) for v in variables) == 22_487_360
  task = networks.make_task_networks(spec)
  task.observation_network(_without_goal(_make_batch(spec, 1)))
  variables = task.observation_network.trainable_variables
  # Its first convolution lacks the goal's three channels.
  count = 22_487_360 - 9 * 3 * 64
  assert sum(int(np.prod(v.shape)) for v in variables) == count


def test_impalas_network_is_an_argument():
  spec = _make_spec()
  made = networks.make_imitation_networks(
    spec, torso=acme_networks.ResNetTorso, **_SIZES
  )
  made.init(spec)
  assert made.make_policy(spec)(_make_batch(spec)).shape == (3, 2)
  assert any('block' in v.name for v in made.observation_network.variables)


def test_one_image_may_be_the_whole_observation():
  spec = fakes.task_spec()._replace(observations=_IMAGE)
  made = networks.make_task_networks(spec, torso=_small_torso, **_SIZES)
  made.init(spec)
  assert made.make_policy(spec)(_make_batch(spec)).shape == (3, 2)


def test_goal_may_lack_the_image():
  spec = _make_spec()
  goal = {'body': spec.observations['goal']['body']}
  spec = spec._replace(observations={**spec.observations, 'goal': goal})
  torso = _RecordingTorso()
  made = networks.make_imitation_networks(spec, torso=lambda: torso)
  made.observation_network(_make_batch(spec))
  assert torso.images[0].shape == (3, 16, 16, 3)
  with pytest.raises(ValueError, match=r"siamese=True .*\['image'\].* \[\]"):
    networks.make_imitation_networks(spec, siamese=True)


def test_copies_have_variables_of_their_own():
  spec = _make_spec()
  online = networks.make_imitation_networks(spec, torso=_small_torso, **_SIZES)
  target = copy.deepcopy(online)
  online.init(spec)
  target.init(spec)
  ours = {v.ref() for v in online.observation_network.variables}
  assert len(ours) == len(target.observation_network.variables) > 0
  assert not ours & {v.ref() for v in target.observation_network.variables}


@pytest.mark.parametrize(
  'make', [networks.make_imitation_networks, networks.make_task_networks]
)
@pytest.mark.parametrize(
  ('others', 'message'),
  [
    (
      {'depth': specs.Array((16, 16), np.uint8)},
      r"'depth' has shape \(16, 16\).*\[height, width, channels\]",
    ),
    (
      {'video': specs.Array((4, 16, 16, 3), np.uint8)},
      r"'video' has shape \(4, 16, 16, 3\): make it a vector",
    ),
    (
      {'float': specs.Array((16, 16, 3), np.float32)},
      "'float' has shape .* dtype float32: images are kept as uint8.*camera",
    ),
    (
      {'wrist': {'image': _IMAGE}},
      "'wrist/image' has shape .* under a key of its own",
    ),
    (
      {'wrist': specs.Array((8, 8, 3), np.uint8)},
      r"'wrist': \(8, 8\).* one height and width",
    ),
  ],
)
def test_images_that_do_not_fit_are_refused(make, others, message):
  with pytest.raises(ValueError, match=message):
    make(_make_spec(**others))


def test_missing_or_other_goal_is_refused():
  spec = _make_spec()
  task = spec._replace(observations=_without_goal(spec.observations))
  with pytest.raises(ValueError, match=r"without the key 'goal'.*wrap yours"):
    networks.make_imitation_networks(task)
  goal = {'image': specs.BoundedArray((8, 8, 3), np.uint8, 0, 255)}
  other = spec._replace(observations={**spec.observations, 'goal': goal})
  with pytest.raises(ValueError, match=r"goal 'image' has shape \(8, 8, 3\)"):
    networks.make_imitation_networks(other)


def test_scale_of_an_image_is_refused():
  with pytest.raises(ValueError, match=r"key 'image', an image.*remove"):
    networks.make_imitation_networks(
      _make_spec(), goal_difference_scale={'image': 1.0}
    )
