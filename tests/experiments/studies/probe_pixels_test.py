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

"""Tests of the probe, with a torso too small to see much."""

import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf

from environments import block_stacking
from environments.block_stacking import features
from experiments.studies import probe_pixels


@pytest.fixture(scope='module')
def states():
  return probe_pixels.collect_states(2)


def test_frames_show_the_states(states):
  frames = probe_pixels.render(states[:1], 16)
  assert frames.images.shape == (len(states[0]), 16, 16, 3)
  assert frames.images.dtype == np.uint8
  environment = block_stacking.load(('body', 'blocks'))
  environment.reset()
  for state, positions in zip(states[0][:3], frames.positions, strict=False):
    observation = environment.reset_to(state).observation
    layout = features.BLOCKS_LAYOUT
    hand, top, bottom = positions
    blocks = observation['blocks']
    np.testing.assert_allclose(top, blocks[layout['top_position']])
    np.testing.assert_allclose(bottom, blocks[layout['bottom_position']])
    np.testing.assert_allclose(
      top - hand, blocks[layout['hand_to_top']], atol=1e-6
    )
  environment.close()
  both = probe_pixels.render(states[:1], 16, ('image', 'side_image'))
  np.testing.assert_array_equal(both.images[..., :3], frames.images)
  assert np.any(both.images[..., 3:] != frames.images)


def test_training_and_test_episodes_differ():
  train, test = probe_pixels.split([np.array([i]) for i in range(10)])
  assert [int(s[0]) for s in (*train, *test)] == list(range(10))
  assert len(test) == 2


def _make_frames(num_frames: int, seed: int) -> probe_pixels.Frames:
  """Returns frames whose first pixel is where everything is."""
  random_state = np.random.RandomState(seed)
  images = np.zeros((num_frames, 4, 4, 3), np.uint8)
  images[:, 0, 0] = random_state.randint(256, size=(num_frames, 3))
  positions = np.repeat(images[:, 0, 0, np.newaxis] / 255.0, 3, axis=1)
  return probe_pixels.Frames(images, positions.astype(np.float32))


class _Torso(snt.Module):
  """Sees the first pixel, or nothing."""

  def __init__(self, sees: bool):
    super().__init__(name='torso')
    self._sees = sees

  def __call__(self, images):
    pixel = tf.cast(images[:, 0, 0], tf.float32) / 255.0 - 0.5
    return 10.0 * pixel if self._sees else 0.0 * pixel


@pytest.mark.parametrize('siamese', [False, True])
def test_errors_tell_who_sees(monkeypatch, siamese):
  train, test = _make_frames(400, 0), _make_frames(100, 1)
  blind = probe_pixels.blind_errors(train, test)
  # The mean distance of a point in a unit cube from its centre is 0.48.
  np.testing.assert_allclose(blind, 48.0, rtol=0.1)
  # One layer learns faster than a torso.
  monkeypatch.setattr(probe_pixels, '_LEARNING_RATE', 0.02)

  def errors(sees: bool) -> np.ndarray:
    return probe_pixels.probe(
      lambda: _Torso(sees), train, test, 300, siamese=siamese
    )

  sees, sees_not = errors(True), errors(False)
  assert np.all(sees < 0.25 * blind)
  np.testing.assert_allclose(sees_not, blind, rtol=0.15)


def test_too_few_episodes_are_refused(capsys):
  with pytest.raises(SystemExit):
    probe_pixels.main(['--episodes', '1'])
  assert '--episodes=1: give at least 2' in capsys.readouterr().err
