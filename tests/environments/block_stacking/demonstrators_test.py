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

import dataclasses

import numpy as np
import pytest

from environments import block_stacking
from environments import state_environment
from environments.block_stacking import demonstrators
from environments.block_stacking import features as features_lib
from environments.demonstrations import recording

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


_PAPERS = (demonstrators.PAPER_TRAINING, demonstrators.PAPER_VALIDATION)


@pytest.mark.parametrize('names', [('brisk', 'careful'), _PAPERS])
def test_persons_of_a_pair_differ(names):
  first, second = (demonstrators.STYLES[name] for name in names)
  assert first.speed > second.speed
  assert first.noise < second.noise
  assert first.hover_height < second.hover_height


def test_styles_have_their_names():
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


def test_papers_persons_rest_until_the_end(features):
  demonstration = recording.record_episode(
    features, demonstrators.STYLES[demonstrators.PAPER_TRAINING], seed=0
  )
  assert demonstration is not None
  assert len(demonstration) == block_stacking.EPISODE_LENGTH
  stacked = np.argmax(demonstration.rewards == 1.0)
  np.testing.assert_array_equal(demonstration.rewards[stacked:], 1.0)
  # The hand holds still.
  speed = np.linalg.norm(
    demonstration.observations['body'][-100:, _BODY['hand_velocity']], axis=1
  )
  assert speed.max() < 0.01


@pytest.mark.parametrize(('quarter_turns', 'angle'), [(0, 0.0), (1, np.pi / 2)])
def test_quarter_turns_choose_the_faces(features, quarter_turns, angle):
  yaws = []
  for turns in (0, quarter_turns):
    style = demonstrators.Style('turning', 0.2, quarter_turns=turns)
    phases = _phases_of(features, style)
    columns = phases['grasp'][-1]['body'][_BODY['hand_orientation']]
    yaws.append(np.arctan2(*columns.reshape(3, 2)[1::-1, 0]))
  assert np.cos(yaws[1] - yaws[0]) == pytest.approx(np.cos(angle), abs=0.1)


def _phases_of(environment, style, seed=0):
  """Returns the observations at the steps of each phase."""
  environment.random_state.seed(0)
  timestep = environment.reset()
  demonstrator = demonstrators.ScriptedDemonstrator(style, seed)
  demonstrator.reset(environment)
  phases: dict[str, list[dict[str, np.ndarray]]] = {}
  while not timestep.last():
    action = demonstrator.act()
    if demonstrator.done:
      break
    timestep = environment.step(action)
    phases.setdefault(demonstrator.phase, []).append(timestep.observation)
  return phases


def test_pauses_are_rests_of_the_hand(features):
  plain = demonstrators.Style('plain', 0.2, speed_spread=0.0, noise=0.0)
  pausing = dataclasses.replace(plain, pause=10)
  lengths = [
    {name: len(steps) for name, steps in _phases_of(features, style).items()}
    for style in (plain, pausing)
  ]
  for name in ('reach', 'descend', 'lift', 'carry', 'place', 'withdraw'):
    assert lengths[0][name] <= lengths[1][name] <= lengths[0][name] + 25
  # Six pauses of 10 steps in the mean, 60 +- 14.
  assert sum(lengths[1].values()) - sum(lengths[0].values()) > 20
  for name in ('grasp', 'release', 'rest'):
    assert lengths[0][name] == lengths[1][name]


def test_bow_leads_round_one_side(features):
  ways = []
  for bow in (-0.3, 0.3):
    style = demonstrators.Style('bowed', 0.2, noise=0.0, bow=bow)
    phases = _phases_of(features, style)
    assert phases['rest']
    path = np.array(
      [step['body'][_BODY['hand_position']][:2] for step in phases['reach']]
    )
    path -= path[0]
    # Positive to the left of the straight way.
    left = path[-1, 0] * path[:, 1] - path[-1, 1] * path[:, 0]
    ways.append(left / np.linalg.norm(path[-1]))
  # A positive bow goes round the right side: it aims to the left of the block.
  difference = ways[1].mean() - ways[0].mean()
  assert abs(difference) > 0.005, difference


def test_inertia_makes_the_motion_smooth(features):
  def largest_change(smoothing: float) -> float:
    style = demonstrators.Style(
      'smooth', 0.1, noise=0.0, smoothing=smoothing, gain=2.0
    )
    velocities = np.array(
      [
        step['body'][_BODY['hand_velocity']]
        for step in _phases_of(features, style)['reach']
      ]
    )
    return np.linalg.norm(np.diff(velocities, axis=0), axis=1).max()

  assert largest_change(0.85) < 0.6 * largest_change(0.5)


@pytest.mark.slow
@pytest.mark.parametrize(
  ('name', 'expected'),
  [
    (demonstrators.PAPER_TRAINING, 355.0),
    (demonstrators.PAPER_VALIDATION, 285.0),
  ],
)
def test_returns_are_the_papers(features, name, expected):
  style, attempts = demonstrators.STYLES[name], 12
  recorded = [
    recording.record_episode(features, style, seed) for seed in range(attempts)
  ]
  returns = [d.task_return for d in recorded if d is not None]
  assert len(returns) >= attempts - 1
  # Ten percent and the error of the mean.
  assert np.mean(returns) == pytest.approx(expected, rel=0.15)
