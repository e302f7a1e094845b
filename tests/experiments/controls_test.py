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

from typing import Any

import numpy as np

from experiments import controls
from experiments import evaluation
from experiments import reporting
from experiments.domains import block_stacking
from experiments.domains import domain as domain_lib


def _zeros(observation: Any) -> np.ndarray:
  del observation
  return np.zeros(9, np.float32)


def _forward(observation: Any) -> np.ndarray:
  """Looks at its goal, if only at where its hand is."""
  return np.full(9, np.sign(observation['goal']['body'][24]), np.float32)


def test_table_has_the_policy_and_its_controls(following, training_set):
  rows = controls.table_rows('training', following, _forward, _zeros, 2)
  assert [row['policy'] for row in rows] == [
    'trained',
    'untrained',
    'trained, wrong goals',
    'actions replayed',
  ]
  trained, untrained, wrong, replayed = rows
  for row in rows:
    assert row['demonstrations'] == 'training'
    assert row['episodes'] == 2
    assert set(reporting.COLUMNS) < set(row)
  assert replayed['imitation_reward'] == replayed['stacked'] == 1.0
  policies = ((trained, _forward, False), (untrained, _zeros, False))
  for row, policy, wrong_goals in (*policies, (wrong, _forward, True)):
    metrics = evaluation.follow_all(
      following, policy, indices=(0, 1), wrong_goals=wrong_goals
    )
    for name, value in evaluation.mean(metrics).items():
      assert row[name] == value
  assert wrong['imitation_reward'] != trained['imitation_reward']


def test_single_demonstration_has_no_wrong_one(training_set):
  environment = block_stacking.BlockStacking().follow(
    training_set[:1], domain_lib.VALIDATION, seed=0
  )
  rows = controls.table_rows('training', environment, _zeros, _zeros, 2)
  assert [row['policy'] for row in rows] == [
    'trained',
    'untrained',
    'actions replayed',
  ]
  assert {row['episodes'] for row in rows} == {1}


def test_a_loaded_policy_has_no_untrained_row(following):
  rows = controls.table_rows('training', following, _zeros, None, 1)
  assert [row['policy'] for row in rows] == [
    'trained',
    'trained, wrong goals',
    'actions replayed',
  ]
