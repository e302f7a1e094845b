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
"""Another of Acme's learners drives the task half."""

import csv
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any

import acme
from acme.agents.tf import dmpo
import numpy as np
import pytest

import acme_metamimic
from acme_metamimic import networks
from acme_metamimic import specs as specs_lib
from experiments.examples import dmpo_task_half
from tests.acme_metamimic import fakes

_SPEC = fakes.imitation_spec()


@pytest.mark.slow
def test_dmpo_drives_the_task_half(tmp_path):
  settings: Any = {'batch_size': 4, 'min_replay_size': 20, 'num_atoms': 11}
  config = acme_metamimic.MetaMimicConfig(
    imitation=acme_metamimic.D4PGConfig(
      replay_table_name='imitation', **settings
    ),
    task=acme_metamimic.D4PGConfig(**settings),
  )
  logs: dict[str, fakes.RecordingLogger] = {}
  agent = acme_metamimic.MetaMimic(
    _SPEC,
    networks.make_imitation_networks(
      _SPEC, policy_layer_sizes=(4, 4), critic_layer_sizes=(4, 4), num_atoms=11
    ),
    dmpo_task_half.make_networks(
      specs_lib.task_spec(_SPEC), layer_sizes=(4, 4), num_atoms=11
    ),
    config,
    logger_factory=lambda name: logs.setdefault(name, fakes.RecordingLogger()),
    checkpoint_directory=str(tmp_path),
    builder=acme_metamimic.MetaMimicBuilder(
      config, task_builder=dmpo_task_half.DMPOBuilder(config.task)
    ),
  )
  assert isinstance(agent.task_learner, dmpo.DistributionalMPOLearner)
  assert isinstance(agent.imitation_learner, acme_metamimic.D4PGLearner)
  observation = fakes.FakeEnvironment(imitation=False).reset().observation
  before = agent.task_policy(observation)
  # It samples to act, and not to be evaluated.
  np.testing.assert_array_equal(agent.task_policy(observation), before)
  for half, imitation in ((agent.imitation, True), (agent.task, False)):
    environment = fakes.FakeEnvironment(imitation)
    loop = acme.EnvironmentLoop(
      acme.wrappers.CanonicalSpecWrapper(environment, clip=True)
      if not imitation
      else environment,
      half,
      logger=fakes.RecordingLogger(),
    )
    fakes.run_episodes(loop, 3)
  # From the twentieth of 30 observations on.
  assert len(logs['task_learner'].records) == 11
  assert len(logs['imitation_learner'].records) == 11
  record = logs['task_learner'].records[-1]
  assert np.isfinite(record['critic_loss'])
  assert np.isfinite(record['policy_loss'])
  assert np.any(agent.task_policy(observation) != before)
  assert agent.save()
  agent.close()


def _wait_for(path: pathlib.Path, process: subprocess.Popen) -> None:
  """Waits for a file of a run; a loaded machine takes minutes."""
  deadline = time.monotonic() + 300.0
  while not path.exists():
    assert process.poll() is None, 'It has ended.'
    assert time.monotonic() < deadline, f'No {path}.'
    time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.parametrize(
  ('arguments', 'log', 'column'),
  [
    ((), 'curves.csv', 'task_critic_loss'),
    (
      ('--lp_launch_type=local_mp',),
      'task_learner/log.csv',
      'critic_loss',
    ),
  ],
)
def test_it_runs_in_both_forms(tmp_path, arguments, log, column):
  folder = tmp_path / 'run'
  process = subprocess.Popen(
    [
      *(sys.executable, '-m', 'experiments.examples.dmpo_task_half'),
      *(f'--run_folder={folder}', '--minutes=10', *arguments),
    ],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
  )
  try:
    for _ in range(600):
      _wait_for(folder / log, process)
      with open(folder / log, newline='') as file:
        rows = list(csv.DictReader(file))
      if rows and np.isfinite(float(rows[-1][column])):
        break
      time.sleep(0.5)
    else:
      pytest.fail(f'Its task half does not learn: {rows[-1]}')
    process.send_signal(signal.SIGTERM)
    process.wait(60.0)
  finally:
    process.kill()
