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
"""Tests of the observation vectors, their scales and distances."""

from collections.abc import Iterator

import numpy as np
import pytest

from environments import rewards
from environments.block_stacking import features as features_lib

_BODY = features_lib.BODY_LAYOUT
_BLOCKS = features_lib.BLOCKS_LAYOUT
_LAYOUTS = {'body': _BODY, 'blocks': _BLOCKS}


@pytest.mark.parametrize('layout', [_BODY, _BLOCKS], ids=['body', 'blocks'])
def test_layouts_leave_no_gap(layout):
  end = 0
  for part in layout.values():
    assert part.start == end
    end = part.stop
  assert end == {True: 36, False: 30}[layout is _BODY]


def _in_motion(features, demonstration) -> Iterator[dict[str, np.ndarray]]:
  """Yields the observations of states throughout an episode."""
  for state in demonstration.states[::10]:
    yield features.reset_to(state).observation


def _two_columns(matrix: np.ndarray) -> np.ndarray:
  rows = np.reshape(matrix, (3, 3))
  return np.array([rows[i, j] for i in range(3) for j in range(2)])


def test_body_is_what_mujoco_says(features, training):
  data = features.physics.named.data
  arm = [f'jaco_arm/joint_{i}' for i in range(1, 7)]
  fingers = [f'jaco_arm/jaco_hand/finger_{i}' for i in range(1, 4)]
  site = 'jaco_arm/jaco_hand/pinchsite'
  for observation in _in_motion(features, training[0]):
    expected = {
      'joint_sine': np.sin(data.qpos[arm]),
      'joint_cosine': np.cos(data.qpos[arm]),
      'joint_velocity': data.qvel[arm],
      'finger_position': data.qpos[fingers],
      'finger_velocity': data.qvel[fingers],
      'hand_position': data.site_xpos[site],
      'hand_orientation': _two_columns(data.site_xmat[site]),
    }
    for name, value in expected.items():
      np.testing.assert_array_equal(
        observation['body'][_BODY[name]], value.astype(np.float32), name
      )


def test_blocks_is_what_mujoco_says(features, training):
  data = features.physics.named.data
  hand = 'jaco_arm/jaco_hand/pinchsite'
  for observation in _in_motion(features, training[0]):
    top, bottom = (data.geom_xpos[f'{b}/block'] for b in ('top', 'bottom'))
    expected = {
      'hand_to_top': top - data.site_xpos[hand],
      'top_to_bottom': bottom - top,
    }
    for block in ('top', 'bottom'):
      expected |= {
        f'{block}_position': data.qpos[f'{block}/'][:3],
        f'{block}_orientation': _two_columns(data.xmat[f'{block}/']),
        f'{block}_velocity': data.qvel[f'{block}/'][:3],
      }
    assert set(expected) == set(_BLOCKS)
    for name, value in expected.items():
      np.testing.assert_allclose(
        observation['blocks'][_BLOCKS[name]], value, 1e-6, 1e-9, err_msg=name
      )


def test_hand_velocity_is_the_change_of_its_position(features, training):
  speeds = []
  for observation in _in_motion(features, training[0]):
    physics = features.physics.copy(share_model=True)
    interval = 1e-6
    before = physics.named.data.site_xpos['jaco_arm/jaco_hand/pinchsite'].copy()
    joints = physics.bind(features.task.arm.joints)
    joints.qpos = joints.qpos + interval * joints.qvel
    physics.forward()
    after = physics.named.data.site_xpos['jaco_arm/jaco_hand/pinchsite']
    velocity = observation['body'][_BODY['hand_velocity']]
    np.testing.assert_allclose(velocity, (after - before) / interval, atol=1e-5)
    speeds.append(np.linalg.norm(velocity))
  assert max(speeds) > 0.1


def test_velocities_alone_differ_between_rest_and_motion(features):
  features.reset()
  for _ in range(3):
    moving = features.step(np.ones(9)).observation
  physics = features.physics
  physics.data.qvel[:] = 0.0
  physics.forward()
  hidden = features_lib.velocities()
  for key, observe in (
    ('body', features.task._observe_body),
    ('blocks', features.task._observe_blocks),
  ):
    changed = np.abs(observe(physics) - moving[key]) > 1e-3
    # The blocks lie still.
    assert not np.any(changed & ~hidden[key])
    assert hidden[key].sum() == {'body': 12, 'blocks': 6}[key]
    if key == 'body':
      np.testing.assert_array_equal(changed, hidden[key])


def test_deviation_is_that_of_the_vectors_from_hand_to_block():
  observation = {'blocks': np.zeros(30, np.float32)}
  goal = {'blocks': np.ones(30, np.float32)}
  observation['blocks'][_BLOCKS['hand_to_top']] = (0.5, 0.0, 0.25)
  goal['blocks'][_BLOCKS['hand_to_top']] = (0.0, 0.5, 0.5)
  assert features_lib.hand_to_block_deviation(observation, goal) == 0.75


def test_hand_position_error_is_that_of_the_end_effectors():
  observation = {'body': np.zeros(36, np.float32)}
  goal = {'body': np.ones(36, np.float32)}
  goal['body'][_BODY['hand_position']] = (0.5, 0.0, -1.2)
  error = features_lib.hand_position_error(observation, goal)
  assert error == pytest.approx(1.3)


@pytest.mark.parametrize(
  'scale', [features_lib.feature_scale(), features_lib.motion_scale()]
)
def test_scales_are_positive_factors_of_all_components(scale):
  assert {key: value.shape for key, value in scale.items()} == {
    'body': (36,),
    'blocks': (30,),
  }
  for value in scale.values():
    assert value.dtype == np.float32
    assert np.all(value > 0)


def test_scaled_features_are_of_order_one(training, validation):
  for key, scale in features_lib.feature_scale().items():
    for demonstration in (*training, *validation):
      scaled = scale * demonstration.observations[key]
      for name, part in _LAYOUTS[key].items():
        if 'velocity' not in name:
          assert 0.3 < np.abs(scaled[:, part]).max() < 10.0, name


def test_scaled_motion_is_of_order_one(training, validation):
  for key, scale in features_lib.motion_scale().items():
    frames = [d.observations[key] for d in (*training, *validation)]
    motion = scale * np.concatenate([np.diff(f, axis=0) for f in frames])
    for name, part in _LAYOUTS[key].items():
      # The block below hardly moves.
      if 'bottom_' not in name:
        assert 0.3 < np.abs(motion[:, part]).max() < 3.0, name


def test_reward_terms_forgive_a_step_and_no_decimetre(training):
  terms = features_lib.feature_reward_terms()
  demonstration = training[0]
  assert set(terms) == {'body', 'blocks'}
  for step in range(len(demonstration)):
    late = rewards.imitation_reward(
      demonstration.frame(step), demonstration.frame(step + 1), terms
    )
    assert late > 0.9
  goal = demonstration.frame(0)
  for key, name in (('body', 'hand_position'), ('blocks', 'hand_to_top')):
    frame = {name: value.copy() for name, value in goal.items()}
    frame[key][_LAYOUTS[key][name].start] += 0.1
    reward = rewards.imitation_reward(frame, goal, terms)
    assert reward == pytest.approx((1 + np.exp(-6.0)) / 2, rel=1e-3)


def test_reward_terms_tell_demonstrations_apart(training):
  terms = features_lib.feature_reward_terms()
  first, second = training[:2]
  others = [
    rewards.imitation_reward(first.frame(step), second.frame(step), terms)
    for step in range(min(len(first), len(second)))
  ]
  assert np.mean(others) < 0.4


def test_a_step_of_motion_is_one_by_the_scale_of_motion():
  steps = features_lib.step_of_motion()
  fingers = features_lib.BODY_LAYOUT['finger_position']
  for key, scale in features_lib.motion_scale().items():
    expected = (scale > 0.0).astype(np.float32)
    if key == 'body':
      expected[fingers] = 0.06 * scale[fingers]
    np.testing.assert_allclose(steps[key] * scale, expected, rtol=1e-6)
  hand = steps['body'][features_lib.BODY_LAYOUT['hand_position']]
  np.testing.assert_allclose(hand, 0.01)


def test_a_step_of_motion_is_what_fingers_move(features):
  features.reset()
  fingers = features_lib.BODY_LAYOUT['finger_position']
  frames = [
    features.step(np.array([0.0] * 6 + [1.0] * 3)).observation['body'][fingers]
    for _ in range(8)
  ]
  moved = np.abs(np.diff(frames, axis=0)).max(axis=0)
  expected = features_lib.step_of_motion()['body'][fingers]
  np.testing.assert_allclose(moved, expected, rtol=0.1)


def test_joints_are_the_arms_alone():
  hidden = features_lib.joints()
  assert hidden['body'].sum() == 18
  assert not hidden['body'][features_lib.BODY_LAYOUT['hand_position']].any()
  assert not hidden['body'][features_lib.BODY_LAYOUT['finger_position']].any()
  assert not hidden['blocks'].any()
