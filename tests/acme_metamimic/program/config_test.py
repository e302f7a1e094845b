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

import pytest

from acme_metamimic import config as config_lib
from acme_metamimic.program import config as program_config


@pytest.mark.parametrize(
  ('field', 'value'),
  [
    ('num_replay_shards', 0),
    ('num_caches', -1),
    ('environments_per_actor', 0),
    ('evaluation_episodes', 0),
    ('max_actor_steps', 0),
    ('max_imitation_updates', 0),
    ('max_minutes', 0.0),
    ('max_minutes', -1.0),
    ('max_minutes', float('nan')),
    ('seed', -1),
  ],
)
def test_bad_values_are_named(field, value):
  with pytest.raises(ValueError, match=f'{field}={value}'):
    program_config.ProgramConfig(**{field: value})


def test_limits_are_counts_by_name():
  assert program_config.ProgramConfig().limits == {}
  config = program_config.ProgramConfig(
    max_actor_steps=100, max_imitation_updates=20, max_minutes=1.5
  )
  assert config.limits == {
    'imitation_actor_steps': 100,
    'imitation_learner_steps': 20,
    # What the learner counts is seconds.
    'imitation_learner_walltime': 90.0,
  }
  config = program_config.ProgramConfig(max_minutes=2.0)
  assert config.limits == {'imitation_learner_walltime': 120.0}


def test_shards_share_the_capacity_of_both_tables():
  config = program_config.share(config_lib.MetaMimicConfig(), 3)
  assert config.imitation.max_replay_size == 333_334
  assert config.task.max_replay_size == 333_334
  assert config.task.min_replay_size == 334
  assert config.num_imitation_actors == 256
