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

"""Tests of how agents end: when told to, and when something was raised."""

import contextlib
import inspect
import subprocess
import sys
import textwrap
import threading
from typing import Any

import acme
from acme import specs
import dm_env
import numpy as np
import portpicker
import pytest
import reverb

import acme_metamimic
from acme_metamimic import agent as agent_lib
from acme_metamimic.d4pg import config as d4pg_config
from tests.acme_metamimic import fakes

pytestmark = pytest.mark.slow

_SETTINGS: Any = {
  'batch_size': 4,
  'min_replay_size': 10,
  'num_atoms': 11,
  'updates_per_step': 1,
}
_SIZES: Any = {
  'policy_layer_sizes': (4, 4),
  'critic_layer_sizes': (4, 4),
  'num_atoms': 11,
}

# The loops are held by what was raised, until the interpreter has ended.
_SCRIPT = """
import acme
from tests.acme_metamimic import agent_exit_test, fakes

def fail(*unused):
  raise KeyError('a mistake of the user')

raised = []
for name, learner in (('MetaMimic', 'imitation_learner'), ('D4PG', 'task_learner')):
  agent, half, is_imitation = agent_exit_test.make(name)
  environment = fakes.FakeEnvironment(is_imitation)
  loop = acme.EnvironmentLoop(environment, half, logger=fakes.RecordingLogger())
  fakes.run_episodes(loop, 3)
  getattr(agent, learner).step = fail
  try:
    fakes.run_episodes(loop, 1)
  except KeyError as error:
    raised.append(error)
raise raised[-1]
"""


def _config() -> acme_metamimic.MetaMimicConfig:
  return acme_metamimic.MetaMimicConfig(
    imitation=d4pg_config.D4PGConfig(
      replay_table_name='imitation', **_SETTINGS
    ),
    task=d4pg_config.D4PGConfig(**_SETTINGS),
  )


def make(name: str) -> tuple[Any, Any, bool]:
  """Returns an agent, the half of it that acts, and whether it imitates."""
  if name == 'D4PG':
    networks = acme_metamimic.make_task_networks(fakes.task_spec(), **_SIZES)
    agent = acme_metamimic.D4PG(fakes.task_spec(), networks, _config().task)
    return agent, agent.task, False
  metamimic = _make_metamimic(fakes.imitation_spec())
  return metamimic, metamimic.imitation, True


def _make_metamimic(spec: specs.EnvironmentSpec) -> acme_metamimic.MetaMimic:
  return acme_metamimic.MetaMimic(
    spec,
    acme_metamimic.make_imitation_networks(spec, **_SIZES),
    acme_metamimic.make_task_networks(spec, **_SIZES),
    _config(),
  )


def test_what_was_raised_is_the_last_word():
  """Of either agent; both are still open as the interpreter ends."""
  done = subprocess.run(
    [sys.executable, '-W', 'ignore', '-c', _SCRIPT],
    capture_output=True,
    text=True,
    timeout=240.0,
  )
  assert done.returncode == 1, done.stderr
  assert 'Exception ignored' not in done.stderr
  said = [
    line for line in done.stderr.splitlines() if not line.startswith('[reverb')
  ]
  assert said[-1] == "KeyError: 'a mistake of the user'"


@pytest.mark.parametrize('name', ['MetaMimic', 'D4PG'])
def test_a_closed_agent_needs_no_module_of_the_interpreters(name, monkeypatch):
  agent, *_ = make(name)
  agent.close()
  monkeypatch.setattr(portpicker, 'return_port', None)  # As at its exit.
  agent._server.__del__()


@pytest.mark.parametrize('name', ['MetaMimic', 'D4PG'])
def test_agents_close_at_the_end_of_a_with_statement(name):
  agent, *_ = make(name)
  with contextlib.suppress(KeyError), agent as entered:
    assert entered is agent
    client = agent.replay_client
    client.server_info(timeout=5)
    raise KeyError('mine')
  with pytest.raises((RuntimeError, reverb.errors.ReverbError)):
    client.server_info(timeout=1)
  agent.close()


class _CountingEnvironment(fakes.FakeEnvironment):
  """Counts its episodes."""

  def __init__(self, imitation: bool):
    super().__init__(imitation)
    self.episodes = 0

  def step(self, action: np.ndarray) -> dm_env.TimeStep:
    timestep = super().step(action)
    self.episodes += timestep.last()
    return timestep


def test_halves_act_in_threads_as_the_agents_docs_say():
  lines = inspect.cleandoc(agent_lib.MetaMimic.__doc__ or '').splitlines()
  code = '\n'.join(line for line in lines if not line or line[0] == ' ')
  assert 'threading.Thread' in code
  imitation, task = _CountingEnvironment(True), _CountingEnvironment(False)
  exec(
    textwrap.dedent(code),
    {
      'MetaMimic': _make_metamimic,
      'acme': acme,
      'imitation_environment': imitation,
      'num_episodes': 3,
      'task_environment': task,
      'threading': threading,
    },
  )
  assert imitation.episodes == task.episodes == 3
