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
"""Tests of where imitation episodes start, and of what they refuse."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from environments import rewards
from tests.environments import imitation_fakes


def test_episodes_start_at_the_first_frame(features, training):
  environment = imitation_fakes.make(features, training)
  chosen = []
  for _ in range(60):
    timestep = environment.reset()
    chosen.append(
      [d is environment.demonstration for d in training].index(True)
    )
    assert environment.step_index == 0
    start = training[chosen[-1]].observations['body'][0]
    np.testing.assert_array_equal(timestep.observation['body'], start)
  # Each with probability 1/3: fewer than eight would be chance of 1e-4.
  assert np.bincount(chosen, minlength=3).min() >= 8


def _starts(number: int, steps: int, **options: Any) -> np.ndarray:
  stand_in = imitation_fakes.StandIn()
  environment = imitation_fakes.make(
    stand_in,
    [imitation_fakes.numbered(steps)],
    reward_terms={'x': rewards.RewardTerm(1.0, 1.0)},
    **options,
  )
  for _ in range(number):
    environment.reset()
    assert stand_in.states[-1] == environment.step_index
  return np.array(stand_in.states)[:, 0]


@pytest.mark.parametrize(
  ('steps', 'curriculum_steps', 'limit'), [(50, 20, 20), (12, 300, 12)]
)
def test_curriculum_starts(steps, curriculum_steps, limit):
  number, probability = 4000, 0.5
  starts = _starts(
    number,
    steps,
    curriculum_probability=probability,
    curriculum_steps=curriculum_steps,
  )
  # Never at the last frame, which has no action.
  assert set(starts) == set(range(limit))
  inside = np.bincount(starts.astype(int), minlength=limit)[1:]
  expected = probability * number / limit
  assert np.all(np.abs(inside - expected) < 5 * np.sqrt(expected))
  share = probability * (limit - 1) / limit
  assert inside.sum() / number == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize(('probability', 'share'), [(0.0, 0.0), (1.0, 0.99)])
def test_curriculum_share_may_be_none_or_all(probability, share):
  starts = _starts(1000, 100, curriculum_probability=probability)
  assert np.mean(starts > 0) == pytest.approx(share, abs=0.02)


def test_same_seed_same_starts():
  options = {'curriculum_probability': 0.5}
  draws = [_starts(20, 100, seed=seed, **options) for seed in (1, 1, 2)]
  np.testing.assert_array_equal(draws[0], draws[1])
  assert not np.array_equal(draws[0], draws[2])


def test_start_inside_a_demonstration(features, training):
  environment = imitation_fakes.make(features, training)
  timestep = environment.start(1, 30)
  for step in range(30, len(training[1])):
    for key, frames in training[1].observations.items():
      np.testing.assert_array_equal(timestep.observation[key], frames[step])
    timestep = environment.step(training[1].actions[step])
    assert timestep.reward['imitation'] == 1.0
  assert timestep.last()


def test_goals_of_another_demonstration(features, training, validation):
  environment = imitation_fakes.make(features, training)
  own, other = training[0], imitation_fakes.cut(validation[2], 20)
  timestep = environment.start(0, goals=other)
  assert environment.demonstration is own
  for step in range(len(own)):
    for key in ('body', 'blocks'):
      np.testing.assert_array_equal(
        timestep.observation[key], own.observations[key][step]
      )
      # Goals stay at its last frame once it is over.
      goal = other.observations[key][min(step + 1, len(other))]
      np.testing.assert_array_equal(timestep.observation['goal'][key], goal)
    assert not timestep.last()
    timestep = environment.step(own.actions[step])
    assert timestep.reward['imitation'] < 0.9
  assert timestep.last()
  # The next episode has its own goals again.
  goal = environment.start(0).observation['goal']['body']
  np.testing.assert_array_equal(goal, own.observations['body'][1])


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'policy_keys': ('image',)}, r"\('image',\).*'body', 'blocks'"),
    (
      {'reward_terms': {'image': rewards.RewardTerm(1.0, 1.0)}},
      r"\('image',\).*'body', 'blocks'",
    ),
    ({'reward_terms': {}}, r'reward_terms \(\)'),
    ({'early_termination_distance': 0.1}, r'is 0\.1.*needs a `deviation`'),
    (
      {'early_termination_distance': 0.0, 'deviation': lambda o, g: 0.0},
      r'is 0\.0; it must be positive',
    ),
    (
      {'early_termination_distance': np.nan, 'deviation': lambda o, g: 0.0},
      r'is nan; it must be positive',
    ),
    ({'curriculum_probability': -0.1}, r'is -0\.1; .*\[0, 1\]'),
    ({'curriculum_probability': 1.5}, r'is 1\.5; .*\[0, 1\]'),
    ({'curriculum_steps': 0}, r'curriculum_steps is 0; .*at least 1'),
  ],
)
def test_unusable_arguments_are_refused(features, training, options, message):
  with pytest.raises(ValueError, match=message):
    imitation_fakes.make(features, training, **options)


def test_no_demonstrations_are_refused(features):
  with pytest.raises(ValueError, match='no demonstrations; give at least one'):
    imitation_fakes.make(features, [])


@pytest.mark.parametrize(
  ('frames', 'found'), [(None, 'None'), (np.zeros((6, 29)), r'\(29,\)')]
)
def test_demonstrations_of_other_observables_are_refused(
  features, training, frames, found
):
  good = imitation_fakes.cut(training[0], 5)
  observations = {'body': good.observations['body']}
  if frames is not None:
    observations['blocks'] = frames
  bad = dataclasses.replace(good, observations=observations)
  with pytest.raises(
    ValueError,
    match=rf"Demonstration 1 has 'blocks' of shape {found}.*same observables",
  ):
    imitation_fakes.make(features, [good, bad])


def test_demonstrations_of_another_dtype_are_refused(features, training):
  good = imitation_fakes.cut(training[0], 5)
  observations = {k: v.astype(np.float64) for k, v in good.observations.items()}
  bad = dataclasses.replace(good, observations=observations)
  with pytest.raises(
    ValueError,
    match=r"Demonstration 1 has '\w+' of dtype float64.*float32; .*`astype`",
  ):
    imitation_fakes.make(features, [good, bad])


def test_hidden_observables_need_not_be_recorded(features, training):
  observations = {'body': training[0].observations['body']}
  demonstration = dataclasses.replace(training[0], observations=observations)
  environment = imitation_fakes.make(
    features,
    [demonstration],
    policy_keys=('body',),
    reward_terms={'body': imitation_fakes.TERMS['body']},
  )
  environment.reset()
  timestep = environment.step(demonstration.actions[0])
  assert timestep.reward['imitation'] == 1.0


@pytest.mark.parametrize('step', [-1, 10, 11])
def test_start_beyond_the_demonstration_is_refused(features, training, step):
  environment = imitation_fakes.make(
    features, [imitation_fakes.cut(training[0], 10)]
  )
  with pytest.raises(
    ValueError, match=rf'step is {step}; demonstration 0 has 10 steps.*0 to 9'
  ):
    environment.start(0, step)


def test_states_of_another_model_are_refused(features, training):
  demonstration = dataclasses.replace(
    training[0], states=training[0].states[:, :-1]
  )
  environment = imitation_fakes.make(features, [demonstration])
  with pytest.raises(ValueError, match='another model'):
    environment.reset()
