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
"""Tests of D4PG alone, and of D4PGfD."""

import dataclasses
import socket
import types as python_types
from typing import Any

import acme
import numpy as np
import pytest
import reverb
import tensorflow as tf

from acme_metamimic import networks
from acme_metamimic import waiting
from acme_metamimic.d4pg import agent as d4pg_agent
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.d4pg import from_demonstrations
from acme_metamimic.replay import answers
from tests.acme_metamimic import fakes

_SPEC = fakes.task_spec()
_SETTINGS: Any = {
  'batch_size': 8,
  'min_replay_size': 10,
  'max_replay_size': 20,
  'num_atoms': 11,
  'n_step': 3,
  'num_parallel_samplers': 1,
  'prefetch_size': 1,
}


def _networks() -> Any:
  return networks.make_task_networks(
    _SPEC, policy_layer_sizes=(4, 4), critic_layer_sizes=(4, 4), num_atoms=11
  )


def test_a_server_that_cannot_be_reached_is_named(monkeypatch):
  monkeypatch.setattr(answers, 'START_SECONDS', 1)
  client = reverb.Client
  with socket.create_server(('localhost', 0)) as silent:
    address = f'localhost:{silent.getsockname()[1]}'
    monkeypatch.setattr(reverb, 'Client', lambda unused: client(address))
    config = d4pg_config.D4PGConfig(**_SETTINGS)
    with pytest.raises(waiting.NoAnswerError, match=rf'{address} has not'):
      d4pg_agent.D4PG(_SPEC, _networks(), config)


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


def _train(agent: d4pg_agent.D4PG, episodes: int = 4) -> None:
  loop = acme.EnvironmentLoop(
    fakes.FakeEnvironment(imitation=False),
    agent.task,
    logger=fakes.RecordingLogger(),
  )
  fakes.run_episodes(loop, episodes)


@pytest.mark.slow
def test_d4pg_alone_learns_and_resumes(tmp_path):
  def make() -> d4pg_agent.D4PG:
    return d4pg_agent.D4PG(
      _SPEC,
      _networks(),
      d4pg_config.D4PGConfig(**_SETTINGS),
      logger=fakes.RecordingLogger(),
      checkpoint_directory=str(tmp_path),
    )

  agent = make()
  assert list(agent.replay_client.server_info()) == ['task']
  _train(agent)
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
  builder = d4pg_builder.D4PGBuilder(d4pg_config.D4PGConfig(**_SETTINGS))
  with pytest.raises(ValueError, match='not that of the builder'):
    d4pg_agent.D4PG(_SPEC, config=d4pg_config.D4PGConfig(), builder=builder)


def test_an_equal_config_of_the_builder_is_taken():
  config = d4pg_config.D4PGConfig(**_SETTINGS)
  d4pg_agent.D4PG(
    _SPEC,
    config=dataclasses.replace(config),
    logger=fakes.RecordingLogger(),
    builder=d4pg_builder.D4PGBuilder(config),
  ).close()


def test_limiter_in_one_process_is_refused():
  config = d4pg_config.D4PGConfig(**_SETTINGS, samples_per_insert=2.0)
  with pytest.raises(ValueError, match='leave it at None'):
    d4pg_agent.D4PG(_SPEC, _networks(), config)


@pytest.mark.parametrize(
  'setting', [{'regression_weight': 5.0}, {'teacher': 'features_still'}]
)
def test_d4pgfd_refuses_what_it_would_leave_out(setting):
  (name,) = setting
  with pytest.raises(ValueError, match=f'{name}=.*D4PGfD has neither'):
    from_demonstrations.D4PGfDConfig(**_SETTINGS, **setting)


def test_d4pgfd_counts_the_bytes_of_its_demonstrations():
  config = from_demonstrations.D4PGfDConfig(**_SETTINGS)

  def expected(steps: int) -> int:
    demonstrations = [_demonstration(0, steps)]
    builder = from_demonstrations.D4PGfDBuilder(config, demonstrations)
    return builder.expected_bytes(_SPEC)

  own = d4pg_builder.D4PGBuilder(config).expected_bytes(_SPEC)
  # Items of both returns, each of more than two kilobytes.
  assert expected(100) - own > 200 * 2000
  assert expected(300) - expected(100) > 400 * 2000


@pytest.mark.slow
def test_d4pgfd_keeps_its_demonstrations():
  demonstrations = [_demonstration(0), _demonstration(1, steps=4)]
  config = from_demonstrations.D4PGfDConfig(**_SETTINGS)
  agent = d4pg_agent.D4PG(
    _SPEC,
    _networks(),
    logger=fakes.RecordingLogger(),
    builder=from_demonstrations.D4PGfDBuilder(config, demonstrations),
  )
  # Of both returns: a 1-step item each step; a 3-step item each step and two
  # shorter ones at each end.
  expected = (6 + 4) + (6 + 2 + 4 + 2)

  def sizes() -> dict[str, int]:
    info = agent.replay_client.server_info()
    return {name: table.current_size for name, table in info.items()}

  assert sizes() == {'task': 0, 'task_demonstrations': expected}
  _train(agent)
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
  config = from_demonstrations.D4PGfDConfig(**_SETTINGS, discount=0.5)
  builder = from_demonstrations.D4PGfDBuilder(config, [demonstration])
  server = reverb.Server(builder.make_replay_tables(_SPEC))
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


def _sample(key: int, priority: float, probability: float, size: int) -> Any:
  info = reverb.SampleInfo(
    key=tf.constant(key, tf.uint64),
    probability=tf.constant(probability, tf.float64),
    table_size=tf.constant(size, tf.int64),
    priority=tf.constant(priority, tf.float64),
  )
  return reverb.ReplaySample(info=info, data=tf.constant(key))


def test_two_tables_are_sampled_as_one():
  exponent = 0.5
  tables = [np.array([1.0, 4.0]), np.array([9.0, 16.0, 25.0])]
  union = np.concatenate(tables) ** exponent
  random_state = np.random.RandomState(0)
  tf.random.set_seed(0)
  choose = tf.function(from_demonstrations.choose)
  counts = np.zeros(5)
  for _ in range(3000):
    drawn = []
    for first_key, priorities in zip((0, 2), tables, strict=True):
      p = priorities**exponent / np.sum(priorities**exponent)
      i = random_state.choice(len(p), p=p)
      drawn.append(_sample(first_key + i, priorities[i], p[i], len(p)))
    sample = choose(*drawn, tf.constant(exponent, tf.float64))
    key = int(sample.data)
    counts[key] += 1
    assert int(sample.info.table_size) == 5
    assert float(sample.info.probability) == pytest.approx(
      union[key] / union.sum()
    )
  expected = 3000 * union / union.sum()
  # Four degrees of freedom: exceeded by chance once in a million runs.
  assert np.sum((counts - expected) ** 2 / expected) < 33.0


@pytest.mark.parametrize(
  ('field', 'value'),
  [
    ('demonstration_bonus', -1.0),
    ('weight_decay', -1e-3),
    ('priority_exponent', 0.0),
    ('remover', 'proportional'),
  ],
)
def test_bad_d4pgfd_config_is_refused(field, value):
  with pytest.raises(ValueError, match=f'{field}={value!r}.*use'):
    from_demonstrations.D4PGfDConfig(**{field: value})


def test_d4pgfd_without_demonstrations_is_refused():
  with pytest.raises(ValueError, match=r'are empty.*D4PGBuilder'):
    from_demonstrations.D4PGfDBuilder(from_demonstrations.D4PGfDConfig(), [])
