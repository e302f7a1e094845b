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

import os
import subprocess
import sys

import psutil

from experiments.operations import fault_trials


def test_group_has_logged_when_its_last_node_has(tmp_path):
  run = fault_trials.Run.__new__(fault_trials.Run)  # Starts no program.
  run._folder = str(tmp_path)
  assert run.logged('cacher') == 0.0
  for seconds, node in ((10.0, 'imitation_cacher'), (20.0, 'task_cacher')):
    path = tmp_path / node / '0' / 'log.csv'
    path.parent.mkdir(parents=True)
    path.touch()
    os.utime(path, (seconds, seconds))
  assert run.logged('cacher') == 10.0
  assert run.logged('task_cacher') == 20.0


def test_checkpoint_that_is_being_written_may_vanish(tmp_path, monkeypatch):
  run = fault_trials.Run.__new__(fault_trials.Run)  # Starts no program.
  run._folder = str(tmp_path)
  assert run.checkpoints() == {}
  counter = tmp_path / 'checkpoints' / 'counter'
  counter.mkdir(parents=True)
  for seconds, name in ((10.0, 'ckpt-1'), (20.0, 'ckpt-2'), (30.0, 'tmp')):
    (counter / name).touch()
    os.utime(counter / name, (seconds, seconds))
  modified = os.path.getmtime

  def vanishing(path):
    if path.endswith('tmp'):
      raise FileNotFoundError(path)
    return modified(path)

  monkeypatch.setattr(os.path, 'getmtime', vanishing)
  assert run.checkpoints() == {'counter': 20.0}


def test_processes_that_do_not_end_are_left_over(monkeypatch):
  monkeypatch.setattr(fault_trials, '_ORPHAN_SECONDS', -7.0)
  script = 'import time; print(flush=True); time.sleep(60)'
  children = [
    subprocess.Popen([sys.executable, '-c', script], stdout=subprocess.PIPE)
    for _ in range(2)
  ]
  for child in children:
    assert child.stdout is not None
    child.stdout.readline()
  family = [psutil.Process(child.pid) for child in children]
  children[0].kill()  # Nobody waits for it.
  assert fault_trials._wait_for_orphans(family) == [children[1].pid]
  children[1].kill()
  assert fault_trials._wait_for_orphans(family) == []
  for child in children:
    child.communicate()
