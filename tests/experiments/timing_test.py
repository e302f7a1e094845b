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
"""Tests of what the time of a thread that acts is spent on."""

import time

import acme
from acme import core
import numpy as np
import pytest

from experiments import timing
from experiments.domains import block_stacking

_SECONDS = 0.01


class _SlowActor(core.Actor):
  """Takes one time to act, two to record and three to learn."""

  def __init__(self, spec):
    self._action = np.zeros(spec.shape, spec.dtype)

  def select_action(self, observation):
    time.sleep(_SECONDS)
    return self._action

  def observe_first(self, timestep):
    pass

  def observe(self, action, next_timestep):
    time.sleep(2 * _SECONDS)

  def update(self, wait=False):
    time.sleep(3 * _SECONDS)


@pytest.mark.parametrize('observables', [('image', 'body'), ('body',)])
def test_all_time_of_an_episode_is_counted_once(observables):
  domain = block_stacking.BlockStacking(
    observables=('image', 'body', 'blocks'), image_size=32
  )
  steps = 10
  environment = domain.load(observables, seed=0, episode_length=steps)
  stopwatch = timing.Stopwatch()
  loop = acme.EnvironmentLoop(
    timing.TimedEnvironment(environment, stopwatch),
    timing.TimedActor(_SlowActor(environment.action_spec()), stopwatch),
  )
  rendered, began = environment.render_seconds, time.perf_counter()
  loop.run_episode()
  took = time.perf_counter() - began
  seconds = stopwatch.seconds
  for part, times in ((timing.ACT, 1), (timing.RECORD, 2), (timing.LEARN, 3)):
    assert seconds[part] >= times * steps * _SECONDS
  assert seconds[timing.ACT] < seconds[timing.RECORD] < seconds[timing.LEARN]
  assert seconds[timing.PHYSICS] > 0
  assert seconds[timing.RENDER] == pytest.approx(
    environment.render_seconds - rendered
  )
  assert bool(seconds[timing.RENDER]) == ('image' in observables)
  assert 0.9 * took < sum(seconds.values()) < took


def test_rendering_is_found_behind_wrappers():
  domain = block_stacking.BlockStacking(
    observables=('image', 'body', 'blocks'), image_size=32
  )
  environment = domain.make_task_environment(None, 'actor', seed=0)
  stopwatch = timing.Stopwatch()
  timed = timing.TimedEnvironment(environment, stopwatch)
  timed.reset()
  timed.step(np.zeros(environment.action_spec().shape, np.float32))
  assert stopwatch.seconds[timing.RENDER] > 0


def test_shares_are_described_largest_first():
  assert timing.describe(timing.Stopwatch().seconds) == 'nothing yet'
  assert (
    timing.describe({'act': 1.0, 'render': 3.0, 'learn': 0.0})
    == 'render 75 %, act 25 %'
  )
