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
"""Fakes for the tests of the imitation environment."""

from collections.abc import Sequence
import dataclasses
from typing import Any

import dm_env
import numpy as np

from environments import demonstrations as demonstrations_lib
from environments import imitation
from environments import starts
from environments.block_stacking import features as features_lib

TERMS = features_lib.feature_reward_terms()


def cut(
  demonstration: demonstrations_lib.Demonstration, steps: int
) -> demonstrations_lib.Demonstration:
  """Returns the first steps of a demonstration."""
  return dataclasses.replace(
    demonstration,
    observations={
      k: v[: steps + 1] for k, v in demonstration.observations.items()
    },
    states=demonstration.states[: steps + 1],
    actions=demonstration.actions[:steps],
    rewards=demonstration.rewards[:steps],
  )


def make(
  environment: starts.StartedEnvironment,
  demonstrations: Sequence[demonstrations_lib.Demonstration],
  **options: Any,
) -> imitation.ImitationEnvironment:
  """Returns an imitation environment for the features."""
  options = {'reward_terms': TERMS, 'seed': 0, **options}
  return imitation.ImitationEnvironment(environment, demonstrations, **options)


class StandIn(dm_env.Environment):
  """A fake of block stacking that records the states it starts at."""

  def __init__(self):
    self.states = []

  def reset(self):
    raise AssertionError('Episodes start at stored states.')

  def reset_to(self, state):
    self.states.append(state)
    return dm_env.restart({'x': np.zeros(1, np.float32)})

  def step(self, action):
    return dm_env.transition(0.0, {'x': np.zeros(1, np.float32)})

  def observation_spec(self):
    return {'x': dm_env.specs.Array((1,), np.float32)}

  def action_spec(self):
    return dm_env.specs.BoundedArray((1,), np.float32, -1.0, 1.0)


def numbered(steps: int) -> demonstrations_lib.Demonstration:
  """Returns a demonstration whose states are the numbers of its steps."""
  return demonstrations_lib.Demonstration(
    observations={'x': np.zeros((steps + 1, 1), np.float32)},
    states=np.arange(steps + 1.0)[:, None],
    actions=np.zeros((steps, 1), np.float32),
    rewards=np.zeros(steps, np.float32),
    demonstrator='counting',
    seed=0,
  )
