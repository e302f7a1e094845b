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

"""Tests of where episodes start, and of the check of their first frame."""

import dataclasses

import dm_env
import numpy as np
import pytest

from environments import block_stacking
from environments import demonstrations as demonstrations_lib
from environments import initializers
from tests.environments import imitation_fakes

_START = initializers.Start(demonstration=2, step=1)


class _Clock(imitation_fakes.StandIn):
  """A task of three steps that keeps whether its clock was restarted."""

  def __init__(self):
    super().__init__()
    self.restarts = []

  def reset_to(self, state, restart_clock=False):
    self.restarts.append(restart_clock)
    self._left = 3
    return super().reset_to(state)

  def step(self, action):
    self._left -= 1
    timestep = super().step(action)
    if self._left:
      return timestep
    return dm_env.truncation(timestep.reward, timestep.observation)


def _demonstration(**observations: np.ndarray):
  return demonstrations_lib.Demonstration(
    observations=observations,
    states=np.zeros((4, 1)),
    actions=np.zeros((3, 1), np.float32),
    rewards=np.zeros(3, np.float32),
    demonstrator='still',
    seed=0,
  )


def test_starts_are_uniform_over_demonstrations_and_steps():
  starts = initializers.DemonstrationStarts(
    [imitation_fakes.numbered(5), imitation_fakes.numbered(1000)], seed=0
  )
  drawn = [starts.draw() for _ in range(6000)]
  first = [start.step for start in drawn if start.demonstration == 0]
  second = [start.step for start in drawn if start.demonstration == 1]
  assert len(first) / 6000 == pytest.approx(0.5, abs=0.03)
  np.testing.assert_allclose(np.bincount(first) / len(first), 0.2, atol=0.03)
  # The first 300 steps, appendix C.2.
  assert (min(second), max(second)) == (0, 299)
  assert np.mean(second) == pytest.approx(149.5, abs=8)


@pytest.mark.parametrize(
  ('number', 'options', 'message'),
  [
    (0, {}, 'no demonstrations; give at least one'),
    (1, {'curriculum_probability': np.nan}, r'is nan; it must be in \[0, 1\]'),
    (1, {'curriculum_steps': 0}, 'curriculum_steps is 0; .* at least 1'),
  ],
)
def test_unusable_arguments_are_refused(number, options, message):
  dataset = [imitation_fakes.numbered(5)] * number
  with pytest.raises(ValueError, match=message):
    initializers.DemonstrationStarts(dataset, **options)
  with pytest.raises(ValueError, match=message):
    initializers.CurriculumEnvironment(_Clock(), dataset, **options)


def test_task_episodes_start_inside_demonstrations():
  clock = _Clock()
  environment = initializers.CurriculumEnvironment(
    clock, [imitation_fakes.numbered(50)], seed=0
  )
  assert environment.step(np.zeros(1)).first()
  for _ in range(30):
    steps = [environment.step(np.zeros(1)) for _ in range(4)]
    assert [timestep.last() for timestep in steps] == [
      False,
      False,
      True,
      False,
    ]
    assert steps[-1].first()
  assert environment.reset().first()
  assert all(clock.restarts)
  assert len(np.unique(clock.states)) > 15


def test_task_episodes_have_their_full_length(features, training):
  environment = initializers.CurriculumEnvironment(
    block_stacking.load(('body', 'blocks'), episode_length=20), training, seed=0
  )
  assert environment.observation_spec() == features.observation_spec()
  assert environment.action_spec() == features.action_spec()
  assert environment.reward_spec() == features.reward_spec()
  assert environment.discount_spec() == features.discount_spec()
  for _ in range(3):
    timestep = environment.reset()
    found = [
      np.array_equal(timestep.observation['blocks'], frame)
      for demonstration in training
      for frame in demonstration.observations['blocks']
    ]
    assert any(found)
    length = 0
    while not timestep.last():
      timestep = environment.step(np.zeros(9))
      length += 1
    assert length == 20
    assert timestep.discount == 1.0
    environment.environment.reward_spec().validate(timestep.reward)
  environment.close()


def test_task_curriculum_checks_its_starts(features, training):
  shifted = [_shift(d, 'blocks', 7, 0.1) for d in training]
  with pytest.raises(demonstrations_lib.DatasetError, match=r"'blocks'.* 7: "):
    initializers.CurriculumEnvironment(features, shifted, seed=0).reset()
  initializers.CurriculumEnvironment(
    features, shifted, check_start=False, seed=0
  ).reset()


def _shift(demonstration, key, component, amount):
  observations = {k: v.copy() for k, v in demonstration.observations.items()}
  observations[key][:, component] += amount
  return dataclasses.replace(demonstration, observations=observations)


@pytest.mark.parametrize('step', [0, 20])
def test_imitation_checks_its_starts(features, training, step):
  shifted = _shift(training[0], 'body', 24, 0.05)
  environment = imitation_fakes.make(features, [training[0], shifted])
  environment.start(0, step)
  with pytest.raises(
    demonstrations_lib.DatasetError,
    match=rf"Demonstration 1 .*'body' at its step {step} .*component 24: ",
  ) as error:
    environment.start(1, step)
  recorded = shifted.observations['body'][step, 24]
  assert f'{recorded - 0.05:.6g} instead of {recorded:.6g}' in str(error.value)
  assert 'check_start=False' in str(error.value)
  imitation_fakes.make(features, [shifted], check_start=False).start(0, step)


@pytest.mark.parametrize(
  ('difference', 'fits'),
  [(0.0, True), (9e-4, True), (1.1e-3, False), (-1.0, False), (np.nan, False)],
)
def test_vectors_may_differ_by_rounding(difference, fits):
  frames = np.arange(12, dtype=np.float32).reshape(4, 3)
  observed = frames[1].copy()
  observed[2] += difference
  _check({'body': observed}, {'body': frames}, fits, "'body'.*component 2: ")


@pytest.mark.parametrize(
  ('number', 'level', 'fits'), [(3, 255, True), (48, 2, True), (48, 3, False)]
)
def test_images_may_differ_at_edges(number, level, fits):
  frames = np.zeros((4, 20, 20, 3), np.uint8)
  frames[:] = 100
  observed = frames[1].copy()
  if number < 48:
    observed.ravel()[:number] = level
  else:
    observed += np.uint8(level)
  _check(
    {'image': observed}, {'image': frames}, fits, "'image'.*of 1 in the mean"
  )


def _check(observation, frames, fits, message):
  demonstration = _demonstration(**frames)
  if fits:
    initializers.check_start(observation, demonstration, _START)
    return
  with pytest.raises(
    demonstrations_lib.DatasetError, match=f'Demonstration 2 .*{message}'
  ):
    initializers.check_start(observation, demonstration, _START)


def test_what_was_not_recorded_or_is_not_observed_is_left_out():
  frames = np.zeros((4, 3), np.float32)
  initializers.check_start(
    {'body': frames[1], 'blocks': frames[1] + 1},
    _demonstration(body=frames, image=frames + 1),
    _START,
  )
