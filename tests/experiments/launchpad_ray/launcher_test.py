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
import subprocess
import sys

import psutil
import pytest

from experiments.operations import ray_hosts
from tests.experiments.distributed import running

pytestmark = pytest.mark.slow

_STOP_SECONDS = 15.0 + 15.0


def _wait_for_another(run, old):
  run.wait_until(lambda: run.pids()['worker_0'] != old, 'started again')


def _wait_for_work(run):
  count = run.count(0)
  run.wait_until(lambda: run.count(0) > count, 'at work again')


def test_killed_worker_is_started_again_and_also_with_its_keeper(tmp_path):
  with running.started('ray', tmp_path) as run:
    run.wait_until_running()
    old = run.pids()['worker_0']
    os.kill(old, signal.SIGKILL)
    _wait_for_another(run, old)
    _wait_for_work(run)
    assert 'worker/0 was ended by SIGKILL; starting it again' in run.said()
    # A node whose keeper is lost again and again is not given up.
    for _ in range(6):
      # It may be one that has just ended with the keeper before.
      run.wait_until(lambda: psutil.pid_exists(run.pids()['worker_0']), 'there')
      old = run.pids()['worker_0']
      parent = psutil.Process(old).parent()
      assert parent is not None
      parent.kill()
      _wait_for_another(run, old)
    _wait_for_work(run)
    # Not each of six times within a minute.
    assert run.said().count('worker/0 was lost with its host or keeper') == 1
    pids = run.pids()
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.end(_STOP_SECONDS) == 0
    assert run.has_saved()
    assert running.left_over(pids, 1.0) == []


@pytest.fixture
def hosts(monkeypatch):
  with ray_hosts.Loopback() as hosts:
    monkeypatch.setenv('RAY_ADDRESS', hosts.address)
    yield hosts


def test_server_whose_host_is_lost_serves_from_another(tmp_path, hosts):
  with running.started('ray', tmp_path, 'lost') as run:
    run.wait_until_running()
    old = run.pids()
    host = hosts.host_of(old['server_0'])
    assert {hosts.host_of(old[f'worker_{i}']) for i in range(2)} == {0}
    assert host != 0
    hosts.cut(host)
    run.wait_until(
      lambda: not set(run.pids().values()) & set(old.values()),
      'started again, all of them',
    )
    assert hosts.host_of(run.pids()['server_0']) not in (0, host)
    # A server that starts again counts from the beginning.
    run.wait_until(lambda: 0 < run.count(0) < 1000, 'at work again')
    count = run.count(1)
    run.wait_until(lambda: run.count(1) > count + 10, 'going on')
    said = 'server/0 serves from another host; starting those again that know'
    assert said in run.said()
    run.process.send_signal(signal.SIGTERM)
    assert run.end(_STOP_SECONDS) == 0
    assert run.has_saved()


def test_launcher_whose_host_is_lost_ends_the_program(tmp_path, hosts):
  with running.started('ray', tmp_path, 'lost') as run:
    run.wait_until_running()
    pids = run.pids()
    hosts.cut(0)
    # Ray gives a host up after 15 s.
    assert run.end(15.0 + _STOP_SECONDS) == 1
    assert 'has given up the host of the launcher' in run.said()
    assert running.left_over(pids) == []


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
    family = psutil.Process(run.process.pid).children(recursive=True)
    # Ray's own, too.
    pids = {f'{p.name()} {p.pid}': p.pid for p in family}
    assert any(name.startswith('raylet') for name in pids)
    run.process.kill()
    assert running.left_over(pids, 40.0) == []


@pytest.mark.parametrize(
  ('fault', 'code', 'said'),
  [('full', 1, 'not saved by server/0'), ('slow', 0, 'not done after 6 s')],
)
def test_a_stop_says_who_has_not_saved(tmp_path, fault, code, said):
  with running.started('ray', tmp_path, fault) as run:
    run.wait_until_running()
    run.process.send_signal(signal.SIGTERM)
    assert run.end(_STOP_SECONDS) == code
    assert said in run.said()


def test_node_may_end_the_program(tmp_path):
  with running.started('ray', tmp_path, 'stop') as run:
    assert run.end(running.START_SECONDS) == 0
    assert 'worker/0 has asked for the end' in run.said()
    assert run.has_saved()


_CONNECT = """
import ray
from experiments.launchpad_ray import launcher
ray.init = lambda **kwargs: print('asked', kwargs['address'], kwargs['num_cpus'])
launcher.connect({}, num_cpus=8)
"""


# In a process of their own: Ray puts its own psutil on the path.
@pytest.mark.parametrize(
  'given, asked',
  [('None', 'asked local 8'), ("'10.0.0.1:1'", 'asked 10.0.0.1:1 None')],
)
def test_cluster_that_is_there_is_joined_by_its_address_alone(given, asked):
  environment = {k: v for k, v in os.environ.items() if k != 'RAY_ADDRESS'}
  said = subprocess.run(
    [sys.executable, '-c', _CONNECT.format(given)],
    env=environment,
    capture_output=True,
    text=True,
    check=True,
  ).stdout
  assert said.strip() == asked
