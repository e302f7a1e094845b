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
"""Tests of the block-stacking environment."""

from absl.testing import absltest
from dm_control import composer
from dm_env import test_utils
import numpy as np
import pytest

from environments import block_stacking
from environments import state_environment
from environments.block_stacking import task

_FEATURES = ('body', 'blocks')


def _random_actions(seed: int, number: int) -> np.ndarray:
  return np.random.RandomState(seed).uniform(-1, 1, (number, 9))


class FeaturesTest(test_utils.EnvironmentTestMixin, absltest.TestCase):
  def make_object_under_test(self):
    return block_stacking.load(_FEATURES, seed=0, episode_length=15)

  def make_action_sequence(self):
    yield from _random_actions(seed=0, number=40)


class ImageTest(test_utils.EnvironmentTestMixin, absltest.TestCase):
  def make_object_under_test(self):
    return block_stacking.load(seed=0, episode_length=4)

  def make_action_sequence(self):
    yield from _random_actions(seed=0, number=10)


def _episode(
  environment: state_environment.StateEnvironment, actions: np.ndarray
) -> list[np.ndarray]:
  timesteps = [environment.reset(), *map(environment.step, actions)]
  return [
    np.concatenate([t.observation[key] for key in _FEATURES]) for t in timesteps
  ]


def test_same_seed_same_episodes():
  actions = _random_actions(seed=1, number=10)
  episodes = []
  for seed in (3, 3, np.random.RandomState(3), 4):
    environment = block_stacking.load(_FEATURES, seed=seed)
    episodes.append([_episode(environment, actions) for _ in range(2)])
    environment.close()
  np.testing.assert_array_equal(episodes[0], episodes[1])
  np.testing.assert_array_equal(episodes[0], episodes[2])
  assert not np.array_equal(episodes[0][0][0], episodes[0][1][0])
  assert not np.array_equal(episodes[0][0][0], episodes[3][0][0])


@pytest.mark.parametrize(
  'observables',
  [('body',), ('blocks', 'body'), ('body', 'image'), ('last_action',)],
)
def test_observables_are_selected(observables):
  environment = block_stacking.load(observables, seed=0)
  spec = environment.observation_spec()
  observation = environment.reset().observation
  environment.close()
  assert set(observation) == set(spec) == set(observables)
  for key, array in observation.items():
    assert array.shape == spec[key].shape
    assert array.dtype == spec[key].dtype


def test_specs(features):
  action = features.action_spec()
  assert action.shape == (9,)
  assert action.dtype == np.float32
  np.testing.assert_array_equal(action.minimum, -1.0)
  np.testing.assert_array_equal(action.maximum, 1.0)
  for spec in (features.reward_spec(), features.discount_spec()):
    assert spec.shape == ()
    assert spec.dtype == np.float32
  for key, size in (('body', 36), ('blocks', 30)):
    assert features.observation_spec()[key].shape == (size,)
    assert features.observation_spec()[key].dtype == np.float32


def test_episode_is_truncated_at_its_length():
  environment = block_stacking.load(('body',), seed=0, episode_length=7)
  for _ in range(2):
    environment.reset()
    timesteps = [environment.step(np.zeros(9)) for _ in range(7)]
    assert [t.last() for t in timesteps] == [False] * 6 + [True]
    assert all(t.discount == 1.0 for t in timesteps)
    assert environment.step(np.zeros(9)).first()
  environment.close()


def test_default_length_is_550_steps(features):
  features.reset()
  state = features.get_state()
  state[0] = 548 * block_stacking.CONTROL_TIMESTEP
  features.reset_to(state)
  assert features.step(np.zeros(9)).mid()
  last = features.step(np.zeros(9))
  assert last.last()
  assert last.discount == 1.0


def test_control_runs_at_20_hertz(features):
  features.reset()
  start = features.physics.time()
  for _ in range(20):
    features.step(np.zeros(9))
  assert features.physics.time() - start == pytest.approx(1.0)


def test_initial_poses(features):
  """Checks 50 seeds: the blocks are apart, and all are in their regions."""
  data, model = features.physics.named.data, features.physics.model
  table, blocks = model.name2id('table', 'geom'), []
  for name in ('top/block', 'bottom/block'):
    blocks.append(model.name2id(name, 'geom'))
  starts = []
  for seed in range(50):
    features.random_state.seed(seed)
    assert features.reset().first()
    positions = data.geom_xpos[['top/block', 'bottom/block']]
    assert np.linalg.norm(positions[0] - positions[1]) >= 0.1125
    assert np.all(positions[:, :2] >= (-0.13, -0.13))
    assert np.all(positions[:, :2] <= (0.13, 0.10))
    np.testing.assert_allclose(positions[:, 2], 0.025)
    hand = data.site_xpos['jaco_arm/jaco_hand/pinchsite']
    assert np.all(hand >= np.array((-0.12, -0.12, 0.14)) - 1e-3)
    assert np.all(hand <= np.array((0.12, 0.10, 0.28)) + 1e-3)
    # Nothing touches anything but the blocks the table.
    for pair in features.physics.data.ptr.contact.geom:
      assert table in pair
      assert set(pair) & set(blocks)
    np.testing.assert_array_equal(features.physics.data.qvel, 0.0)
    assert features.physics.time() == 0.0
    starts.append(np.concatenate((positions.ravel(), hand)))
  assert len(np.unique(starts, axis=0)) == 50


def test_actions_are_joint_velocities(features):
  limits = features.physics.bind(features.task.arm.actuators).ctrlrange[:, 1]
  joints = features.physics.bind(features.task.arm.joints)
  for index in range(6):
    features.random_state.seed(1)
    features.reset()
    action = np.zeros(9)
    action[index] = 0.3
    for _ in range(4):
      features.step(action)
    np.testing.assert_allclose(
      joints.qvel / limits, action[:6], atol=0.03, err_msg=str(index)
    )


def test_last_three_actions_move_the_fingers(features):
  joints = features.physics.bind(features.task.hand.joints)
  for index in range(3):
    features.random_state.seed(1)
    features.reset()
    before = joints.qpos.copy()
    action = np.zeros(9)
    action[6 + index] = 1.0
    for _ in range(4):
      features.step(action)
    moved = joints.qpos - before
    assert moved[index] > 0.05
    np.testing.assert_allclose(np.delete(moved, index), 0.0, atol=1e-2)


def test_actions_are_clipped(features):
  features.reset()
  state = features.get_state()
  features.step(np.full(9, 7.0))
  clipped = features.get_state()
  features.reset_to(state)
  features.step(np.ones(9))
  np.testing.assert_array_equal(features.get_state(), clipped)


def test_last_action_is_the_one_that_was_taken():
  environment = block_stacking.load(('last_action',), seed=0)
  np.testing.assert_array_equal(
    environment.reset().observation['last_action'], np.zeros(9)
  )
  actions = np.linspace(-1.5, 1.5, 27).reshape(3, 9)
  for action in actions:
    observed = environment.step(action).observation['last_action']
    np.testing.assert_allclose(observed, np.clip(action, -1, 1), rtol=1e-6)
  # A state that was kept has the action that led to it.
  state = environment.get_state()
  environment.reset()
  observed = environment.reset_to(state).observation['last_action']
  np.testing.assert_allclose(observed, np.clip(actions[-1], -1, 1), rtol=1e-6)
  environment.close()


@pytest.mark.parametrize(
  ('action', 'named'),
  [
    (np.array([0.0] * 8 + [np.nan]), 'nan'),
    (np.array([np.inf] + [0.0] * 8), 'inf'),
    (np.full(8, 0.5), r'0\.5'),
    (np.full((1, 9), 0.5), r'0\.5'),
    (np.float32(0.5), r'0\.5'),
    (None, 'None'),
  ],
  ids=['nan', 'inf', 'short', 'matrix', 'scalar', 'none'],
)
def test_unusable_actions_are_refused(features, action, named):
  features.reset()
  state = features.get_state()
  with pytest.raises(ValueError, match=f'{named}.*9 finite numbers'):
    features.step(action)
  np.testing.assert_array_equal(features.get_state(), state)
  assert features.step(np.zeros(9)).mid()


@pytest.mark.parametrize('observables', [('body', 'touch'), ()])
def test_unknown_observables_are_refused(observables):
  with pytest.raises(ValueError, match=r"observables are .*'image', .*'body'"):
    block_stacking.load(observables)


def test_empty_episodes_are_refused():
  with pytest.raises(ValueError, match=r'episode_length is 0.*at least 1'):
    block_stacking.load(_FEATURES, episode_length=0)


@pytest.mark.parametrize('size', [0.0, -0.025, 0.2, float('nan')])
def test_blocks_without_a_size_or_room_are_refused(size):
  with pytest.raises(ValueError, match=r'half_size is .*must be positive'):
    block_stacking.load(('body',), half_size=size)


def test_largest_blocks_find_room():
  environment = block_stacking.load(('body',), seed=0, half_size=0.05)
  for _ in range(5):
    assert environment.reset().first()
  environment.close()


def test_places_that_are_not_found_are_reported(monkeypatch):
  monkeypatch.setattr(task, '_MAX_HALF_SIZE', 1.0)
  environment = block_stacking.load(('body',), seed=0, half_size=0.2)
  with pytest.raises(
    composer.EpisodeInitializationError, match=r'half_size 0\.2 m.*smaller'
  ):
    environment.reset()
  environment.close()


@pytest.mark.parametrize(
  ('moving', 'reward'), [('top', 0.0), ('bottom', 1.0), (None, 1.0)]
)
def test_the_upper_block_must_be_still(features, moving, reward):
  features.random_state.seed(0)
  features.reset()
  physics, task = features.physics, features.task
  task.bottom.set_pose(physics, position=(0.1, 0.1, 0.025))
  task.top.set_pose(physics, position=(0.1, 0.1, 0.075))
  if moving is not None:
    physics.named.data.qvel[f'{moving}/'][:3] = (0.06, 0.0, 0.0)
  features.reset_to(features.get_state())
  assert task.get_reward(physics) == reward
  state = task.stacking_state(physics)
  np.testing.assert_allclose(state.top_position, (0.1, 0.1, 0.075))
  np.testing.assert_allclose(state.bottom_position, (0.1, 0.1, 0.025))


def _too_fast(features, velocity: float) -> np.ndarray:
  """Returns a state in which the first joint has a velocity (rad/s)."""
  features.reset()
  state = features.get_state()
  state[1 + features.physics.model.nq] = velocity
  return state


def test_divergence_ends_the_episode(features):
  count = features.num_divergences
  features.reset_to(_too_fast(features, 1e9))
  timestep = features.step(np.zeros(9))
  assert timestep.last()
  for value in (timestep.reward, timestep.discount):
    assert value == 0.0
    assert value.dtype == np.float32
  for key in _FEATURES:
    assert np.all(np.isfinite(timestep.observation[key]))
  assert features.num_divergences == count + 1
  assert features.step(np.zeros(9)).first()
  assert features.step(np.zeros(9)).mid()
  assert features.num_divergences == count + 1


def test_clock_may_be_restarted():
  environment = block_stacking.load(('body',), seed=0, episode_length=6)
  environment.reset()
  for _ in range(4):
    environment.step(np.zeros(9))
  state = environment.get_state()
  lengths = []
  for restart_clock in (False, True):
    timestep = environment.reset_to(state, restart_clock)
    length = 0
    while not timestep.last():
      timestep = environment.step(np.zeros(9))
      length += 1
    lengths.append(length)
  environment.close()
  assert lengths == [2, 6]


@pytest.mark.parametrize('size', [0, 60, 1000])
def test_state_of_another_model_is_refused(features, size):
  with pytest.raises(ValueError, match=rf'shape \({size},\).*another model'):
    features.reset_to(np.zeros(size))


@pytest.mark.parametrize('value', [np.nan, -np.inf, 1e11])
def test_unusable_state_is_refused(features, value):
  features.reset()
  before = features.get_state()
  state = _too_fast(features, value)
  features.reset_to(before)
  with pytest.raises(
    ValueError,
    match=r'1 numbers that are not finite.*leave its demonstration out',
  ):
    features.reset_to(state)
  np.testing.assert_array_equal(features.get_state(), before)
  assert features.step(np.zeros(9)).mid()
