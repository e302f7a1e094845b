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

"""Tests of the marks on replay items."""

import numpy as np
import pytest
import reverb

from acme_metamimic import builder as builder_lib
from acme_metamimic import config as config_lib
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.replay import provenance
from tests.acme_metamimic import fakes


def test_marks_tell_age_and_origin():
  imitation = provenance.Mark(is_imitation=True, clock=lambda: 1.7e9)
  task = provenance.Mark(is_imitation=False, clock=lambda: 1.7e9 + 0.25)
  marks = np.array([imitation(), task(), task(), task()])
  metrics = provenance.metrics(marks, now=1.7e9 + 10.0)
  assert metrics['imitation_share'] == 0.25
  assert metrics['replay_age'] == pytest.approx(10.0 - 0.75 * 0.25, abs=1e-3)


@pytest.mark.parametrize('priorities', [[1.0, 4.6], [3.4e12, 1.0]])
def test_priorities_are_no_marks(priorities):
  assert provenance.metrics(np.array(priorities)) == {}


def test_items_of_both_actors_are_marked():
  config = config_lib.MetaMimicConfig(
    imitation=d4pg_config.D4PGConfig(
      replay_table_name='imitation', priority_exponent=0.6, min_replay_size=1
    ),
    task=d4pg_config.D4PGConfig(n_step=1, min_replay_size=1),
  )
  builder = builder_lib.MetaMimicBuilder(config)
  server = reverb.Server(builder.make_replay_tables(fakes.imitation_spec()))
  client = reverb.Client(f'localhost:{server.port}')
  fakes.add_episode(
    builder.imitation.make_adder(client), True, episode_length=6
  )
  fakes.add_episode(builder.task.make_adder(client), False, episode_length=12)
  table = client.server_info()['task']
  assert table.current_size == 18

  metrics = provenance.metrics(_priorities(client, 'task', 3000))
  assert metrics['imitation_share'] == pytest.approx(1 / 3, abs=0.06)
  assert 0.0 <= metrics['replay_age'] < 60.0
  # Where the priorities are needed there is no mark.
  priorities = _priorities(client, 'imitation', 100)
  np.testing.assert_allclose(priorities, np.log(101), rtol=1e-6)


def _priorities(client: reverb.Client, table: str, number: int) -> np.ndarray:
  samples = client.sample(table, number, emit_timesteps=False)
  return np.array([sample.info.priority for sample in samples])
