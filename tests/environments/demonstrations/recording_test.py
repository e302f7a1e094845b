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
"""Tests of recording, and of replaying what was recorded."""

import dataclasses

import numpy as np
import pytest

from environments import block_stacking
from environments import demonstrations
from environments import state_environment
from environments.block_stacking import demonstrators
from environments.block_stacking import features as features_lib
from environments.demonstrations import recording
from environments.demonstrations import take as take_lib

_BRISK = demonstrators.STYLES['brisk']
_FEATURES = ('body', 'blocks')
_LAYOUT = features_lib.BLOCKS_LAYOUT


def _assert_equal(
  one: demonstrations.Demonstration, other: demonstrations.Demonstration
) -> None:
  for field in dataclasses.fields(one):
    values = (getattr(one, field.name), getattr(other, field.name))
    np.testing.assert_equal(*values, err_msg=field.name)


def test_demonstrations_hold_the_episode(features, training):
  size = features.get_state().size
  for demonstration in training:
    steps = len(demonstration)
    assert demonstration.demonstrator == 'brisk'
    assert demonstration.actions.shape == (steps, 9)
    assert demonstration.actions.dtype == np.float32
    assert demonstration.rewards.shape == (steps,)
    assert demonstration.rewards.dtype == np.float32
    assert demonstration.states.shape == (steps + 1, size)
    assert demonstration.states.dtype == np.float64
    assert set(demonstration.observations) == set(_FEATURES)
    for key, frames in demonstration.observations.items():
      assert frames.shape == (
        steps + 1,
        *features.observation_spec()[key].shape,
      )
      assert frames.dtype == np.float32


@pytest.mark.parametrize('person', ['training', 'validation'])
def test_kept_episodes_stack(request, person):
  for demonstration in request.getfixturevalue(person):
    assert demonstration.rewards[0] < 0.25
    assert demonstration.rewards[-1] == 1.0
    blocks = demonstration.observations['blocks'][-1]
    x, y, z = blocks[_LAYOUT['top_to_bottom']]
    assert np.hypot(x, y) <= 0.03
    assert z == pytest.approx(-0.05, abs=0.005)


def test_same_seed_same_episode(training):
  environment = block_stacking.load(_FEATURES, seed=77)
  environment.reset()
  again = recording.record_episode(environment, _BRISK, training[0].seed)
  environment.close()
  assert again is not None
  _assert_equal(again, training[0])


def test_seeds_and_persons_differ(training, validation):
  starts = [d.states[0] for d in (*training, *validation)]
  # Scene and person are seeded alike: the same scene for the two persons.
  seeds = {d.seed for d in (*training, *validation)}
  assert len(np.unique(starts, axis=0)) == len(seeds)
  pairs = [
    (one, other)
    for one in training
    for other in validation
    if one.seed == other.seed
  ]
  assert pairs
  for one, other in pairs:
    assert not np.array_equal(one.actions[:20], other.actions[:20])


def test_replay_is_bit_for_bit(features, training, validation):
  for demonstration in (training[0], validation[0]):
    _assert_replay(features, demonstration, start=0)


def test_replay_from_the_middle_is_bit_for_bit(features, training):
  demonstration = training[1]
  for start in np.random.RandomState(0).permutation(len(demonstration))[:6]:
    _assert_replay(features, demonstration, start)


def test_replay_in_another_environment_is_bit_for_bit(training):
  environment = block_stacking.load(_FEATURES, seed=99)
  environment.reset()
  _assert_replay(environment, training[0], start=len(training[0]) // 2)
  environment.close()


def _assert_replay(
  environment: state_environment.StateEnvironment,
  demonstration: demonstrations.Demonstration,
  start: int,
) -> None:
  timestep = environment.reset_to(demonstration.states[start])
  assert timestep.first()
  for step in range(start, len(demonstration)):
    frame = demonstration.frame(step)
    np.testing.assert_equal(dict(timestep.observation), frame, str(step))
    timestep = environment.step(demonstration.actions[step])
    np.testing.assert_array_equal(
      environment.get_state(), demonstration.states[step + 1], str(step)
    )
    assert timestep.reward == demonstration.rewards[step]
  np.testing.assert_equal(
    dict(timestep.observation), demonstration.frame(len(demonstration))
  )


def test_each_state_leads_to_the_next(features, training):
  """Replays from states in any order: the stored state alone decides."""
  demonstration = training[2]
  for step in np.random.RandomState(1).permutation(len(demonstration)):
    features.reset_to(demonstration.states[step])
    features.step(demonstration.actions[step])
    np.testing.assert_array_equal(
      features.get_state(), demonstration.states[step + 1]
    )


def test_states_are_set_exactly(features, training, validation):
  for demonstration in (*training, *validation):
    for step in np.random.RandomState(2).permutation(len(demonstration) + 1):
      state = demonstration.states[step]
      timestep = features.reset_to(state)
      np.testing.assert_array_equal(features.get_state(), state)
      np.testing.assert_equal(
        dict(timestep.observation), demonstration.frame(step)
      )


def test_rewards_are_those_of_the_states(features, training, validation):
  """Compares each state with contacts, positions and speeds by MuJoCo's names."""
  data, model = features.physics.named.data, features.physics.model
  top = model.name2id('top/block', 'geom')
  held_in_place = 0
  for demonstration in (training[0], validation[0]):
    for state, reward in zip(demonstration.states[1:], demonstration.rewards):
      features.reset_to(state)
      touched = {
        model.id2name(model.geom_bodyid[geom], 'body')
        for pair in features.physics.data.ptr.contact.geom
        if top in pair
        for geom in pair
      }
      held = any(name.startswith('jaco_arm/jaco_hand/') for name in touched)
      block, other = data.xpos['top/'], data.xpos['bottom/']
      hand = data.site_xpos['jaco_arm/jaco_hand/pinchsite']
      in_place = (
        np.linalg.norm((block - other)[:2]) <= 0.03
        and abs(block[2] - other[2] - 0.05) <= 0.005
        and np.linalg.norm(data.qvel['top/'][:3]) <= 0.05
      )
      held_in_place += int(in_place and held)
      expected = 0.0
      if np.linalg.norm(hand - block) <= 0.05:
        expected = 0.25 if block[2] >= 0.055 else 0.125
      if in_place and not held:
        expected = 1.0
      assert reward == expected
  # Some states show that a held block does not count as stacked.
  assert held_in_place > 0


def test_episode_that_does_not_stack_is_not_kept():
  environment = block_stacking.load(('body',), episode_length=60)
  assert recording.record_episode(environment, _BRISK, seed=0) is None
  environment.close()


def test_slow_demonstrator_does_not_stack(features):
  slow = dataclasses.replace(_BRISK, speed=0.005, noise=0.0)
  assert recording.record_episode(features, slow, seed=0) is None


def test_discarded_episodes_are_passed_over(features, training, monkeypatch):
  tried = []

  def record_episode(environment, style, seed):
    tried.append((environment, style, seed))
    stacked = seed % 3 == 0
    return dataclasses.replace(training[0], seed=seed) if stacked else None

  monkeypatch.setattr(recording, 'record_episode', record_episode)
  episodes = recording.record(features, _BRISK, 3, seed=10)
  assert next(episodes).seed == 12
  assert len(tried) == 3  # Each is handed over before the next is recorded.
  assert [d.seed for d in episodes] == [15, 18]
  assert tried == [(features, _BRISK, seed) for seed in range(10, 19)]


def test_recording_gives_up_when_hardly_any_stacks():
  environment = block_stacking.load(('body',), seed=0, episode_length=5)
  with pytest.raises(
    demonstrations.DatasetError,
    match=r"'brisk' stacked 0 of 10 times; check .* length",
  ):
    next(recording.record(environment, _BRISK, 2, seed=0))
  environment.close()


def test_images_are_recorded():
  environment = block_stacking.load(
    ('image', 'body'), image_size=(16, 16), seed=0
  )
  (demonstration,) = recording.record(environment, _BRISK, 1, seed=0)
  frames = demonstration.observations['image']
  assert frames.shape == (len(demonstration) + 1, 16, 16, 3)
  assert frames.dtype == np.uint8
  image = environment.reset_to(demonstration.states[-1]).observation['image']
  environment.close()
  np.testing.assert_array_equal(frames[-1], image)
  assert not np.array_equal(frames[0], frames[-1])


def test_take_keeps_what_its_caller_overwrites(features, training):
  recorded = training[0]
  timestep = features.reset_to(recorded.states[0])
  take = take_lib.Take(features, timestep, seed=0)
  action = np.zeros(9, np.float32)
  for values in recorded.actions[:3]:
    action[:] = values  # One buffer for all actions, as device drivers have.
    timestep.observation['body'][:] = 7.0
    timestep = take.step(action)
  take.start[:] = 0.0
  item = take.demonstration('person')
  np.testing.assert_array_equal(item.actions, recorded.actions[:3])
  np.testing.assert_array_equal(item.states, recorded.states[:4])
  np.testing.assert_array_equal(
    item.observations['body'], recorded.observations['body'][:4]
  )
