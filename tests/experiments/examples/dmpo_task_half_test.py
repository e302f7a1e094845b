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
from typing import Any, Mapping

import acme
from acme.agents.tf import dmpo
import numpy as np
import pytest

import acme_metamimic
from acme_metamimic import networks
from acme_metamimic import specs as specs_lib
from experiments import one_process
from experiments import overrides
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
      networks.make_task_networks(
        specs_lib.task_spec(_SPEC), critic_layer_sizes=(4, 4), num_atoms=11
      ),
      _SPEC.actions,
      layer_sizes=(4, 4),
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


def _last_row(path: pathlib.Path) -> Mapping[str, str]:
  """Returns the last row of a file of a run; empty if there is none yet."""
  if not path.exists():
    return {}
  with open(path, newline='') as file:
    return ([{}] + list(csv.DictReader(file)))[-1]


@pytest.mark.slow
def test_it_runs_in_one_process(tmp_path):
  experiment = overrides.apply(
    dmpo_task_half.make_experiment('light', 1.0),
    [
      *('budget.minutes=none', 'budget.task_updates=1'),
      'evaluation.episodes=1',
      *(
        f'{half}.{field}'
        for half in ('imitation', 'task')
        for field in ('batch_size=4', 'min_replay_size=50')
      ),
    ],
  )
  one_process.run(experiment, str(tmp_path / 'run'))
  row = _last_row(tmp_path / 'run' / 'curves.csv')
  assert np.isfinite(float(row['task_critic_loss']))


@pytest.mark.slow
def test_it_runs_in_processes(tmp_path):
  log = tmp_path / 'run' / 'task_learner' / 'log.csv'
  process = subprocess.Popen(
    [
      *(sys.executable, '-m', 'experiments.examples.dmpo_task_half'),
      *(f'--run_folder={tmp_path / "run"}', '--minutes=10'),
      '--lp_launch_type=local_mp',
    ],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
  )
  # A loaded machine takes minutes.
  deadline = time.monotonic() + 600.0
  try:
    while not np.isfinite(float(_last_row(log).get('critic_loss', 'nan'))):
      assert process.poll() is None, 'It has ended.'
      assert time.monotonic() < deadline, 'Its task half does not learn.'
      time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    process.wait(60.0)
  finally:
    process.kill()
