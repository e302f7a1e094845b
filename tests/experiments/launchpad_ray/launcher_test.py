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
import signal

import psutil
import pytest

from tests.experiments.launching import running

pytestmark = pytest.mark.slow

_STOP_SECONDS = 15.0 + 15.0


def test_killed_worker_is_started_again(tmp_path):
  with running.started('ray', tmp_path) as run:
    run.wait_until_running()
    old = run.pids()['worker_0']
    os.kill(old, signal.SIGKILL)
    run.wait_until(lambda: run.pids()['worker_0'] != old, 'started again')
    count = run.count(0)
    run.wait_until(lambda: run.count(0) > count, 'at work again')
    assert 'worker/0 was ended by SIGKILL; starting it again' in run.said()
    pids = run.pids()
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.end(_STOP_SECONDS) == 0
    assert run.has_saved()
    assert running.left_over(pids, 1.0) == []


def _wait_for_another(run, old):
  run.wait_until(lambda: run.pids()['worker_0'] != old, 'started again')


def test_node_whose_keeper_is_lost_again_and_again_is_not_given_up(tmp_path):
  with running.started('ray', tmp_path) as run:
    run.wait_until_running()
    for _ in range(6):
      old = run.pids()['worker_0']
      parent = psutil.Process(old).parent()
      assert parent is not None
      parent.kill()
      _wait_for_another(run, old)
    count = run.count(0)
    run.wait_until(lambda: run.count(0) > count, 'at work again')
    # Not each of six times within a minute.
    assert run.said().count('worker/0 was lost with its host or keeper') == 1
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.end(_STOP_SECONDS) == 0


def test_killed_server_ends_the_program_and_is_named(tmp_path):
  with running.started('ray', tmp_path) as run:
    run.wait_until_running()
    pids = run.pids()
    os.kill(pids['server_0'], signal.SIGKILL)
    assert run.end(_STOP_SECONDS) == 1
    assert 'Ended: server/0 was ended by SIGKILL' in run.said()
    assert running.left_over(pids, 1.0) == []


def test_killed_launcher_leaves_no_orphans(tmp_path):
  with running.started('ray', tmp_path) as run:
    run.wait_until_running()
    pids = run.pids()
    run.process.kill()
    assert running.left_over(pids, 40.0) == []


def test_node_may_end_the_program(tmp_path):
  with running.started('ray', tmp_path, 'stop') as run:
    assert run.end(running.START_SECONDS) == 0
    assert 'worker/0 has asked for the end' in run.said()
    assert run.has_saved()
