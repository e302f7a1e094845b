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

"""Tests of which host is cut off, and of bad input."""

import os
import re
import subprocess
import sys

import pytest

from experiments.operations import fault_trials
from experiments.operations import ray_hosts


def test_host_of_actors_can_be_cut():
  placed = {
    0: ['replay/0', 'imitation_actor/0'],
    1: ['counter/0', 'imitation_actor/1'],
    2: ['imitation_actor/2', 'task_evaluator/0'],
  }
  assert ray_hosts.can_be_cut(placed) == 2


def test_host_of_a_cache_is_cut_before_others():
  placed = {
    0: ['replay/0'],
    1: ['imitation_actor/1'],
    2: ['imitation_actor/2', 'cacher/0'],
    3: ['task_evaluator/0'],
  }
  assert ray_hosts.can_be_cut(placed) == 2


@pytest.mark.parametrize('names', [['imitation_learner/0'], []])
def test_host_of_a_learner_or_of_nothing_cannot_be_cut(names):
  with pytest.raises(fault_trials.TrialError, match='No host can be cut off'):
    ray_hosts.can_be_cut({0: ['imitation_actor/0'], 1: names})


def test_process_is_found_on_the_host_whose_raylet_started_it():
  here = ray_hosts.Loopback()
  here._raylets = {0: os.getpid(), 1: 1}
  child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=-1)
  try:
    assert here.host_of(child.pid) == 0
    here._raylets = {0: child.pid}
    with pytest.raises(LookupError, match=f'Process {child.pid} runs on none'):
      here.host_of(child.pid)
  finally:
    child.communicate(b'\n')


@pytest.mark.parametrize(
  'flags, message',
  [
    (['--hosts=cloud'], 'cloud'),
    (['extra'], "Unknown arguments: \\['extra'\\]"),
  ],
)
def test_bad_input(flags, message):
  said = subprocess.run(
    [sys.executable, '-m', 'experiments.operations.hosts', *flags],
    capture_output=True,
    text=True,
    check=False,
  )
  assert said.returncode != 0
  assert re.search(message, said.stderr + said.stdout)


def test_folder_that_exists(tmp_path):
  (tmp_path / 'loopback').mkdir()
  said = subprocess.run(
    [
      sys.executable,
      '-m',
      'experiments.operations.hosts',
      f'--folder={tmp_path}',
    ],
    capture_output=True,
    text=True,
    check=False,
  )
  assert said.returncode == 1
  assert 'exists; give another --folder' in said.stderr
