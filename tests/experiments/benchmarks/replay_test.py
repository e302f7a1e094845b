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
"""Tests of the replay's benchmark, on noise for frames."""

import numpy as np
import pytest

from experiments.benchmarks import replay


def _frames(seed: int, steps: int) -> replay.Frames:
  random_state = np.random.RandomState(seed)
  return {
    'image': random_state.randint(256, size=(steps, 64, 64, 3)).astype('u1'),
    'body': random_state.randn(steps, 36).astype(np.float32),
  }


@pytest.mark.slow
def test_all_sides_get_the_same_items_in_fewer_bytes():
  results = replay.compare(_frames(0, 60), _frames(1, 60), n_step=2, rounds=4)
  assert list(results) == [replay.ACME, replay.DUAL, replay.REFERENCES]
  # 59 steps, and one shorter item at the end of each; both tables, five times.
  assert {r.num_items for r in results.values()} == {5 * 2 * (59 + 1)}
  assert all(r.items_per_second > 0 for r in results.values())
  assert replay.ratios(results, replay.DUAL)[0] < 0.8
  assert replay.ratios(results, replay.REFERENCES)[0] < 0.5
  # An actor's frame and a goal's, not compressed, and what Reverb adds.
  frame = 64 * 64 * 3
  bytes_per_step = results[replay.DUAL].bytes_per_step
  assert 2 * frame < bytes_per_step < 5 * frame


def test_ratios_and_lines(capsys):
  results = {
    replay.ACME: replay.Result(400.0, 10.0, 1),
    replay.DUAL: replay.Result(100.0, 15.0, 1),
  }
  assert replay.ratios(results, replay.DUAL) == (0.25, 1.5)
  replay.main(['replay'], results)
  lines = capsys.readouterr().out.splitlines()
  assert [cell.strip() for cell in lines[2].split('|')] == [
    'dual stream',
    '100',
    '0.25',
    '15',
    '1.50',
  ]


def test_episode_follows_the_demonstration():
  actor, demonstration = _frames(0, 5), _frames(1, 5)
  first, steps = replay.make_episode(actor, demonstration)
  timesteps = [first, *(timestep for _, timestep in steps)]
  assert timesteps[-1].last()
  for i, timestep in enumerate(timesteps):
    observation = timestep.observation
    goal = min(i + 1, 4)
    assert observation['goal_reference'].tolist() == [0, goal]
    np.testing.assert_array_equal(observation['body'], actor['body'][i])
    np.testing.assert_array_equal(
      observation['goal']['image'], demonstration['image'][goal]
    )
