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
"""Tests of D4PG alone."""

import dataclasses
import socket

import numpy as np
import pytest
import reverb

from acme_metamimic import waiting
from acme_metamimic.d4pg import agent as d4pg_agent
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.replay import answers
from tests.acme_metamimic import fakes
from tests.acme_metamimic.d4pg import agents


def test_a_server_that_cannot_be_reached_is_named(monkeypatch):
  monkeypatch.setattr(answers, 'START_SECONDS', 1)
  client = reverb.Client
  with socket.create_server(('localhost', 0)) as silent:
    address = f'localhost:{silent.getsockname()[1]}'
    monkeypatch.setattr(reverb, 'Client', lambda unused: client(address))
    config = d4pg_config.D4PGConfig(**agents.SETTINGS)
    with pytest.raises(waiting.NoAnswerError, match=rf'{address} has not'):
      d4pg_agent.D4PG(agents.SPEC, agents.make_networks(), config)


@pytest.mark.slow
def test_d4pg_alone_learns_and_resumes(tmp_path):
  def make() -> d4pg_agent.D4PG:
    return d4pg_agent.D4PG(
      agents.SPEC,
      agents.make_networks(),
      d4pg_config.D4PGConfig(**agents.SETTINGS),
      logger=fakes.RecordingLogger(),
      checkpoint_directory=str(tmp_path),
    )

  agent = make()
  assert list(agent.replay_client.server_info()) == ['task']
  agents.train(agent)
  # From the tenth of 40 observations on, an update each.
  assert agent.task_learner._num_steps.numpy() == 31
  assert agent.save()
  observation = fakes.FakeEnvironment(imitation=False).reset().observation
  action = agent.task_evaluator.select_action(observation)
  agent.close()
  again = make()
  np.testing.assert_array_equal(
    again.task_evaluator.select_action(observation), action
  )
  again.close()


def test_config_of_another_builder_is_refused():
  builder = d4pg_builder.D4PGBuilder(d4pg_config.D4PGConfig(**agents.SETTINGS))
  with pytest.raises(ValueError, match='not that of the builder'):
    d4pg_agent.D4PG(
      agents.SPEC, config=d4pg_config.D4PGConfig(), builder=builder
    )


def test_an_equal_config_of_the_builder_is_taken():
  config = d4pg_config.D4PGConfig(**agents.SETTINGS)
  d4pg_agent.D4PG(
    agents.SPEC,
    config=dataclasses.replace(config),
    logger=fakes.RecordingLogger(),
    builder=d4pg_builder.D4PGBuilder(config),
  ).close()


def test_limiter_in_one_process_is_refused():
  config = d4pg_config.D4PGConfig(**agents.SETTINGS, samples_per_insert=2.0)
  with pytest.raises(ValueError, match='leave it at None'):
    d4pg_agent.D4PG(agents.SPEC, agents.make_networks(), config)
