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

import time

from absl.testing import absltest
import acme
from dm_env import test_utils
import numpy as np
import pytest

from acme_metamimic import specs as specs_lib
from environments import light


class LightEnvironmentTest(test_utils.EnvironmentTestMixin, absltest.TestCase):
  def make_object_under_test(self):
    return light.LightEnvironment(False, 0)

  def make_action_sequence(self):
    return [np.zeros(2, np.float32)] * 60


def test_imitation_spec_is_what_metamimic_expects():
  environment = light.LightEnvironment(True, 0, size=7)
  specs_lib.validate_imitation_spec(acme.make_environment_spec(environment))
  timestep = environment.reset()
  assert timestep.observation['goal']['body'].shape == (7,)


def test_following_the_goals_earns_all_and_standing_still_little():
  environment = light.LightEnvironment(True, 0)

  def episode(gain: float) -> float:
    timestep, total = environment.reset(), 0.0
    while not timestep.last():
      frame = timestep.observation
      action = gain * (frame['goal']['body'] - frame['body'])
      timestep = environment.step(np.clip(action, -1.0, 1.0))
      total += float(timestep.reward['imitation'])
    return total

  assert episode(10.0) == pytest.approx(50.0, abs=0.5)
  assert episode(0.0) < 15.0


def test_too_small_observations_are_refused():
  with pytest.raises(ValueError, match='size=1'):
    light.LightEnvironment(True, size=1)


def test_a_paced_step_takes_its_time():
  environment = light.LightEnvironment(False, 0, step_seconds=0.02)
  environment.reset()
  started = time.monotonic()
  for _ in range(5):
    environment.step(np.zeros(2, np.float32))
  assert time.monotonic() - started >= 5 * 0.02
