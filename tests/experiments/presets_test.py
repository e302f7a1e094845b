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
"""Tests of the presets: what goes together fits together."""

import acme
from acme.tf import utils as tf2_utils
import numpy as np
import pytest
import tree

from acme_metamimic import specs as specs_lib
from environments import demonstrations as demonstrations_lib
from experiments import presets


@pytest.fixture(scope='module')
def acting(training_set):
  """The environment of the imitation actor."""
  return presets.make_imitation_environment(training_set, 0, training=True)


@pytest.fixture(scope='module')
def spec(acting):
  return presets.make_spec(acting)


def test_values_of_the_support_are_tight():
  config = presets.laptop_config()
  for half in (config.imitation, config.task):
    # Both rewards are at most 1 a step.
    assert half.vmax == pytest.approx(1.0 / (1.0 - half.discount))
    assert half.vmin == 0.0


def test_fingers_explore_more_than_joints(spec):
  config = presets.laptop_config()
  sigmas = config.imitation.sigmas
  assert sigmas is not None
  assert spec.actions.shape == (len(sigmas),)
  assert max(sigmas[:6]) < min(sigmas[6:])
  assert config.task.sigmas is None


def test_program_has_the_ratios_of_one_process():
  one_process = presets.laptop_config()
  program = presets.laptop_program_config()
  batch_size = one_process.imitation.batch_size
  samples = program.imitation.samples_per_insert
  assert samples is not None
  # Inserted once a step.
  assert samples / batch_size == one_process.imitation.updates_per_observation
  samples = program.task.samples_per_insert
  assert samples is not None
  # Inserted twice for each imitation step: by the actors of both halves.
  assert 2.0 * samples / batch_size == presets.TASK_STEPS_PER_IMITATION_STEP
  assert program.imitation.discount == one_process.imitation.discount


def test_halves_have_tables_of_their_own_and_one_actor_each():
  config = presets.laptop_config()
  assert config.imitation.replay_table_name == 'imitation'
  assert config.task.replay_table_name == 'task'
  assert (config.num_imitation_actors, config.num_task_actors) == (1, 1)


def _away_from(demonstration: demonstrations_lib.Demonstration) -> np.ndarray:
  """Returns an action that turns each joint against the demonstrator."""
  return -np.sign(demonstration.actions[:10].sum(axis=0))


def _run(environment, action) -> tuple[int, dict]:
  steps = 0
  timestep = environment.start(0)
  while not timestep.last():
    timestep = environment.step(action)
    steps += 1
  return steps, timestep.discount


def test_deviation_ends_episodes_in_training_alone(
  acting, following, training_set
):
  action = _away_from(training_set[0])
  steps, discount = _run(acting, action)
  assert steps < len(training_set[0])
  assert discount == {'imitation': 0.0, 'task': 1.0}
  assert acting.deviation > presets.EARLY_TERMINATION_DISTANCE
  steps, discount = _run(following, action)
  assert steps == len(training_set[0])
  assert discount == {'imitation': 1.0, 'task': 1.0}


def test_half_of_the_training_episodes_start_inside(acting, following):
  starts = []
  for _ in range(200):
    acting.reset()
    starts.append(acting.step_index)
  inside = np.mean(np.array(starts) > 0)
  # Four standard deviations of 200 coins.
  assert inside == pytest.approx(presets.CURRICULUM_PROBABILITY, abs=0.15)
  # Anywhere in a demonstration.
  assert max(starts) > 0.8 * min(len(d) for d in acting.demonstrations)
  for _ in range(20):
    following.reset()
    assert following.step_index == 0


def test_task_environment_is_the_imitation_environments_task(spec):
  task_spec = acme.make_environment_spec(presets.make_task_environment(0))
  wanted = specs_lib.task_spec(spec)
  assert task_spec.actions == wanted.actions
  assert set(task_spec.observations) == set(presets.OBSERVABLES)
  for mine, theirs in zip(
    tree.flatten((dict(task_spec.observations), task_spec.rewards)),
    tree.flatten((dict(wanted.observations), wanted.rewards)),
  ):
    assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)


def test_task_episodes_have_their_length_and_seed():
  environments = [presets.make_task_environment(s, 5) for s in (3, 3, 4)]
  first, again, other = (e.reset().observation['blocks'] for e in environments)
  np.testing.assert_array_equal(first, again)
  assert np.any(first != other)
  steps = 0
  timestep = None
  while timestep is None or not timestep.last():
    timestep = environments[0].step(np.zeros(9, np.float32))
    assert timestep.reward.dtype == np.float32
    steps += 1
  assert steps == 5
  assert timestep.discount == 1.0


def _batch(observation):
  return tf2_utils.add_batch_dim(observation)


def test_imitation_networks_look_at_the_goal(acting, spec):
  networks, _ = presets.make_networks(spec, presets.laptop_config())
  networks.init(spec)
  policy = networks.make_policy(spec)
  observation = acting.start(0).observation
  action = policy(_batch(observation)).numpy()
  assert action.shape == (1, 9)
  assert np.all(np.abs(action) <= 1.0)
  later = acting.demonstrations[0].frame(20)
  moved = {**observation, 'goal': later}
  assert np.any(policy(_batch(moved)).numpy() != action)


def test_one_step_of_motion_is_of_order_one_to_the_networks(acting, spec):
  networks, _ = presets.make_networks(spec, presets.laptop_config())
  demonstration = acting.demonstrations[0]
  # The hand, in `body`, which comes after the thirty numbers of `blocks`; what
  # is left to do comes after the observation's own 30 + 36 numbers.
  hand = slice(24, 27)
  moved = []
  for step in range(0, len(demonstration) - 1, 5):
    observation = acting.start(0, step).observation
    features = networks.observation_network(_batch(observation)).numpy()[0]
    assert features.shape == (2 * 66,)
    centimetres = features[66 + 30 :][hand]
    frames = demonstration.observations['body'][step : step + 2, hand]
    expected = np.clip(100.0 * (frames[1] - frames[0]), -5.0, 5.0)
    np.testing.assert_allclose(centimetres, expected, atol=1e-4)
    moved.append(np.linalg.norm(centimetres))
  assert 0.3 < np.median(moved) < 3.0


def test_task_networks_do_without_goals(acting, spec):
  config = presets.laptop_config()
  _, networks = presets.make_networks(spec, config)
  task_spec = specs_lib.task_spec(spec)
  networks.init(task_spec)
  timestep = presets.make_task_environment(0).reset()
  observation = _batch(timestep.observation)
  action = networks.make_policy(task_spec)(observation)
  assert action.shape == (1, 9)
  values = networks.critic_network(
    networks.observation_network(observation), action
  ).values
  np.testing.assert_allclose(
    values,
    np.linspace(config.task.vmin, config.task.vmax, config.task.num_atoms),
  )
