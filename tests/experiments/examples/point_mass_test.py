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
"""The suite's point mass, followed and solved for a few steps."""

import pathlib

import numpy as np
import pytest

from experiments.examples import point_mass


def test_starts_at_a_stored_state():
  environment = point_mass.PointMass()
  demonstration = point_mass.record(environment, 30)
  environment.reset()
  timestep = environment.reset_to(demonstration.states[20])
  for key, frames in demonstration.observations.items():
    np.testing.assert_allclose(timestep.observation[key], frames[20])


def test_demonstrations_reach_the_target():
  demonstration = point_mass.record(point_mass.PointMass(), 100)
  distance = np.linalg.norm(demonstration.observations['position'], axis=1)
  assert distance[-1] < 0.02 < distance[0]


@pytest.mark.slow
def test_both_halves_train():
  rewards = point_mass.train(2, batch_size=8, min_replay_size=100)
  assert 0.0 <= rewards['imitation'] <= 1.0
  assert 0.0 <= rewards['task'] <= 1.0


def test_is_short():
  assert len(pathlib.Path(point_mass.__file__).read_text().splitlines()) < 100
