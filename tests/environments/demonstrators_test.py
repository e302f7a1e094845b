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
"""Tests of the scripted demonstrators."""

import numpy as np
import pytest

from environments import block_stacking
from environments import demonstrators
from environments import features as features_lib
from environments import state_environment

_PHASES = [
  'reach',
  'descend',
  'grasp',
  'lift',
  'carry',
  'place',
  'release',
  'withdraw',
  'rest',
  'done',
]
_BODY = features_lib.BODY_LAYOUT


def _run(
  environment: state_environment.StateEnvironment, style: str, seed: int
) -> list[tuple[str, np.ndarray, float]]:
  """Returns the phase, the action and the reward of each step."""
  environment.random_state.seed(0)
  environment.reset()
  demonstrator = demonstrators.ScriptedDemonstrator(
    demonstrators.STYLES[style], seed
  )
  demonstrator.reset(environment)
  steps = []
  for _ in range(block_stacking.EPISODE_LENGTH):
    action = demonstrator.act()
    if demonstrator.done:
      break
    phase = demonstrator.phase
    steps.append((phase, action, float(environment.step(action).reward)))
  return steps


def test_there_are_two_persons():
  first, second = demonstrators.STYLES.values()
  assert first.name != second.name
  assert first.speed != second.speed
  for name, style in demonstrators.STYLES.items():
    assert style.name == name


@pytest.mark.parametrize('style', demonstrators.STYLES)
def test_phases_follow_each_other_and_stack(features, style):
  steps = _run(features, style, seed=0)
  phases = [phase for phase, _, _ in steps]
  assert list(dict.fromkeys(phases)) == _PHASES[:-1]
  assert sorted(phases, key=_PHASES.index) == phases
  assert steps[-1][-1] == 1.0


def test_rewards_go_through_the_stages(features):
  best: dict[str, float] = {}
  for phase, _, reward in _run(features, 'brisk', seed=0):
    best[phase] = max(best.get(phase, 0.0), reward)
  assert best['descend'] == 0.125
  assert best['grasp'] == 0.125
  assert best['carry'] == 0.25
  # Held all the while.
  assert best['place'] == 0.25
  assert best['release'] == 1.0


@pytest.mark.parametrize('style', demonstrators.STYLES)
def test_actions_are_within_the_spec(features, style):
  spec = features.action_spec()
  for _, action, _ in _run(features, style, seed=1):
    spec.validate(action)


def test_same_seed_same_actions(features):
  runs = [
    np.stack([action for _, action, _ in _run(features, 'brisk', seed)])
    for seed in (5, 5, 6)
  ]
  np.testing.assert_array_equal(runs[0], runs[1])
  assert not np.array_equal(runs[0], runs[2])


def test_actions_are_zero_after_the_end(features):
  features.random_state.seed(0)
  features.reset()
  demonstrator = demonstrators.ScriptedDemonstrator(
    demonstrators.Style('still', speed=0.2, rest=1), seed=0
  )
  demonstrator.reset(features)
  while not demonstrator.done:
    features.step(demonstrator.act())
  assert demonstrator.phase == 'done'
  action = demonstrator.act()
  np.testing.assert_array_equal(action, 0.0)
  features.action_spec().validate(action)


def test_reset_starts_another_episode(features):
  demonstrator = demonstrators.ScriptedDemonstrator(
    demonstrators.STYLES['brisk'], seed=0
  )
  for _ in range(2):
    features.reset()
    demonstrator.reset(features)
    assert demonstrator.phase == 'reach'
    assert not demonstrator.done
    features.step(demonstrator.act())


def test_styles_differ_in_speed_and_length(training, validation):
  speeds, lengths = [], []
  for person in (training, validation):
    velocities = np.concatenate(
      [d.observations['body'][:, _BODY['hand_velocity']] for d in person]
    )
    speeds.append(np.linalg.norm(velocities, axis=1).max())
    lengths.append(np.mean([len(d) for d in person]))
  assert speeds[0] > speeds[1]
  assert lengths[0] < lengths[1]


def test_speed_is_bounded_by_the_style(validation):
  style = demonstrators.STYLES['careful']
  fastest = style.speed * (1 + style.speed_spread)
  # The tremor comes on top, four standard deviations of it at most.
  fastest += 4 * style.noise * np.sqrt(3)
  for demonstration in validation:
    velocity = demonstration.observations['body'][:, _BODY['hand_velocity']]
    assert np.linalg.norm(velocity, axis=1).max() < fastest


def test_hand_points_down_at_the_grasp(training):
  for demonstration in training:
    lifted = np.argmax(demonstration.rewards == 0.25) + 1
    columns = demonstration.observations['body'][
      lifted, _BODY['hand_orientation']
    ].reshape(3, 2)
    third = np.cross(columns[:, 0], columns[:, 1])
    np.testing.assert_allclose(third, (0.0, 0.0, -1.0), atol=0.1)
