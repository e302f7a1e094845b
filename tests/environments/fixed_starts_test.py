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
import numpy as np
import pytest

from environments import block_stacking
from environments import fixed_starts

_LENGTH = 5


@pytest.fixture(scope='module')
def environment():
  loaded = block_stacking.load(('body', 'blocks'), 0, _LENGTH)
  yield loaded
  loaded.close()


@pytest.fixture(scope='module')
def states(environment):
  return fixed_starts.draw_states(environment, 3)


def test_states_are_the_same_at_each_call_and_differ(environment, states):
  environment.random_state.seed(7)
  environment.reset()
  again = fixed_starts.draw_states(environment, 2)
  np.testing.assert_array_equal(again, states[:2])
  assert not np.array_equal(states[0], states[1])
  # Seeds follow each other.
  later = fixed_starts.draw_states(environment, 1, fixed_starts.FIRST_SEED + 2)
  np.testing.assert_array_equal(later[0], states[2])


def test_episodes_take_the_states_in_turns(environment, states):
  started = fixed_starts.FixedStarts(environment, states)
  first = [started.start(i).observation['blocks'] for i in range(3)]
  started = fixed_starts.FixedStarts(environment, states)
  action = np.zeros(9, np.float32)
  # A step before a reset begins an episode.
  timesteps = [started.step(action)]
  assert timesteps[0].first()
  for expected in (*first, first[0]):
    np.testing.assert_array_equal(timesteps[0].observation['blocks'], expected)
    timesteps = []
    while not (timesteps and timesteps[-1].last()):
      timesteps.append(started.step(action))
    # Of full length, whenever the state was stored.
    assert len(timesteps) == _LENGTH
    timesteps = [started.step(action)]
    assert timesteps[0].first()


def test_a_reset_goes_on_to_the_next(environment, states):
  started = fixed_starts.FixedStarts(environment, states[:2])
  shown = [started.reset().observation['blocks'] for _ in range(3)]
  np.testing.assert_array_equal(shown[0], shown[2])
  assert not np.array_equal(shown[0], shown[1])
  assert started.num_starts == 2
  assert started.environment is environment
  assert started.action_spec() == environment.action_spec()
  assert set(started.observation_spec()) == {'body', 'blocks'}


def test_there_must_be_a_state(environment):
  with pytest.raises(ValueError, match='states is empty'):
    fixed_starts.FixedStarts(environment, [])


def test_starts_stay_when_the_callers_states_change(environment, states):
  given = [np.array(state) for state in states]
  started = fixed_starts.FixedStarts(environment, given)
  expected = started.start(1).observation['blocks']
  given[1][:] = states[0]
  np.testing.assert_array_equal(
    started.start(1).observation['blocks'], expected
  )
