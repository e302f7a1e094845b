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
"""Tests of D4PGfD's builder, and of the agent that it makes."""

import types as python_types
from typing import Any

import numpy as np
import pytest
import reverb

from acme_metamimic.d4pg import agent as d4pg_agent
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pgfd import builder as fd_builder
from acme_metamimic.d4pgfd import config as fd_config
from tests.acme_metamimic import fakes
from tests.acme_metamimic.d4pg import agents


def _demonstration(seed: int, steps: int = 6) -> Any:
  random_state = np.random.RandomState(seed)
  return python_types.SimpleNamespace(
    observations={
      'body': np.float32(random_state.randn(steps + 1, 3)),
      'blocks': np.float32(random_state.randn(steps + 1, 2)),
    },
    actions=random_state.uniform(-1, 1, (steps, 2)),
    rewards=np.arange(1.0, steps + 1),
  )


def test_d4pgfd_counts_the_bytes_of_its_demonstrations():
  config = fd_config.D4PGfDConfig(**agents.SETTINGS)

  def expected(steps: int) -> int:
    demonstrations = [_demonstration(0, steps)]
    builder = fd_builder.D4PGfDBuilder(config, demonstrations)
    return builder.expected_bytes(agents.SPEC)

  own = d4pg_builder.D4PGBuilder(config).expected_bytes(agents.SPEC)
  # Items of both returns, each of more than two kilobytes.
  assert expected(100) - own > 200 * 2000
  assert expected(300) - expected(100) > 400 * 2000


@pytest.mark.slow
def test_d4pgfd_keeps_its_demonstrations():
  demonstrations = [_demonstration(0), _demonstration(1, steps=4)]
  config = fd_config.D4PGfDConfig(**agents.SETTINGS)
  agent = d4pg_agent.D4PG(
    agents.SPEC,
    agents.make_networks(),
    logger=fakes.RecordingLogger(),
    builder=fd_builder.D4PGfDBuilder(config, demonstrations),
  )
  # Of both returns: a 1-step item each step; a 3-step item each step and two
  # shorter ones at each end.
  expected = (6 + 4) + (6 + 2 + 4 + 2)

  def sizes() -> dict[str, int]:
    info = agent.replay_client.server_info()
    return {name: table.current_size for name, table in info.items()}

  assert sizes() == {'task': 0, 'task_demonstrations': expected}
  agents.train(agent)
  writer = agent.task_learner._priority_writer
  assert writer is not None
  assert writer.flush(10.0)
  assert sizes() == {'task': 20, 'task_demonstrations': expected}
  (new,) = _priorities(agent.replay_client, 'task', 1)
  demonstrated = _priorities(agent.replay_client, 'task_demonstrations', 50)
  assert new > 0.0
  # With the bonus, and no longer what they began with.
  assert min(demonstrated) > config.demonstration_bonus
  assert any(abs(p - np.log(11) - 1.0) > 1e-3 for p in demonstrated)
  agent.close()


def _priorities(client: reverb.Client, table: str, count: int) -> list[float]:
  samples = client.sample(table, count, emit_timesteps=False)
  return [float(np.squeeze(sample.info.priority)) for sample in samples]


def test_demonstrations_are_the_transitions_of_acmes_adder():
  demonstration = _demonstration(0, steps=3)
  config = fd_config.D4PGfDConfig(**agents.SETTINGS, discount=0.5)
  builder = fd_builder.D4PGfDBuilder(config, [demonstration])
  server = reverb.Server(builder.make_replay_tables(agents.SPEC))
  client = reverb.Client(f'localhost:{server.port}')
  builder.load_demonstrations(client)
  # Twice, as after a restart of the learner.
  builder.load_demonstrations(client)
  samples = client.sample('task_demonstrations', 300, emit_timesteps=False)
  found = {
    (float(np.squeeze(s.data[3])), float(np.squeeze(s.data[4])))
    for s in samples
  }
  # Rewards 1, 2, 3: (return, discount) of one step, and of up to three.
  one_step = {(1.0, 1.0), (2.0, 1.0), (3.0, 1.0)}
  n_step = {(1.0, 1.0), (2.0, 0.5), (2.75, 0.25), (3.5, 0.5), (3.0, 1.0)}
  assert found == one_step | n_step
  server.stop()


def test_d4pgfd_without_demonstrations_is_refused():
  with pytest.raises(ValueError, match=r'are empty.*D4PGBuilder'):
    fd_builder.D4PGfDBuilder(fd_config.D4PGfDConfig(), [])
