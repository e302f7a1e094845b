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

import acme
import numpy as np

from experiments.domains import domain as domain_lib
from experiments.domains import light


def test_actors_and_validation_differ_and_seeds_repeat():
  domain = light.Light()

  def start(kind: str, seed: int) -> np.ndarray:
    environment = domain.make_imitation_environment(None, kind, seed)
    return environment.reset().observation['body']

  actor, validation = domain_lib.ACTOR, domain_lib.VALIDATION
  np.testing.assert_array_equal(start(actor, 3), start(actor, 3))
  assert not np.array_equal(start(actor, 3), start(actor, 4))
  assert not np.array_equal(start(actor, 3), start(validation, 3))


def test_task_environment_is_the_imitation_environments_task():
  domain = light.Light()
  imitation = domain.make_imitation_environment(None, domain_lib.ACTOR, 0)
  task = domain.make_task_environment(None, domain_lib.ACTOR, 0)
  spec, task_spec = map(acme.make_environment_spec, (imitation, task))
  assert set(spec.observations) == {*task_spec.observations, 'goal'}
  assert spec.actions == task_spec.actions
  assert spec.rewards['task'] == task_spec.rewards


def test_a_paced_step_takes_its_time():
  domain = light.Light(step_seconds=0.02)
  for environment in (
    domain.make_imitation_environment(None, domain_lib.ACTOR, 0),
    domain.make_task_environment(None, domain_lib.ACTOR, 0),
  ):
    environment.reset()
    started = time.monotonic()
    for _ in range(5):
      environment.step(np.zeros(2, np.float32))
    assert time.monotonic() - started >= 5 * 0.02


def test_a_step_of_motion_is_one_to_the_networks():
  domain = light.Light()
  (scale,) = domain.goal_difference_scale().values()
  environment = domain.make_task_environment(None, domain_lib.ACTOR, 0)
  before = environment.reset().observation['body']
  after = environment.step(np.ones(2, np.float32)).observation['body']
  np.testing.assert_allclose(scale * (after - before), 1.0, rtol=1e-4)


def test_there_are_no_demonstrations():
  domain = light.Light()
  assert not domain.has_demonstrations
  assert domain.make_goal_frames(None) is None
