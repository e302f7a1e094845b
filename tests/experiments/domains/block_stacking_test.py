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
"""Tests of block stacking as experiments have it."""

import dataclasses
import os
from typing import Any

import numpy as np
import pytest

from acme_metamimic.program import observers
from environments import demonstrations as demonstrations_lib
from environments import fixed_starts
from environments.block_stacking import features
from experiments import presets
from experiments.domains import block_stacking
from experiments.domains import domain as domain_lib

_DOMAIN = block_stacking.BlockStacking()
_ALL = ('image', 'body', 'blocks')


def test_all_that_is_observed_is_seen_unless_keys_are_given():
  assert _DOMAIN.seen_keys == _DOMAIN.observables
  domain = block_stacking.BlockStacking(
    observables=_ALL, policy_keys=('image',)
  )
  assert domain.seen_keys == ('image',)


def test_weights_and_scales_are_those_of_the_reward():
  domain = block_stacking.BlockStacking(
    observables=_ALL,
    pixel_coefficient=15.0,
    joint_coefficient=2.0,
    block_coefficient=0.0,
    pixel_scale=0.5,
    joint_scale=4.0,
  )
  terms = domain.reward_terms()
  # A weight of zero takes the term away.
  assert {k: (t.coefficient, t.scale) for k, t in terms.items()} == {
    'image': (15.0, 0.5),
    'body': (2.0, 4.0),
  }
  defaults = _DOMAIN.reward_terms()
  assert set(defaults) == {'body', 'blocks'}
  for key, term in features.feature_reward_terms().items():
    assert defaults[key].scale == term.scale
    assert defaults[key].coefficient == term.coefficient


def test_fingers_weigh_what_they_are_given():
  domain = dataclasses.replace(_DOMAIN, finger_weight=0.3)
  fingers = features.BODY_LAYOUT['finger_position']
  light, usual = (d.reward_terms()['body'] for d in (domain, _DOMAIN))
  assert light.weights is not None
  assert usual.weights is not None
  np.testing.assert_allclose(light.weights[fingers], 0.3)
  np.testing.assert_allclose(usual.weights[fingers], 1.0)
  np.testing.assert_array_equal(
    np.delete(light.weights, range(fingers.start, fingers.stop)),
    np.delete(usual.weights, range(fingers.start, fingers.stop)),
  )


@pytest.mark.parametrize(
  ('kind', 'ends', 'inside'),
  [
    (domain_lib.ACTOR, True, True),
    (domain_lib.SOURCE, False, True),
    (domain_lib.TRAINING, False, False),
    (domain_lib.VALIDATION, False, False),
  ],
)
def test_episodes_of_actors_alone_end_early_and_start_inside(
  training_set, kind, ends, inside
):
  environment = _DOMAIN.follow(training_set, kind, seed=0)
  timestep = environment.start(0)
  away = -np.sign(training_set[0].actions[:10].sum(axis=0))
  steps = 0
  while not timestep.last():
    timestep = environment.step(away)
    steps += 1
  assert (steps < len(training_set[0])) == ends
  assert (timestep.discount['imitation'] == 0.0) == ends
  starts = []
  for _ in range(12):
    environment.reset()
    starts.append(environment.step_index)
  assert any(starts) == inside
  environment.close()


def test_nobodys_episodes_end_early_without_a_distance(training_set):
  domain = dataclasses.replace(_DOMAIN, early_termination_distance=None)
  environment = domain.follow(training_set, domain_lib.ACTOR, seed=0)
  timestep = environment.start(0)
  for _ in range(len(training_set[0])):
    assert not timestep.last()
    timestep = environment.step(-np.sign(training_set[0].actions[0]))
  assert timestep.last()
  assert timestep.discount['imitation'] == 1.0
  environment.close()


def test_kinds_follow_their_demonstrations(dataset):
  where = domain_lib.Dataset(dataset, num_train=2, num_validation=1)
  for kind, number, demonstrator in (
    (domain_lib.ACTOR, 2, 'brisk'),
    (domain_lib.TRAINING, 2, 'brisk'),
    (domain_lib.VALIDATION, 1, 'careful'),
  ):
    demonstrations = _DOMAIN.load_demonstrations(where, kind)
    assert [d.demonstrator for d in demonstrations] == [demonstrator] * number
  environment = _DOMAIN.make_imitation_environment(
    where, domain_lib.TRAINING, seed=0
  )
  assert len(environment.demonstrations) == 2
  environment.close()


@pytest.mark.parametrize('masks', [(), ('train', 'careful')])
def test_one_file_serves_both_kinds_by_its_masks(masked, masks, tmp_path):
  os.symlink(masked, tmp_path / demonstrations_lib.FILE_NAME)
  for path in (masked, str(tmp_path)):
    where = domain_lib.Dataset(path, 2, 1, *masks)
    for kind, number, demonstrator in (
      (domain_lib.ACTOR, 2, 'brisk'),
      (domain_lib.VALIDATION, 1, 'careful'),
    ):
      found = _DOMAIN.load_demonstrations(where, kind)
      assert [d.demonstrator for d in found] == [demonstrator] * number


def test_masks_select_in_the_folders_too(dataset, masked, tmp_path):
  for name in ('train', 'validation'):
    os.makedirs(tmp_path / name)
    os.symlink(masked, tmp_path / name / demonstrations_lib.FILE_NAME)
  # As a file beside the folders does not take their place.
  os.symlink(masked, tmp_path / demonstrations_lib.FILE_NAME)
  for masks, numbers in (((), (5, 5)), (('train', 'valid'), (3, 2))):
    where = domain_lib.Dataset(str(tmp_path), 9, 9, *masks)
    for kind, number in zip(
      (domain_lib.TRAINING, domain_lib.VALIDATION), numbers
    ):
      assert os.path.dirname(where.part(kind).path) == str(tmp_path)
      assert len(_DOMAIN.load_demonstrations(where, kind)) == number


def test_goal_references_find_the_goals_frames(dataset):
  where = domain_lib.Dataset(dataset, num_train=3, num_validation=2)
  assert _DOMAIN.make_goal_frames(where) is None
  domain = dataclasses.replace(
    _DOMAIN, policy_keys=('body',), goal_references=True
  )
  frames = domain.make_goal_frames(where)
  assert frames is not None
  environment = domain.make_imitation_environment(
    where, domain_lib.ACTOR, seed=0
  )
  for index, step in ((0, 0), (2, 5)):
    observation = environment.start(index, step).observation
    assert set(observation) == {'body', 'goal', 'goal_reference'}
    np.testing.assert_array_equal(
      observation['goal_reference'], (index, step + 1)
    )
    goal = frames.lookup(observation['goal_reference'][None])
    assert set(goal) == {'body'}
    np.testing.assert_array_equal(goal['body'][0], observation['goal']['body'])
  environment.close()


def test_last_action_is_not_recorded_and_in_no_goal(dataset):
  domain = dataclasses.replace(
    _DOMAIN,
    observables=('body', 'blocks', 'last_action'),
    goal_references=True,
  )
  assert domain.recorded == ('body', 'blocks')
  where = domain_lib.Dataset(dataset, num_train=3, num_validation=2)
  frames = domain.make_goal_frames(where)
  assert frames is not None
  assert set(frames.spec()) == {'body', 'blocks'}
  environment = domain.make_imitation_environment(
    where, domain_lib.ACTOR, seed=0
  )
  observation = environment.start(0).observation
  assert 'last_action' in observation
  assert set(observation['goal']) == {'body', 'blocks'}
  environment.close()


@pytest.mark.parametrize(
  ('shows_velocities', 'shows_joints', 'num_hidden'),
  [
    (True, True, None),
    (False, True, 18),
    (True, False, 18),
    (False, False, 30),
  ],
)
def test_policies_are_not_shown_what_is_hidden(
  shows_velocities, shows_joints, num_hidden
):
  domain = dataclasses.replace(
    _DOMAIN,
    critic_keys=('body', 'blocks'),
    shows_velocities=shows_velocities,
    shows_joints=shows_joints,
  )
  hidden = domain.hidden()
  if num_hidden is None:
    assert hidden == {}
  else:
    assert sum(components.sum() for components in hidden.values()) == num_hidden


def test_what_is_learned_to_be_predicted_is_kept_though_nobody_sees_it(dataset):
  domain = block_stacking.BlockStacking(
    observables=('body', 'blocks', 'last_action'),
    policy_keys=('last_action',),
    critic_keys=('last_action',),
    auxiliary_keys=('blocks',),
  )
  assert domain.seen_keys == ('blocks', 'last_action')
  where = domain_lib.Dataset(dataset, num_train=2, num_validation=1)
  environment = domain.make_imitation_environment(
    where, domain_lib.ACTOR, seed=0
  )
  assert set(environment.observation_spec()['goal']) == {'blocks'}
  environment.close()


def test_demonstrations_show_what_the_task_environment_shows(dataset):
  domain = dataclasses.replace(
    _DOMAIN, observables=('body', 'blocks', 'last_action')
  )
  environment = domain.make_task_environment(None, domain_lib.ACTOR, seed=0)
  spec = environment.observation_spec()
  where = domain_lib.Dataset(dataset, num_train=2, num_validation=1)
  for demonstration in domain.load_task_demonstrations(where):
    observations = demonstration.observations
    assert set(observations) == set(spec)
    assert not observations['last_action'][0].any()
    np.testing.assert_array_equal(
      observations['last_action'][1:], demonstration.actions
    )
    for key, frames in observations.items():
      assert frames[0].shape == spec[key].shape
      assert frames[0].dtype == spec[key].dtype
  environment.close()


def test_last_actions_are_what_the_environment_shows(dataset):
  domain = dataclasses.replace(
    _DOMAIN, observables=('body', 'blocks', 'last_action')
  )
  where = domain_lib.Dataset(dataset, num_train=2, num_validation=1)
  demonstration = domain.load_task_demonstrations(where)[0]
  environment = domain.follow([demonstration], domain_lib.VALIDATION, seed=0)
  environment.start(0)
  last_actions = demonstration.observations['last_action'][1:]
  for action, last_action in zip(demonstration.actions, last_actions):
    observation = environment.step(np.asarray(action)).observation
    np.testing.assert_allclose(
      observation['last_action'], last_action, atol=1e-6
    )
  environment.close()


@pytest.mark.parametrize('size', [16, 24])
def test_images_have_their_size(size):
  domain = block_stacking.BlockStacking(observables=_ALL, image_size=size)
  environment = domain.load()
  assert environment.observation_spec()['image'].shape == (size, size, 3)
  environment.close()


def test_task_shows_what_the_policy_sees_alone():
  domain = dataclasses.replace(
    _DOMAIN, policy_keys=('body',), task_episode_length=3
  )
  environment = domain.make_task_environment(None, domain_lib.ACTOR, seed=0)
  timestep = environment.reset()
  assert set(timestep.observation) == {'body'}
  steps = 0
  while not timestep.last():
    timestep = environment.step(np.zeros(9, np.float32))
    steps += 1
  assert steps == 3
  environment.close()


@pytest.mark.parametrize(
  ('settings', 'message'),
  [
    (
      {'policy_keys': ('image',)},
      r"policy_keys .* among the observables .*add \['image'\]",
    ),
    (
      {'pixel_coefficient': 15.0},
      r"observables .* lack \['image'\], which the reward .* add",
    ),
    (
      {'observables': ('body',), 'block_coefficient': 0.0},
      r"lack \['blocks'\], which .*deviation .* out of policy_keys",
    ),
    ({'observables': ('body', 'blocks', 'imgae')}, r"\['imgae'\] are none of"),
    (
      {'joint_coefficient': 0.0, 'block_coefficient': 0.0},
      'are all 0, and so is the reward: set one',
    ),
    ({'block_coefficient': -1.0}, 'block_coefficient=-1.0 must be at least 0'),
    ({'finger_weight': -1.0}, 'finger_weight=-1.0 must be at least 0'),
    ({'finger_weight': float('inf')}, 'finger_weight=inf .* and finite'),
    (
      {'shows_velocities': False},
      'shows_velocities=False .* give critic_keys as well',
    ),
    (
      {'shows_joints': False},
      'shows_joints=False .* give critic_keys as well',
    ),
    (
      {'auxiliary_keys': ('body',)},
      r"auxiliary_keys=\('body',\) are for features .* give critic_keys",
    ),
    (
      {'auxiliary_keys': ('image',)},
      r"auxiliary_keys .* among the observables .*add \['image'\]",
    ),
    ({'image_size': 0}, 'image_size=0 must be at least 1'),
    ({'task_episode_length': 0}, 'task_episode_length=0 must be at least 1'),
    ({'curriculum_steps': 0}, 'curriculum_steps=0 must be at least 1'),
    ({'curriculum_probability': 1.5}, 'curriculum_probability=1.5 must lie in'),
    (
      {'early_termination_distance': 0.0},
      'early_termination_distance=0.0 must be positive, or None',
    ),
  ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
  with pytest.raises(ValueError, match=message):
    block_stacking.BlockStacking(**settings)


@pytest.mark.parametrize('name', ['features', 'pixels', 'paper'])
def test_presets_record_what_their_rewards_need(name):
  domain = presets.make(name).domain
  assert isinstance(domain, block_stacking.BlockStacking)
  assert {*domain.reward_terms(), *domain.seen_keys} <= set(domain.observables)


def test_task_policies_are_evaluated_from_fixed_starts():
  domain = dataclasses.replace(_DOMAIN, task_starts=2, task_episode_length=3)
  first, second = (
    domain.make_task_environment(None, domain_lib.VALIDATION, seed)
    for seed in (0, 1)
  )
  assert isinstance(first, fixed_starts.FixedStarts)
  assert first.num_starts == 2
  for _ in range(3):
    one, other = first.reset().observation, second.reset().observation
    np.testing.assert_array_equal(one['blocks'], other['blocks'])
  for environment in (first, second):
    environment.close()


@pytest.mark.parametrize(
  'field',
  [
    'curriculum_probability',
    'source_curriculum_probability',
    'task_curriculum_probability',
    'task_retry_probability',
  ],
)
def test_probabilities_must_be_some(field):
  changes: Any = {field: 1.5}
  with pytest.raises(ValueError, match=f'{field}=1.5 must lie in'):
    dataclasses.replace(_DOMAIN, **changes)


@pytest.mark.parametrize('field', ['pixel_scale', 'joint_scale', 'block_scale'])
@pytest.mark.parametrize('scale', [0.0, -3.0, float('inf')])
def test_scales_of_the_reward_must_be_positive(field, scale):
  with pytest.raises(
    ValueError, match=rf'{field}=.* must be positive .*exp\(-scale'
  ):
    dataclasses.replace(_DOMAIN, **{field: scale})


def test_demonstrations_are_played_faster_to_those_that_learn(dataset):
  where = domain_lib.Dataset(dataset, num_train=2, num_validation=1)
  domain = dataclasses.replace(
    _DOMAIN, playback_speeds=(1.0, 2.0), source_speed=1.5
  )
  lengths = {}
  for kind in (domain_lib.ACTOR, domain_lib.SOURCE, domain_lib.VALIDATION):
    environment = domain.make_imitation_environment(where, kind, seed=0)
    lengths[kind] = [len(d) for d in environment.demonstrations]
    if kind != domain_lib.VALIDATION:
      # It starts at recorded states; a goal is one of the frames that are left.
      for _ in range(5):
        environment.reset()
    environment.close()
  recorded = [
    len(d) for d in domain.load_demonstrations(where, domain_lib.ACTOR)
  ]

  def played(speed: float) -> list[int]:
    return [int(np.ceil(length / speed)) for length in recorded]

  assert lengths[domain_lib.ACTOR] == recorded + played(2.0)
  assert lengths[domain_lib.SOURCE] == played(1.5)
  (validation,) = domain.load_demonstrations(where, domain_lib.VALIDATION)
  assert lengths[domain_lib.VALIDATION] == [len(validation)]


def test_speeds_that_cannot_be_are_refused():
  with pytest.raises(ValueError, match=r'source_speed=0\.5 must be at least 1'):
    dataclasses.replace(_DOMAIN, source_speed=0.5)
  with pytest.raises(ValueError, match=r'source_speed=1\.4 has goals that'):
    dataclasses.replace(_DOMAIN, source_speed=1.4, goal_references=True)
  with pytest.raises(ValueError, match='playback_speeds is empty: give'):
    dataclasses.replace(_DOMAIN, playback_speeds=())
  with pytest.raises(ValueError, match=r'playback_speeds=\(1\.0, 0\.5\) must'):
    dataclasses.replace(_DOMAIN, playback_speeds=(1.0, 0.5))
  with pytest.raises(ValueError, match=r'playback_speeds=\(1\.6,\) has goals'):
    dataclasses.replace(_DOMAIN, playback_speeds=(1.6,), goal_references=True)


def test_a_curriculum_starts_task_episodes_inside_demonstrations(dataset):
  where = domain_lib.Dataset(dataset, num_train=2, num_validation=1)
  domain = dataclasses.replace(_DOMAIN, task_curriculum_probability=1.0)
  environment = domain.make_task_environment(where, domain_lib.ACTOR, seed=0)
  frames = np.concatenate(
    [
      np.asarray(d.observations['blocks'])
      for d in domain.load_demonstrations(where, domain_lib.ACTOR)
    ]
  )
  for _ in range(5):
    blocks = environment.reset().observation['blocks']
    assert np.abs(frames - blocks).max(axis=-1).min() < 1e-4
  environment.close()
  # Of another seed than those that the demonstrations were recorded with.
  plain = _DOMAIN.make_task_environment(where, domain_lib.ACTOR, seed=70)
  blocks = plain.reset().observation['blocks']
  assert np.abs(frames - blocks).max(axis=-1).min() > 1e-2
  plain.close()


@pytest.mark.parametrize(
  ('changes', 'kind'),
  [
    ({}, domain_lib.ACTOR),
    ({'task_curriculum_probability': 1.0}, domain_lib.ACTOR),
    ({'task_retry_probability': 1.0}, domain_lib.ACTOR),
    ({}, domain_lib.VALIDATION),
  ],
)
def test_divergences_are_counted_through_all_wrappers(dataset, changes, kind):
  where = domain_lib.Dataset(dataset, num_train=2, num_validation=1)
  domain = dataclasses.replace(_DOMAIN, **changes)
  environment = domain.make_task_environment(where, kind, seed=0)
  assert observers.divergences(environment) == {'num_divergences': 0}
  environment.close()


def test_retries_go_on_where_task_episodes_failed(dataset):
  where = domain_lib.Dataset(dataset, num_train=2, num_validation=1)
  domain = dataclasses.replace(
    _DOMAIN, task_retry_probability=1.0, task_episode_length=5
  )
  for kind, goes_on in (
    (domain_lib.ACTOR, True),
    (domain_lib.VALIDATION, False),
  ):
    environment = domain.make_task_environment(where, kind, seed=0)
    timestep = environment.reset()
    while not timestep.last():
      timestep = environment.step(np.full(9, 0.5, np.float32))
    left = timestep.observation['body']
    body = environment.reset().observation['body']
    assert np.allclose(body, left, atol=1e-5) == goes_on
    environment.close()
