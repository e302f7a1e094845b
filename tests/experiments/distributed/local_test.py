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

import launchpad as lp
import pytest

from experiments.distributed import local
from tests.experiments.distributed import running

pytestmark = pytest.mark.slow

# What the issue of a signal may take, and some for a loaded machine.
_STOP_SECONDS = 15.0 + 10.0


def test_interrupt_ends_processes_in_good_order(tmp_path):
  with running.started('local_mp', tmp_path) as run:
    run.wait_until_running()
    pids = run.pids()
    # To all at once, as Ctrl-C in a terminal does.
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.end(_STOP_SECONDS) == 0
    assert 'Ended: stopped' in run.said()
    assert run.has_saved()
    assert running.left_over(pids, 0.1) == []


@pytest.mark.parametrize('victim', ['server_0', 'worker_1'])
def test_killed_node_ends_the_program_and_is_named(tmp_path, victim):
  with running.started('local_mp', tmp_path) as run:
    run.wait_until_running()
    pids = run.pids()
    os.kill(pids[victim], signal.SIGKILL)
    assert run.end(_STOP_SECONDS) == 1
    name = victim.replace('_', '/')
    assert f'Ended: {name} was ended by SIGKILL' in run.said()
    assert running.left_over(pids, 0.1) == []


def test_killed_launcher_leaves_no_orphans(tmp_path):
  with running.started('local_mp', tmp_path) as run:
    run.wait_until_running()
    pids = run.pids()
    run.process.kill()
    assert running.left_over(pids) == []
    assert run.has_saved()


@pytest.mark.parametrize('launch_type', ['local_mp', 'local_mt'])
def test_failing_node_ends_the_program_with_its_words(tmp_path, launch_type):
  with running.started(launch_type, tmp_path, 'raise') as run:
    assert run.end(running.START_SECONDS) == 1
    assert 'Ended: worker' in run.said()
    assert 'This is the reason.' in run.said()


def test_node_may_end_the_program(tmp_path):
  with running.started('local_mp', tmp_path, 'stop') as run:
    assert run.end(running.START_SECONDS) == 0
    assert run.has_saved()


@pytest.mark.parametrize('launch_type', ['local_mp', 'local_mt'])
def test_a_node_that_cannot_save_is_named_when_the_program_stops(
  tmp_path, launch_type
):
  with running.started(launch_type, tmp_path, 'full') as run:
    run.wait_until_running()
    run.process.send_signal(signal.SIGTERM)
    assert run.end(_STOP_SECONDS) == 1
    assert 'Ended: stopped, but not saved by server' in run.said()


def test_a_node_that_takes_too_long_to_save_is_named(tmp_path):
  with running.started('local_mp', tmp_path, 'slow') as run:
    run.wait_until_running()
    run.process.send_signal(signal.SIGTERM)
    assert run.end(_STOP_SECONDS) == 0
    assert 'stopped; not done after 6 s' in run.said()
    assert 'server/0' in run.said()
    assert not run.has_saved()


@pytest.mark.parametrize('launch_type', ['local_mp', 'local_mt'])
def test_a_lost_lock_does_not_keep_the_program_from_its_end(
  tmp_path, launch_type
):
  with running.started(launch_type, tmp_path, 'lock') as run:
    run.wait_until_running()
    pids = run.pids()
    # To all at once, as schedulers do.
    os.killpg(run.process.pid, signal.SIGTERM)
    assert run.end(_STOP_SECONDS) == 0
    assert run.has_saved()
    assert running.left_over(pids, 0.1) == []
    assert 'Ended: stopped' in run.said()
    assert 'server' not in run.said().rpartition('Ended:')[2]


def test_unknown_launch_type_is_named(tmp_path):
  with pytest.raises(local.LaunchError, match=r"'vertex_ai'.*local_mp"):
    local.run(lp.Program('empty'), 'vertex_ai', str(tmp_path))


def test_output_folder_that_cannot_be_made_is_named(tmp_path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(local.LaunchError, match='cannot be made'):
    local.run(lp.Program('empty'), 'local_mp', str(tmp_path / 'file' / 'x'))


def test_learners_alone_see_an_accelerator():
  hidden = 'CUDA_VISIBLE_DEVICES'
  assert hidden not in local.process_environment('imitation_learner', 1)
  for group in ('replay', 'imitation_actor', 'cacher'):
    assert local.process_environment(group, 1)[hidden] == '-1'
