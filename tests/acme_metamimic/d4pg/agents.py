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
"""What tests of D4PG's and D4PGfD's agents have in common."""

from typing import Any

import acme

from acme_metamimic import networks
from acme_metamimic.d4pg import agent as d4pg_agent
from tests.acme_metamimic import fakes

SPEC = fakes.task_spec()
SETTINGS: Any = {
  'batch_size': 8,
  'min_replay_size': 10,
  'max_replay_size': 20,
  'num_atoms': 11,
  'n_step': 3,
  'num_parallel_samplers': 1,
  'prefetch_size': 1,
}


def make_networks() -> Any:
  """Returns networks of the task half that are traced soon."""
  return networks.make_task_networks(
    SPEC, policy_layer_sizes=(4, 4), critic_layer_sizes=(4, 4), num_atoms=11
  )


def train(agent: d4pg_agent.D4PG, episodes: int = 4) -> None:
  """Runs episodes of ten steps with an agent."""
  loop = acme.EnvironmentLoop(
    fakes.FakeEnvironment(imitation=False),
    agent.task,
    logger=fakes.RecordingLogger(),
  )
  fakes.run_episodes(loop, episodes)
