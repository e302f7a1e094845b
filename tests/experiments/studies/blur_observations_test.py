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

"""Tests of what a policy is shown that has to see less exactly."""

import os

import numpy as np
import pytest

from environments.block_stacking import features
from experiments.studies import blur_observations

_BODY, _BLOCKS = features.BODY_LAYOUT, features.BLOCKS_LAYOUT


def _shown(frames, **options):
  """Returns what a policy is shown of frames that are their own goals."""
  seen = []

  def policy(observation):
    seen.append(observation)
    return np.zeros(9)

  blurred = blur_observations.BlurredPolicy(policy, **options)
  for frame in frames:
    blurred({**frame, 'goal': frame})
  return seen


def _frames(number: int):
  random = np.random.default_rng(0)
  return [
    {
      key: random.standard_normal(size).astype(np.float32)
      for key, size in (('body', 36), ('blocks', 30))
    }
    for _ in range(number)
  ]


def test_without_errors_all_is_shown():
  frames = _frames(2)
  for frame, shown in zip(frames, _shown(frames), strict=True):
    for seen in (shown, shown['goal']):
      for key, value in frame.items():
        np.testing.assert_array_equal(seen[key], value)


def test_errors_have_their_size_and_differences_fit_positions():
  errors = []
  (frame,) = _frames(1)
  for seed in range(300):
    (shown,) = _shown([frame], error=0.5, seed=seed)
    for seen in (shown, shown['goal']):
      hand = (seen['body'] - frame['body'])[_BODY['hand_position']]
      by = seen['blocks'] - frame['blocks']
      top, bottom = by[_BLOCKS['top_position']], by[_BLOCKS['bottom_position']]
      np.testing.assert_allclose(
        by[_BLOCKS['hand_to_top']], top - hand, atol=1e-6
      )
      np.testing.assert_allclose(
        by[_BLOCKS['top_to_bottom']], bottom - top, atol=1e-6
      )
      errors.append([hand, top, bottom])
  # The mean of 600 has a standard error of 0.015 cm, of what stays of twice that.
  assert 100.0 * np.abs(errors).mean() == pytest.approx(0.5, abs=0.05)


def test_half_of_an_error_stays_for_an_episode():
  (frame,) = _frames(1)
  episodes = [
    [
      (shown['body'] - frame['body'])[_BODY['hand_position']]
      for shown in _shown([frame] * 200, error=1.0, seed=seed)
    ]
    for seed in range(40)
  ]
  within = np.var(episodes, axis=1).mean()
  between = np.var(np.mean(episodes, axis=1), axis=0).mean()
  assert between == pytest.approx(within, rel=0.4)


def test_velocities_are_hidden_and_nothing_else():
  (frame,) = _frames(1)
  (shown,) = _shown([frame], hides_velocities=True)
  for seen in (shown, shown['goal']):
    for key, hidden in features.velocities().items():
      np.testing.assert_array_equal(seen[key][hidden], 0.0)
      np.testing.assert_array_equal(seen[key][~hidden], frame[key][~hidden])


@pytest.mark.slow
def test_a_policy_that_sees_badly_imitates_badly(dataset, capsys):
  path = os.path.join(dataset, 'train')
  blur_observations.main(
    ['features', path, '--errors', '0', '8', '--max-episodes', '2']
  )
  rows = capsys.readouterr().out.splitlines()[2:]
  rewards = [float(row.split('|')[3]) for row in rows]
  assert rewards[0] > 0.6
  assert rewards[1] < 0.5 * rewards[0]
