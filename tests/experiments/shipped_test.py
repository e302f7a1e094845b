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
"""Tests of the policies that come with the package, in the real environment."""

import csv
import json
import os

import numpy as np
import pytest

import acme_metamimic
from acme_metamimic import shipped
from environments import fixed_starts
from environments.block_stacking import demonstrators
from environments.block_stacking import features
from environments.demonstrations import recording
from experiments import evaluate
from experiments import evaluation
from experiments import run_folder
from experiments import task_evaluation
from experiments.domains import block_stacking
from experiments.domains import domain as domain_lib

_DOMAIN = block_stacking.BlockStacking()


def _of_the_table(path: str, column: str, **row: str) -> float:
  """Returns what a run's table has in a column of the row that fits."""
  with open(path, newline='') as file:
    (found,) = [
      each
      for each in csv.DictReader(file)
      if all(each[key] == value for key, value in row.items())
    ]
  return float(found[column])


@pytest.mark.parametrize('name', ['features', 'features_still', 'pixels'])
def test_there_are_policies_with_their_provenance(name):
  assert name in shipped.names()
  folder = shipped.folder(name)
  with open(os.path.join(folder, 'experiment.json')) as file:
    assert json.load(file)['experiment']['preset'] == name
  assert os.path.exists(os.path.join(folder, 'table.csv'))
  size = sum(
    os.path.getsize(os.path.join(root, name))
    for root, _, files in os.walk(folder)
    for name in files
  )
  assert size < 4e6


def test_what_is_not_there_is_told_with_its_neighbour():
  with pytest.raises(
    ValueError, match=r"'feature' come.*did you mean 'features'"
  ):
    acme_metamimic.load_policy('feature')
  with pytest.raises(ValueError, match="half='both' must be one of"):
    acme_metamimic.load_policy('features', 'both')
  with pytest.raises(ValueError, match='no policy of the task half: give'):
    acme_metamimic.load_policy('features_still', 'task')


def test_the_still_policy_does_not_see_velocities():
  policy = acme_metamimic.load_policy('features_still')
  random = np.random.default_rng(0)
  frames = {
    key: random.standard_normal(hidden.shape).astype(np.float32)
    for key, hidden in features.velocities().items()
  }
  moving = {
    key: frames[key] + hidden.astype(np.float32)
    for key, hidden in features.velocities().items()
  }
  action = policy({**frames, 'goal': frames})
  np.testing.assert_array_equal(policy({**moving, 'goal': moving}), action)
  turned = {**frames, 'body': frames['body'] + 1.0}
  assert np.any(policy({**turned, 'goal': frames}) != action)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['features', 'pixels'])
def test_the_imitation_policy_does_what_its_table_says(name):
  policy = acme_metamimic.load_policy(name)
  folder = shipped.folder(name)
  domain = run_folder.read(folder).domain
  assert isinstance(domain, block_stacking.BlockStacking)
  environment = domain.load(domain.recorded)
  style = demonstrators.STYLES['careful']
  recorded = [
    recording.record_episode(environment, style, seed)
    for seed in range(3_000_000, 3_000_007)
  ]
  demonstrations = [d for d in recorded if d is not None][:5]
  environment.close()
  following = domain.follow(demonstrations, domain_lib.VALIDATION, seed=0)
  metrics = evaluation.mean(evaluation.follow_all(following, policy))
  following.close()
  table = os.path.join(folder, 'table.csv')
  row = {'demonstrations': 'validation', 'policy': 'trained'}
  # Another of the five may slip than those that do where it was written.
  assert (
    metrics['task_return'] > _of_the_table(table, 'task_return', **row) - 0.3
  )
  reward = _of_the_table(table, 'imitation_reward', **row)
  assert metrics['imitation_reward'] > reward - 0.1


@pytest.mark.slow
def test_the_task_policy_does_what_its_table_says():
  policy = acme_metamimic.load_policy('features', 'task')
  environment = _DOMAIN.load(episode_length=200)
  # In one episode of six the block slips.
  states = fixed_starts.draw_states(environment, 20)
  metrics = task_evaluation.run_episodes(
    fixed_starts.FixedStarts(environment, states), policy
  )
  environment.close()
  table = os.path.join(shipped.folder('features'), 'task_table.csv')
  said = _of_the_table(table, 'task_return', policy='task policy')
  assert np.mean([m.task_return for m in metrics]) > 0.6 * said


@pytest.mark.slow
def test_a_name_stands_for_a_run_where_policies_are_evaluated():
  text = evaluate.evaluate_task(
    shipped.folder('features'), max_episodes=1, demonstrators=[]
  )
  assert 'task policy' in text
  assert evaluate._run_folder('features') == shipped.folder('features')


def test_a_policy_of_the_other_half_is_told():
  with pytest.raises(
    evaluate.PolicyError, match='has the imitation policy alone: give a dataset'
  ):
    evaluate.load_policy(shipped.folder('pixels'), 'task')
