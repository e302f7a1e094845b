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

"""Tests of the averaged policy."""

from typing import Any

import numpy as np
import pytest

from tests.acme_metamimic.d4pg import learners


def test_evaluation_policy_averages_exponentially():
  networks = learners.make_networks()
  learner = learners.make_learner(
    networks, updates_per_step=2, policy_averaging_horizon=8
  )
  policy = networks[0].policy_network.variables
  average = [variable.numpy() for variable in policy]
  for _ in range(3):
    learner.step()
    for i, variable in enumerate(policy):
      average[i] = average[i] + 0.25 * (variable.numpy() - average[i])
  averaged = learner.evaluation_policy.variables[-len(policy) :]
  for expected, variable, current in zip(
    average, averaged, policy, strict=True
  ):
    np.testing.assert_allclose(variable.numpy(), expected, atol=1e-6)
    assert np.any(variable.numpy() != current.numpy())


def test_average_is_resumed(tmp_path):
  arguments: Any = {
    'checkpoint_directory': str(tmp_path),
    'policy_averaging_horizon': 8,
  }
  learner = learners.make_learner(**arguments)
  learner.step()
  assert learner.save()
  resumed = learners.make_learner(**arguments)
  for expected, variable in zip(
    learner.evaluation_policy.variables,
    resumed.evaluation_policy.variables,
    strict=True,
  ):
    np.testing.assert_array_equal(variable.numpy(), expected.numpy())


def test_horizon_below_a_call_is_refused():
  with pytest.raises(ValueError, match='policy_averaging_horizon=3'):
    learners.make_learner(updates_per_step=5, policy_averaging_horizon=3)
