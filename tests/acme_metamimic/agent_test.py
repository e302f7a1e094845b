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

"""Tests of the agent, end to end."""

import socket
import threading
import time
from typing import Any

import acme
from acme.utils import counting
import numpy as np
import pytest
import reverb
import tensorflow as tf
import tree

from acme_metamimic import agent as agent_lib
from acme_metamimic import config as config_lib
from acme_metamimic import networks
from acme_metamimic import specs as specs_lib
from acme_metamimic import waiting
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.replay import answers
from acme_metamimic.replay import saving
from tests.acme_metamimic import fakes

# A server of Reverb waits five seconds for streams that are open as it stops.
pytestmark = pytest.mark.slow

_SPEC = fakes.imitation_spec()
_EPISODE_LENGTH = 10


def _make_config(**kwargs: Any) -> config_lib.MetaMimicConfig:
  common: Any = {
    'batch_size': 4,
    'min_replay_size': 20,
    'num_atoms': 11,
    'updates_per_step': 5,
    **kwargs,
  }
  return config_lib.MetaMimicConfig(
    imitation=d4pg_config.D4PGConfig(
      replay_table_name='imitation',
      priority_exponent=0.6,
      importance_sampling_exponent=0.4,
      **common,
    ),
    task=d4pg_config.D4PGConfig(**common),
  )


def _make_agent(**kwargs: Any) -> agent_lib.MetaMimic:
  sizes: Any = {
    'policy_layer_sizes': (4, 4),
    'critic_layer_sizes': (4, 4),
    'num_atoms': 11,
  }
  arguments: Any = {
    'config': _make_config(),
    'imitation_networks': networks.make_imitation_networks(_SPEC, **sizes),
    'task_networks': networks.make_task_networks(_SPEC, **sizes),
    'logger_factory': lambda _: fakes.RecordingLogger(),
    **kwargs,
  }
  return agent_lib.MetaMimic(_SPEC, **arguments)


def test_a_server_that_cannot_be_reached_is_named(monkeypatch):
  monkeypatch.setattr(answers, 'START_SECONDS', 1)
  client = reverb.Client
  with socket.create_server(('localhost', 0)) as silent:
    address = f'localhost:{silent.getsockname()[1]}'
    monkeypatch.setattr(reverb, 'Client', lambda unused: client(address))
    with pytest.raises(waiting.NoAnswerError, match=rf'{address} has not'):
      _make_agent()


def _make_loop(agent: Any, imitation: bool) -> acme.EnvironmentLoop:
  environment = fakes.FakeEnvironment(imitation, _EPISODE_LENGTH)
  return acme.EnvironmentLoop(
    environment, agent, logger=fakes.RecordingLogger()
  )


@pytest.fixture
def agent():
  agent = _make_agent()
  yield agent
  agent.close()


def _num_updates(learner: Any) -> int:
  return learner._num_steps.numpy()


def test_learners_keep_the_ratio_and_wait_for_data(agent):
  imitation_loop = _make_loop(agent.imitation, imitation=True)
  fakes.run_episodes(imitation_loop, 1)
  # 10 of the 20 observations that have to come first.
  assert _num_updates(agent.imitation_learner) == 0
  fakes.run_episodes(imitation_loop, 5)
  # 5 updates at observation 20 and every 5 from then on, up to 60.
  assert _num_updates(agent.imitation_learner) == 45
  assert _num_updates(agent.task_learner) == 0


def test_imitation_experience_feeds_both_tables(agent):
  fakes.run_episodes(_make_loop(agent.imitation, imitation=True), 1)
  sizes = {
    name: info.current_size
    for name, info in agent.replay_client.server_info().items()
  }
  # One item a step, and n - 1 = 4 shorter ones at the end.
  assert sizes == {'imitation': 14, 'task': 14}
  fakes.run_episodes(_make_loop(agent.task, imitation=False), 1)
  sizes = {
    name: info.current_size
    for name, info in agent.replay_client.server_info().items()
  }
  assert sizes == {'imitation': 14, 'task': 28}


@pytest.mark.slow
def test_halves_run_in_threads_of_their_own():
  counter = counting.Counter(time_delta=0.0)
  agent = _make_agent(counter=counter)
  errors: list = []
  threads = [
    threading.Thread(
      target=fakes.run_episodes, args=(_make_loop(half, imitation), 10, errors)
    )
    for half, imitation in ((agent.imitation, True), (agent.task, False))
  ]
  for thread in threads:
    thread.start()
  for thread in threads:
    thread.join(timeout=120.0)
    assert not thread.is_alive()
  assert not errors
  # 5 updates every 5 observations from the 20th to the 100th.
  for learner in (agent.imitation_learner, agent.task_learner):
    assert _num_updates(learner) == 85
    assert learner._logger.records[-1]['critic_loss'] > 0.0
  records = agent.imitation_learner._logger.records
  assert records[-1]['imitation_learner_steps'] == 85
  assert agent.task_learner._logger.records[-1]['task_learner_steps'] == 85
  agent.close()


def test_priorities_are_written(agent):
  fakes.run_episodes(_make_loop(agent.imitation, imitation=True), 6)
  assert agent.imitation_learner._priority_writer.flush(timeout=10.0)
  priorities = {
    sample.info.priority
    for sample in agent.replay_client.sample(
      'imitation', 200, emit_timesteps=False
    )
  }
  assert len(priorities) > 5


@pytest.mark.parametrize('half', ['imitation', 'task'])
def test_policies_are_greedy_and_learn(agent, half):
  imitation = half == 'imitation'
  policy = getattr(agent, f'{half}_policy')
  actor = getattr(agent, half)
  observation = fakes.FakeEnvironment(imitation).reset().observation
  before = policy(observation)
  assert before.shape == (2,)
  np.testing.assert_array_equal(policy(observation), before)
  # The actor adds noise.
  assert np.any(
    actor.select_action(observation) != actor.select_action(observation)
  )
  fakes.run_episodes(_make_loop(actor, imitation), 3)
  assert np.any(policy(observation) != before)


@pytest.mark.slow
def test_evaluators_do_not_record(agent):
  fakes.run_episodes(_make_loop(agent.imitation_evaluator, imitation=True), 1)
  fakes.run_episodes(_make_loop(agent.task_evaluator, imitation=False), 1)
  for info in agent.replay_client.server_info().values():
    assert info.current_size == 0


@pytest.mark.slow
def test_run_resumes_from_its_folder(tmp_path):
  observations = {
    half: fakes.FakeEnvironment(half == 'imitation').reset().observation
    for half in ('imitation', 'task')
  }
  agent = _make_agent(checkpoint_directory=str(tmp_path))
  fakes.run_episodes(_make_loop(agent.imitation, imitation=True), 3)
  fakes.run_episodes(_make_loop(agent.task, imitation=False), 3)
  actions = _act(agent, observations)
  assert agent.save()
  agent.close()
  assert {p.name for p in (tmp_path / 'checkpoints').iterdir()} == {
    'imitation_learner',
    'task_learner',
  }

  resumed = _make_agent(checkpoint_directory=str(tmp_path))
  tree.map_structure(
    np.testing.assert_array_equal, _act(resumed, observations), actions
  )
  for half in ('imitation', 'task'):
    learner = getattr(resumed, f'{half}_learner')
    assert _num_updates(learner) == 15
    assert learner._counter.get_counts()[f'{half}_learner_steps'] == 15
  # The replay is kept where it is asked for alone.
  assert _sizes(resumed) == {'imitation': 0, 'task': 0}
  resumed.close()


def _sizes(agent: agent_lib.MetaMimic) -> dict[str, int]:
  info = agent.replay_client.server_info()
  return {name: table.current_size for name, table in info.items()}


@pytest.mark.slow
def test_replay_is_kept_where_it_is_asked_for(tmp_path):
  arguments: Any = {
    'checkpoint_directory': str(tmp_path),
    'keeps_replay': True,
  }
  agent = _make_agent(**arguments)
  fakes.run_episodes(_make_loop(agent.imitation, imitation=True), 2)
  fakes.run_episodes(_make_loop(agent.task, imitation=False), 1)
  assert _sizes(agent) == {'imitation': 28, 'task': 42}
  assert agent.save()
  agent.close()
  assert (tmp_path / 'checkpoints' / 'replay_0').is_dir()
  resumed = _make_agent(**arguments)
  assert _sizes(resumed) == {'imitation': 28, 'task': 42}
  resumed.close()


@pytest.mark.slow
def test_replay_that_is_not_saved_is_told(tmp_path, monkeypatch):
  agent = _make_agent(checkpoint_directory=str(tmp_path), keeps_replay=True)
  monkeypatch.setattr(saving, 'save', lambda *_: False)
  assert not agent.save()
  agent.close()


def test_replay_cannot_be_kept_without_a_folder():
  with pytest.raises(ValueError, match=r'keeps_replay.*checkpoint_directory'):
    _make_agent(keeps_replay=True)


def _act(agent: agent_lib.MetaMimic, observations: Any) -> Any:
  return {
    'imitation': agent.imitation_policy(observations['imitation']),
    'task': agent.task_policy(observations['task']),
  }


@pytest.mark.slow
def test_close_is_quick_and_may_be_repeated(agent):
  fakes.run_episodes(_make_loop(agent.imitation, imitation=True), 1)
  start = time.monotonic()
  agent.close()
  # The server gives open writers five seconds.
  assert time.monotonic() - start < 4.0
  agent.close()


@pytest.mark.slow
def test_nothing_is_saved_without_a_folder(agent):
  assert not agent.save()


@pytest.mark.slow
def test_default_networks_have_the_configs_support():
  config = _make_config(vmin=-2.0, vmax=3.0)
  agent = agent_lib.MetaMimic(_SPEC, config=config)
  for learner in (agent.imitation_learner, agent.task_learner):
    size = 10 if learner is agent.imitation_learner else 5
    critic = learner._critic_network
    values = critic(tf.zeros([1, size]), tf.zeros([1, 2])).values
    np.testing.assert_allclose(values, np.linspace(-2.0, 3.0, 11))
  agent.close()


def test_spec_that_does_not_fit_is_refused():
  with pytest.raises(ValueError, match="without the key 'goal'"):
    agent_lib.MetaMimic(specs_lib.task_spec(_SPEC))


def test_actors_have_the_noise_of_the_config():
  agent = _make_agent(config=_make_config(sigmas=(0.0, 0.5)))
  for half in ('imitation', 'task'):
    observation = fakes.FakeEnvironment(half == 'imitation').reset().observation
    action = getattr(agent, half).select_action(observation)
    mean = getattr(agent, f'{half}_policy')(observation)
    assert action[0] == mean[0]
    assert action[1] != mean[1]
  agent.close()


def test_rate_limiter_is_refused():
  with pytest.raises(ValueError, match=r'samples_per_insert=8\.0.*blocks'):
    _make_agent(config=_make_config(samples_per_insert=8.0))


def test_a_source_acts_as_the_evaluator_and_feeds_both_tables(agent):
  environment = fakes.FakeEnvironment(True, _EPISODE_LENGTH)
  exact, noisy = (agent.make_imitation_source(s) for s in (0.0, 0.3))
  observation = environment.reset().observation
  np.testing.assert_array_equal(
    exact.select_action(observation), agent.imitation_policy(observation)
  )
  assert not np.array_equal(
    noisy.select_action(observation), noisy.select_action(observation)
  )
  fakes.run_episodes(_make_loop(noisy, imitation=True), 3)
  info = agent.replay_client.server_info()
  for half in ('imitation', 'task'):
    assert info[half].current_size == 3 * (_EPISODE_LENGTH + 4)
  # No learner has been updated.
  assert not agent.imitation_learner._num_steps.numpy()
  agent.drop_task_items()
  info = agent.replay_client.server_info()
  assert info['task'].current_size == 0
  assert info['imitation'].current_size > 0


def test_learning_beside_acting_keeps_the_ratio():
  agent = _make_agent(learns_beside_acting=True)
  fakes.run_episodes(_make_loop(agent.imitation, imitation=True), 6)
  agent.imitation.wait()
  # As many as in one thread.
  assert _num_updates(agent.imitation_learner) == 45
  agent.close()
