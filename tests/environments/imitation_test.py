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
"""Tests of the imitation environment."""

import dataclasses
from typing import Any, ClassVar

from absl.testing import absltest
from dm_env import test_utils
import numpy as np
import pytest

from environments import block_stacking
from environments import demonstrations as demonstrations_lib
from environments import rewards
from environments.block_stacking import features as features_lib
from environments.demonstrations import storage
from tests.environments import imitation_fakes

_STREAMS = {'imitation', 'task'}


class _MixinTest(test_utils.EnvironmentTestMixin):
  options: ClassVar[dict[str, Any]] = {}
  observables: ClassVar[tuple[str, ...]] = ('body', 'blocks')

  @pytest.fixture(autouse=True)
  def _record(self, training):
    self._demonstrations = [imitation_fakes.cut(d, 10) for d in training]

  def make_object_under_test(self):
    environment = block_stacking.load(self.observables, seed=0)
    return imitation_fakes.make(
      environment, self._demonstrations, **self.options
    )

  def make_action_sequence(self):
    # More than the demonstrations have: the end is reached.
    yield from np.random.RandomState(0).uniform(-1, 1, (30, 9))


class TruncationTest(_MixinTest, absltest.TestCase):
  pass


class TerminationTest(_MixinTest, absltest.TestCase):
  options: ClassVar[dict[str, Any]] = {
    'deviation': features_lib.hand_to_block_deviation,
    'early_termination_distance': 0.01,
    'curriculum_probability': 0.5,
    'policy_keys': ('blocks',),
  }


class GoalReferenceTest(_MixinTest, absltest.TestCase):
  options: ClassVar[dict[str, Any]] = {'goal_references': True}


class ImageTest(_MixinTest, absltest.TestCase):
  observables = ('image', 'body')
  options: ClassVar[dict[str, Any]] = {
    'reward_terms': {'image': rewards.RewardTerm(1.0, 10.0)},
    'check_start': False,
  }

  @pytest.fixture(autouse=True)
  def _record(self, training):
    # Noise will do for pictures here.
    self._demonstrations = [
      dataclasses.replace(
        demonstration,
        observations={
          'image': np.random.RandomState(0).randint(
            0, 256, (5, 128, 128, 3), np.uint8
          ),
          'body': demonstration.observations['body'],
        },
      )
      for demonstration in (imitation_fakes.cut(d, 4) for d in training)
    ]


def test_specs(features, training):
  environment = imitation_fakes.make(features, training)
  observation = environment.observation_spec()
  assert set(observation) == {'body', 'blocks', 'goal'}
  for key in ('body', 'blocks'):
    for spec in (observation[key], observation['goal'][key]):
      assert spec.shape == features.observation_spec()[key].shape
      assert spec.dtype == np.float32
  assert environment.action_spec() == features.action_spec()
  assert set(environment.reward_spec()) == _STREAMS
  assert set(environment.discount_spec()) == _STREAMS


@pytest.mark.parametrize('index', [0, 1])
def test_replaying_the_actions_earns_everything(features, training, index):
  environment = imitation_fakes.make(
    features,
    training,
    deviation=features_lib.hand_to_block_deviation,
    early_termination_distance=1e-9,
  )
  demonstration = training[index]
  timestep = environment.start(index)
  assert timestep.first()
  task_rewards = []
  for action in demonstration.actions:
    assert not timestep.last()
    timestep = environment.step(action)
    assert timestep.reward['imitation'] == 1.0
    assert timestep.discount == {'imitation': 1.0, 'task': 1.0}
    assert environment.deviation == 0.0
    task_rewards.append(timestep.reward['task'])
  assert timestep.last()
  np.testing.assert_array_equal(task_rewards, demonstration.rewards)


def test_goal_is_the_next_frame(features, training):
  environment = imitation_fakes.make(features, training)
  demonstration = training[1]
  steps = len(demonstration)
  timestep = environment.start(1)
  for step in range(steps + 1):
    assert environment.step_index == step
    np.testing.assert_equal(environment.frame, demonstration.frame(step))
    for key in ('body', 'blocks'):
      frames = demonstration.observations[key]
      goal = frames[min(step + 1, steps)]
      np.testing.assert_array_equal(timestep.observation['goal'][key], goal)
      np.testing.assert_array_equal(timestep.observation[key], frames[step])
    if step < steps:
      timestep = environment.step(demonstration.actions[step])
  # The last goal has no frame after it and is the last frame once more.
  assert timestep.last()


def test_reward_compares_with_the_goal_that_was_shown(features, training):
  environment = imitation_fakes.make(features, training)
  random_state = np.random.RandomState(0)
  timestep = environment.start(0)
  values = []
  for _ in range(40):
    goal = timestep.observation['goal']
    timestep = environment.step(random_state.uniform(-1, 1, 9))
    values.append(timestep.reward['imitation'])
    expected = rewards.imitation_reward(
      timestep.observation, goal, imitation_fakes.TERMS
    )
    assert values[-1] == np.float32(expected)
    assert 0.0 <= values[-1] < 1.0
  assert values[-1] < 0.9


def test_task_reward_is_the_environments(features, training):
  environment = imitation_fakes.make(features, training)
  step = int(np.argmax(training[0].rewards == 1.0)) - 3
  environment.start(0, step)
  streams = []
  for action in training[0].actions[step : step + 6]:
    streams.append(environment.step(action).reward['task'])
  np.testing.assert_array_equal(streams, training[0].rewards[step : step + 6])
  assert streams[-1] == 1.0


def test_early_termination_ends_the_imitation_stream_alone(features, training):
  distance = 0.02
  environment = imitation_fakes.make(
    features,
    training,
    deviation=features_lib.hand_to_block_deviation,
    early_termination_distance=distance,
  )
  data = features.physics.named.data
  part = features_lib.BLOCKS_LAYOUT['hand_to_top']
  environment.start(0)
  for step in range(1, len(training[0])):
    timestep = environment.step(np.zeros(9))
    vector = (
      data.geom_xpos['top/block']
      - data.site_xpos['jaco_arm/jaco_hand/pinchsite']
    )
    wanted = training[0].observations['blocks'][step, part]
    deviation = np.linalg.norm(vector - wanted)
    assert environment.deviation == pytest.approx(deviation, abs=1e-6)
    if deviation > distance:
      break
    assert timestep.mid()
    assert timestep.discount == {'imitation': 1.0, 'task': 1.0}
  assert step > 1
  assert timestep.last()
  assert timestep.discount == {'imitation': 0.0, 'task': 1.0}
  assert 0.0 < timestep.reward['imitation'] < 1.0
  assert environment.step(np.zeros(9)).first()


def test_deviation_is_measured_without_termination(features, training):
  environment = imitation_fakes.make(
    features, training, deviation=features_lib.hand_position_error
  )
  environment.start(0)
  for _ in range(40):
    timestep = environment.step(np.zeros(9))
  assert timestep.mid()
  assert environment.deviation > 0.05
  environment.start(0)
  assert environment.deviation == 0.0


def test_end_of_the_demonstration_truncates(features, training):
  environment = imitation_fakes.make(
    features, [imitation_fakes.cut(training[0], 5)]
  )
  environment.start(0)
  timesteps = [environment.step(np.zeros(9)) for _ in range(5)]
  assert [t.last() for t in timesteps] == [False] * 4 + [True]
  for timestep in timesteps:
    assert timestep.discount == {'imitation': 1.0, 'task': 1.0}
    for stream in _STREAMS:
      assert timestep.discount[stream].dtype == np.float32
      assert timestep.reward[stream].dtype == np.float32
  assert environment.step(np.zeros(9)).first()


def test_termination_at_the_last_step_wins(features, training):
  environment = imitation_fakes.make(
    features,
    [imitation_fakes.cut(training[0], 2)],
    deviation=lambda observation, goal: 1.0,
    early_termination_distance=0.5,
  )
  environment.start(0, 1)
  timestep = environment.step(np.zeros(9))
  assert timestep.last()
  assert timestep.discount == {'imitation': 0.0, 'task': 1.0}


def test_deviation_at_the_distance_does_not_terminate(features, training):
  environment = imitation_fakes.make(
    features,
    training,
    deviation=lambda observation, goal: 0.5,
    early_termination_distance=0.5,
  )
  environment.start(0)
  assert environment.step(np.zeros(9)).mid()


def test_episode_of_the_environment_may_end_first(training):
  short = block_stacking.load(('body', 'blocks'), seed=0, episode_length=3)
  environment = imitation_fakes.make(short, training)
  environment.start(0)
  timesteps = [environment.step(np.zeros(9)) for _ in range(3)]
  environment.close()
  assert timesteps[-2].mid()
  assert timesteps[-1].last()
  assert timesteps[-1].discount == {'imitation': 1.0, 'task': 1.0}


def test_divergence_ends_both_streams(features, training):
  states = training[0].states.copy()
  states[3, 1 + features.physics.model.nq] = 1e9
  environment = imitation_fakes.make(
    features,
    [dataclasses.replace(training[0], states=states)],
    check_start=False,
  )
  environment.start(0, 3)
  timestep = environment.step(np.zeros(9))
  assert timestep.last()
  assert timestep.discount == {'imitation': 0.0, 'task': 0.0}
  assert timestep.reward['task'] == 0.0
  assert environment.step(np.zeros(9)).first()
  assert environment.step(np.zeros(9)).mid()


def test_unusable_action_does_not_count_as_a_step(features, training):
  environment = imitation_fakes.make(features, training)
  environment.start(0)
  with pytest.raises(ValueError, match='nan'):
    environment.step(np.full(9, np.nan))
  assert environment.step_index == 0
  reward = environment.step(training[0].actions[0]).reward
  assert reward['imitation'] == 1.0


def test_policy_keys_hide_the_others(features, training):
  environment = imitation_fakes.make(
    features,
    training,
    policy_keys=('body',),
    deviation=features_lib.hand_to_block_deviation,
    early_termination_distance=0.001,
  )
  spec = environment.observation_spec()
  timestep = environment.start(0)
  for observation in (spec, timestep.observation):
    assert set(observation) == {'body', 'goal'}
    assert set(observation['goal']) == {'body'}
  # The hidden ones still serve reward and termination.
  everything = imitation_fakes.make(features, training)
  everything.start(0)
  wanted = everything.step(np.ones(9)).reward
  environment.start(0)
  timestep = environment.step(np.ones(9))
  assert timestep.reward == wanted
  assert timestep.discount['imitation'] == 0.0


def test_goals_do_not_have_what_is_the_agents_own(training):
  inner = block_stacking.load(('body', 'blocks', 'last_action'), seed=0)
  environment = imitation_fakes.make(
    inner,
    training,
    policy_keys=('body', 'last_action'),
    own_keys=('last_action',),
  )
  assert 'last_action' not in training[0].observations
  spec = environment.observation_spec()
  timestep = environment.start(0, 5)
  for observation in (spec, timestep.observation):
    assert set(observation) == {'body', 'last_action', 'goal'}
    assert set(observation['goal']) == {'body'}
  action = np.full(9, 0.25, np.float32)
  observation = environment.step(action).observation
  np.testing.assert_allclose(observation['last_action'], action)
  environment.close()


def test_scene_is_all_that_was_observed_whatever_the_policy_sees(
  features, training
):
  environment = imitation_fakes.make(
    features, training, policy_keys=('blocks',)
  )
  assert environment.scene == {}
  timestep = environment.start(0, 3)
  for step in range(3, 6):
    assert set(environment.scene) == {'body', 'blocks'}
    for key, value in environment.scene.items():
      np.testing.assert_allclose(
        value, training[0].observations[key][step], atol=1e-5
      )
    np.testing.assert_array_equal(
      environment.scene['blocks'], timestep.observation['blocks']
    )
    timestep = environment.step(training[0].actions[step])


def test_goal_reference_finds_the_goal(features, training):
  environment = imitation_fakes.make(features, training, goal_references=True)
  timestep = environment.start(1, len(training[1]) - 3)
  steps = []
  while True:
    index, step = timestep.observation['goal_reference']
    steps.append(step)
    np.testing.assert_equal(
      timestep.observation['goal'],
      {k: v[step] for k, v in training[index].observations.items()},
    )
    if timestep.last():
      break
    timestep = environment.step(np.zeros(9))
  # The last frame serves as the goal at its own step, too.
  end = len(training[1])
  assert steps == [end - 2, end - 1, end, end]


def test_goals_from_elsewhere_have_no_reference(features, training):
  environment = imitation_fakes.make(
    features, training[:1], goal_references=True
  )
  timestep = environment.start(0, goals=training[1])
  assert timestep.observation['goal_reference'].tolist() == [-1, 1]


def test_exposes_what_it_wraps(features, training):
  environment = imitation_fakes.make(features, training)
  assert environment.environment is features
  assert list(environment.demonstrations) == list(training)


def test_stored_demonstrations_are_followed_like_those_in_memory(
  features, training, tmp_path, monkeypatch
):
  images = np.zeros((len(training[0]) + 1, 64, 64, 3), np.uint8)
  observations = {**training[0].observations, 'image': images}
  demonstrations_lib.save(
    tmp_path / 'set',
    [dataclasses.replace(training[0], observations=observations)],
    'task',
  )
  stored = demonstrations_lib.load(tmp_path / 'set')
  # What the environment does not observe is not read.
  monkeypatch.delattr(storage.StoredArray, '_read_frame')
  episodes = []
  for dataset in (training[:1], stored):
    environment = imitation_fakes.make(features, dataset)
    timesteps = [environment.reset()]
    for action in training[0].actions[:20]:
      timesteps.append(environment.step(action))
    episodes.append(timesteps)
  in_memory, from_file = episodes
  np.testing.assert_equal(from_file, in_memory)


@pytest.mark.parametrize('stored', [False, True])
def test_what_is_observed_cannot_change_the_demonstration(
  features, training, stored, tmp_path
):
  wanted = np.array(training[0].observations['blocks'])
  demonstrations = training
  if stored:
    demonstrations_lib.save(tmp_path, training, 'task')
    demonstrations = demonstrations_lib.load(tmp_path)
  else:  # As a user makes them: of arrays that can be written to.
    demonstrations = [
      dataclasses.replace(
        d, observations={k: np.array(v) for k, v in d.observations.items()}
      )
      for d in training
    ]
  environment = imitation_fakes.make(features, demonstrations)
  timestep = environment.start(0)
  for values in (
    timestep.observation['goal']['blocks'],
    timestep.observation['blocks'],
    environment.frame['blocks'],
    environment.scene['blocks'],
    environment.demonstration.states[0],
    environment.demonstrations[0].observations['blocks'][0],
    environment.demonstrations[0].frame(1)['blocks'],
  ):
    with pytest.raises(ValueError, match='read-only'):
      values[:] = 0.0
  dict.clear(environment.frame)
  scene: Any = environment.scene
  scene.clear()
  np.testing.assert_array_equal(environment.frame['blocks'], wanted[0])
  assert set(environment.scene) == {'body', 'blocks'}
  timestep = environment.step(training[0].actions[0])
  assert timestep.reward['imitation'] == 1.0
