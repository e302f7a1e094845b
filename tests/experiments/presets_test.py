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

import dataclasses
import json
import pathlib
import re
import shutil

import acme
from acme import specs
from acme.tf import utils as tf2_utils
import numpy as np
import pytest
import tree

import acme_metamimic
from acme_metamimic import specs as specs_lib
from environments import demonstrations as demonstrations_lib
from experiments import experiment as experiment_lib
from experiments import overrides
from experiments import presets
from experiments import run_folder
from experiments.domains import block_stacking
from experiments.domains import domain as domain_lib
from experiments.domains import light as light_domain
from experiments.presets import pixels as pixels_lib

_DOMAIN = block_stacking.BlockStacking()
_RESULTS = pathlib.Path(__file__).parents[2] / 'docs' / 'results'
# What a run has of its own.
_OF_A_RUN = {
  'seed': 0,
  'demonstrations.dataset': None,
  'evaluation.filmed': 1,
}


@pytest.fixture(scope='module')
def acting(training_set):
  """The environment of the imitation actor."""
  return _DOMAIN.follow(training_set, domain_lib.ACTOR, seed=0)


@pytest.fixture(scope='module')
def spec(acting):
  return acme.make_environment_spec(acting)


def test_values_of_the_support_are_tight():
  config = presets.make('features')
  for half in (config.imitation, config.task):
    # Both rewards are at most 1 a step.
    assert half.vmax == pytest.approx(1.0 / (1.0 - half.discount))
    assert half.vmin == 0.0


def test_fingers_explore_more_than_joints(spec):
  config = presets.make('features')
  for half in (config.imitation, config.task):
    assert half.sigmas is not None
    assert spec.actions.shape == (len(half.sigmas),)
    assert max(half.sigmas[:6]) < min(half.sigmas[6:])


def test_program_has_the_ratios_of_one_process():
  experiment = presets.make('features')
  one_process, program = experiment.one_process_config, experiment.config
  batch_size = one_process.imitation.batch_size
  samples = program.imitation.samples_per_insert
  assert samples is not None
  # Inserted once a step.
  assert samples / batch_size == one_process.imitation.updates_per_observation
  samples = program.task.samples_per_insert
  assert samples is not None
  # The actors of both halves insert.
  items_per_step = 1.0 + experiment.task_phase.source_steps_per_task_step
  assert items_per_step * samples / batch_size == pytest.approx(
    one_process.task.updates_per_observation
  )
  assert program.imitation.discount == one_process.imitation.discount


def test_one_process_is_not_held_by_samples():
  experiment = presets.make('features')
  for half in ('imitation', 'task'):
    one_process = getattr(experiment.one_process_config, half)
    program = getattr(experiment.config, half)
    assert one_process.samples_per_insert is None
    # The halves are saved together, by the run.
    assert one_process.checkpoint_period_minutes == np.inf
    assert one_process == dataclasses.replace(
      program, samples_per_insert=None, checkpoint_period_minutes=np.inf
    )


@pytest.mark.parametrize(
  'record',
  [
    'minutes_24_turn/experiment.json',
    'pair/experiment.json',
    'paper/figure8/d4pg_experiment.json',
    'paper/figure8/d4pg_curriculum_experiment.json',
    'paper/figure8/d4pgfd_experiment.json',
    'paper/figure8/metamimic_curriculum_experiment.json',
  ],
)
def test_presets_are_what_the_results_were_measured_with(record, tmp_path):
  recorded = _RESULTS / record
  shutil.copy(recorded, tmp_path / 'experiment.json')
  run = run_folder.read(str(tmp_path))
  preset = presets.make(run.preset)
  assert overrides.replace_all(run, _OF_A_RUN) == overrides.replace_all(
    preset, _OF_A_RUN
  )
  # What has come since is off.
  values = overrides.values(preset)
  off = overrides.values(experiment_lib.Experiment(preset='off'))
  for path in values.keys() - json.loads(recorded.read_text())['experiment']:
    assert values[path] == off[path], path


def test_paper_has_the_papers_sizes():
  paper = presets.make('paper')
  table_1 = acme_metamimic.MetaMimicConfig()
  assert paper.config == table_1
  assert (paper.num_imitation_actors, paper.num_task_actors) == (256, 256)
  domain = paper.domain
  assert isinstance(domain, block_stacking.BlockStacking)
  assert domain.image_size == 128
  assert domain.seen_keys == ('image',)
  assert domain.task_episode_length == 550
  terms = domain.reward_terms()
  assert {key: term.coefficient for key, term in terms.items()} == {
    'image': 15.0,
    'body': 2.0,
  }
  assert paper.demonstrations.num_train == 500


def test_policies_from_pixels_see_images_alone():
  pixels = presets.make('pixels')
  assert not pixels.networks.task_details
  domain = pixels.domain
  assert isinstance(domain, block_stacking.BlockStacking)
  images = ('close_image', 'side_image')
  assert domain.policy_keys == (*images, 'last_action')
  # The critic's, which serves training alone, are shown beside.
  assert domain.critic_keys == ('body', 'blocks')
  assert set(domain.seen_keys) == {*domain.policy_keys, 'body', 'blocks'}
  assert domain.image_size == 40
  assert pixels.networks.torso == '40_p4_32_64'
  assert pixels.imitation.max_replay_size == 200_000
  assert domain.finger_weight == 1.0
  for half in (pixels.imitation, pixels.task):
    assert half.observation_noise == half.smoothness_weight == 0.0


def test_the_variants_that_pixels_names_are_made():
  blocks = re.findall(r'(?:^  --set=.*\n)+', pixels_lib.__doc__, re.MULTILINE)
  taught, literal, predicting = [block.splitlines() for block in blocks]
  # In place of the first two lines.
  predicting += literal[2:]
  taught, literal, predicting = [
    overrides.apply(
      presets.make('pixels'), re.findall(r'--set=(\S+)', '\n'.join(lines))
    )
    for lines in (taught, literal, predicting)
  ]
  assert presets.make('pixels').imitation.teacher is None
  assert taught.imitation.teacher == 'features_still'
  assert taught.domain == presets.make('pixels').domain
  assert isinstance(literal.domain, block_stacking.BlockStacking)
  terms = literal.domain.reward_terms()
  assert {key: term.coefficient for key, term in terms.items()} == {
    'image': 15.0,
    'body': 2.0,
  }
  assert literal.domain.critic_keys is None
  assert literal.domain.seen_keys == ('image',)
  assert literal.imitation.auxiliary_weight == 0.0
  # No critic sees what is to be predicted, and it is kept.
  assert isinstance(predicting.domain, block_stacking.BlockStacking)
  assert set(predicting.domain.reward_terms()) == set(terms)
  assert predicting.domain.critic_keys == ('image',)
  assert predicting.domain.seen_keys == ('image', 'body', 'blocks')
  assert predicting.imitation.auxiliary_weight > 0.0


def test_paced_program_has_one_update_a_step():
  light, paced = presets.make('light'), presets.make('paced')
  assert light.imitation.samples_per_insert is None
  for half in (paced.imitation, paced.task):
    assert half.samples_per_insert == half.batch_size
  assert paced.domain == light_domain.Light(step_seconds=0.05)
  assert paced.networks == light.networks


@pytest.mark.parametrize('name', presets.PRESETS)
def test_presets_know_their_names(name):
  experiment = presets.make(name)
  assert experiment.preset == name
  assert presets.make(name) == experiment


def test_light_networks_fit_both_halves():
  experiment = presets.make('light')
  spec = acme.make_environment_spec(
    experiment.domain.make_imitation_environment(None, domain_lib.ACTOR, 0)
  )
  imitation, task = experiment.make_networks(spec)
  imitation.init(specs_lib.imitation_spec(spec))
  task.init(specs_lib.task_spec(spec))


def test_preset_that_is_not_there_is_told_with_its_neighbour():
  with pytest.raises(
    ValueError, match=r"no preset 'feature': did you mean 'features'\?.*pixels"
  ):
    presets.make('feature')
  with pytest.raises(ValueError, match=r"no preset 'zzz': There are features"):
    presets.make('zzz')


def test_halves_have_tables_of_their_own_and_one_actor_each():
  config = presets.make('features')
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
  assert acting.deviation > _DOMAIN.early_termination_distance
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
  assert inside == pytest.approx(_DOMAIN.curriculum_probability, abs=0.15)
  # Anywhere in a demonstration.
  assert max(starts) > 0.8 * min(len(d) for d in acting.demonstrations)
  for _ in range(20):
    following.reset()
    assert following.step_index == 0


def test_task_environment_is_the_imitation_environments_task(spec):
  task_spec = acme.make_environment_spec(
    _DOMAIN.make_task_environment(None, domain_lib.ACTOR, seed=0)
  )
  wanted = specs_lib.task_spec(spec)
  assert task_spec.actions == wanted.actions
  assert set(task_spec.observations) == set(_DOMAIN.observables)
  for mine, theirs in zip(
    tree.flatten((dict(task_spec.observations), task_spec.rewards)),
    tree.flatten((dict(wanted.observations), wanted.rewards)),
  ):
    assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)


def test_task_episodes_have_their_length_and_seed():
  domain = dataclasses.replace(_DOMAIN, task_episode_length=5)
  environments = [
    domain.make_task_environment(None, domain_lib.ACTOR, s) for s in (3, 3, 4)
  ]
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
  networks, _ = presets.make('features').make_networks(spec)
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
  networks, _ = presets.make('features').make_networks(spec)
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
  config = presets.make('features')
  _, networks = config.make_networks(spec)
  task_spec = specs_lib.task_spec(spec)
  networks.init(task_spec)
  timestep = _DOMAIN.make_task_environment(
    None, domain_lib.ACTOR, seed=0
  ).reset()
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


def test_task_networks_of_features_see_details(spec):
  with_details = presets.make('features')
  assert with_details.networks.task_details
  without = overrides.replace(with_details, 'networks.task_details', False)
  task_spec = specs_lib.task_spec(spec)
  shown, details = 36 + 30, 15 + 2
  for config, size in ((without, shown), (with_details, shown + details)):
    networks = config.make_task_networks(spec)
    networks.init(task_spec)
    for network, inputs in (
      (networks.policy_network, size),
      (networks.critic_network, size + 9),
    ):
      shapes = {tuple(v.shape) for v in network.trainable_variables}
      assert (inputs, 256) in shapes


def test_a_baseline_has_no_task_phase():
  with pytest.raises(ValueError, match='follows an imitation half, of which'):
    overrides.replace(presets.make('d4pg'), 'task_phase.after_share', 0.5)


def test_baselines_see_what_the_task_policy_sees():
  for name in ('d4pg', 'd4pg_curriculum', 'd4pgfd', 'metamimic_curriculum'):
    assert presets.make(name).networks.task_details
  assert presets.make('d4pgfd').task.smoothness_weight == 0.0


def test_details_are_left_out_where_their_keys_are(spec):
  base = presets.make('features')
  pictures = spec._replace(observations={'image': specs.Array((8, 8, 3), 'u1')})
  networks = base.make_task_networks(pictures)
  networks.init(pictures)
