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

"""The program's shape; `tests/experiments` runs it."""

import cloudpickle
import pytest

import acme_metamimic
from acme_metamimic.program import distributed
from tests.acme_metamimic import fakes


def _imitation_environment(kind: str, seed: int) -> fakes.FakeEnvironment:
  assert kind in ('actor', 'training', 'validation')
  return fakes.FakeEnvironment(True, seed=seed)


def _task_environment(kind: str, seed: int) -> fakes.FakeEnvironment:
  del kind
  return fakes.FakeEnvironment(False, seed=seed)


def _networks(spec):
  return (
    acme_metamimic.make_imitation_networks(spec),
    acme_metamimic.make_task_networks(spec),
  )


def _sizes(**kwargs) -> dict:
  agent = distributed.DistributedMetaMimic(
    _imitation_environment, _task_environment, _networks, **kwargs
  )
  groups = agent.build().groups
  return {label: len(nodes) for label, nodes in groups.items()}


def test_default_is_table_1():
  assert _sizes() == {
    'replay': 1,
    'counter': 1,
    'imitation_learner': 1,
    'task_learner': 1,
    'cacher': 2,
    'imitation_actor': 256,
    'task_actor': 256,
    'imitation_evaluator': 2,
    'task_evaluator': 1,
  }


def test_counts_are_arguments():
  sizes = _sizes(
    config=acme_metamimic.MetaMimicConfig(
      num_imitation_actors=3, num_task_actors=2
    ),
    program_config=acme_metamimic.ProgramConfig(
      num_replay_shards=2, num_caches=0, max_actor_steps=10
    ),
  )
  assert sizes['replay'] == 2
  assert sizes['imitation_actor'] == 3
  assert sizes['task_actor'] == 2
  assert sizes['coordinator'] == 1
  assert 'cacher' not in sizes


@pytest.mark.parametrize(
  'limit',
  [
    {'max_actor_steps': 10},
    {'max_imitation_updates': 10},
    {'max_minutes': 1.0},
  ],
)
def test_each_limit_has_a_coordinator(limit):
  config = acme_metamimic.MetaMimicConfig(
    num_imitation_actors=1, num_task_actors=1
  )
  assert 'coordinator' not in _sizes(config=config)
  sizes = _sizes(
    config=config, program_config=acme_metamimic.ProgramConfig(**limit)
  )
  assert sizes['coordinator'] == 1


def test_actors_are_spread_over_shards_and_caches():
  agent = distributed.DistributedMetaMimic(
    _imitation_environment,
    _task_environment,
    _networks,
    config=acme_metamimic.MetaMimicConfig(
      num_imitation_actors=4, num_task_actors=4
    ),
    program_config=acme_metamimic.ProgramConfig(
      num_replay_shards=2, num_caches=2
    ),
  )
  program = agent.build()
  for group in ('imitation_actor', 'task_actor'):
    handles = [node.input_handles[:2] for node in program.groups[group]]
    # Shard and cache are the first two that an actor is given.
    for i in range(4):
      for j in range(4):
        same = [a is b for a, b in zip(handles[i], handles[j])]
        assert same == [(i - j) % 2 == 0] * 2
  caches = {id(n.input_handles[1]) for n in program.groups['imitation_actor']}
  others = {id(n.input_handles[1]) for n in program.groups['task_actor']}
  assert not caches & others


def test_nodes_pickle():
  agent = distributed.DistributedMetaMimic(
    _imitation_environment, _task_environment, _networks
  )
  program = agent.build()
  for nodes in program.groups.values():
    assert cloudpickle.loads(cloudpickle.dumps(nodes[0].function))


def test_environment_without_goal_is_refused():
  with pytest.raises(ValueError, match='goal'):
    distributed.DistributedMetaMimic(
      _task_environment, _task_environment, _networks
    )


def test_each_shard_needs_an_actor():
  with pytest.raises(ValueError, match='num_replay_shards=3'):
    _sizes(
      config=acme_metamimic.MetaMimicConfig(num_imitation_actors=2),
      program_config=acme_metamimic.ProgramConfig(num_replay_shards=3),
    )


def test_proportional_removal_needs_one_shard():
  config = acme_metamimic.MetaMimicConfig()
  config.imitation.remover = 'proportional'
  _sizes(config=config)
  with pytest.raises(ValueError, match='num_replay_shards=2'):
    _sizes(
      config=config,
      program_config=acme_metamimic.ProgramConfig(num_replay_shards=2),
    )
