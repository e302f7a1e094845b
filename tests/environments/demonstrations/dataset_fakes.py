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
"""Small demonstrations for the tests of datasets."""

from typing import Any

import numpy as np

from environments import demonstrations

TASK = 'jaco_block_stacking'
METADATA = demonstrations.Metadata(
  TASK, control_timestep=0.05, model_hash='ab' * 32, arguments={'size': (4, 4)}
)


def make(
  seed: int = 0, steps: int = 6, pixels: int = 4, **changes: Any
) -> demonstrations.Demonstration:
  """Returns a demonstration of random numbers, stacked at its end."""
  random_state = np.random.RandomState(seed)
  rewards = random_state.choice([0.0, 0.125], steps).astype(np.float32)
  rewards[-1:] = 1.0
  shape = (steps + 1, pixels, pixels, 3)
  values = {
    'observations': {
      'body': random_state.randn(steps + 1, 3).astype(np.float32),
      'image': random_state.randint(0, 256, shape, np.uint8),
    },
    'states': random_state.randn(steps + 1, 7),
    'actions': random_state.uniform(-1, 1, (steps, 2)).astype(np.float32),
    'rewards': rewards,
    'demonstrator': 'brisk',
    'seed': seed,
  }
  return demonstrations.Demonstration(**{**values, **changes})


def assert_same(
  one: demonstrations.Demonstration, other: demonstrations.Demonstration
) -> None:
  """Checks that two demonstrations are equal."""
  assert (one.seed, one.demonstrator) == (other.seed, other.demonstrator)
  for name in ('states', 'actions', 'rewards'):
    np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
  assert set(one.observations) == set(other.observations)
  for key, frames in one.observations.items():
    np.testing.assert_array_equal(frames, other.observations[key])
