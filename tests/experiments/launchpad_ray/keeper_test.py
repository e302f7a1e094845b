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

from concurrent import futures
import os
import pathlib
import signal
import sys
import time

import cloudpickle
import pytest

from experiments.launchpad_ray import keeper


def _keeper(folder: pathlib.Path) -> keeper.Keeper:
  return keeper.Keeper('group/0', str(folder), {'ADDED': '1'}, 5.0)


@pytest.fixture
def node_script(monkeypatch, tmp_path):
  """Replaces the node's module by one that needs no Launchpad."""

  def write(text: str) -> None:
    (tmp_path / 'fake_node.py').write_text(text)
    monkeypatch.setattr(keeper, '_NODE_MODULE', 'fake_node')
    monkeypatch.setattr(sys, 'path', [str(tmp_path), *sys.path])

  return write


def test_node_that_fails_is_reported_with_its_last_line(tmp_path, node_script):
  node_script('print("first"); print("last\\n"); raise SystemExit(3)')
  ended = _keeper(tmp_path).run(b'')
  assert ended == keeper.Ended(3, False, 'last')


def test_node_gets_its_function_and_environment(tmp_path, node_script):
  node_script(
    'import os, pickle, sys\n'
    'print(pickle.load(open(sys.argv[1], "rb")), os.environ["ADDED"],'
    f' os.environ["{keeper.NAME}"], os.environ["{keeper.PARENT}"])'
  )
  ended = _keeper(tmp_path).run(cloudpickle.dumps('function'))
  assert ended.exit_code == 0
  assert ended.last_words == f'function 1 group/0 {os.getpid()}'


def test_node_may_ask_for_the_end(tmp_path, node_script):
  node_script(
    'import os, time\n'
    f'open(os.environ["{keeper.STOP_FILE}"], "w").close()\n'
    'time.sleep(100)'
  )
  ended = _keeper(tmp_path).run(b'')
  assert ended.stop_requested


def test_node_that_others_know_elsewhere_is_not_started(tmp_path, monkeypatch):
  monkeypatch.setattr(keeper.Keeper, 'node_id', lambda self: 'here')
  assert _keeper(tmp_path).run(b'', home='there').moved


def test_free_ports_are_different():
  ports = _keeper(pathlib.Path()).free_ports(5)
  assert len(set(ports)) == 5


def test_node_that_is_run_again_ends_the_one_before(tmp_path, node_script):
  node_script(
    'import os, time; print(os.getpid(), flush=True); time.sleep(100)'
  )
  kept = _keeper(tmp_path)
  with futures.ThreadPoolExecutor() as pool:
    first = pool.submit(kept.run, b'')
    while kept.pid() is None:
      time.sleep(0.01)
    pid = kept.pid()
    assert pid is not None
    second = pool.submit(kept.run, b'')
    assert first.result(30.0).exit_code == -signal.SIGTERM
    assert kept.pid() != pid
    assert not second.done()
    kept.stop()
    assert second.result(30.0).exit_code == -signal.SIGTERM


def test_other_sources_are_told_apart_and_not_run(
  tmp_path, monkeypatch, node_script
):
  node_script('print("runs")')
  package = tmp_path / 'some_package'
  package.mkdir()
  (package / '__init__.py').write_text('')
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(keeper.Keeper, 'host', lambda self: '10.0.0.2')
  code = keeper.Code.here(['dm-launchpad', 'absent'], ['some_package'])
  assert code.expected['dm-launchpad'] == '0.5.0'
  assert code.expected['absent'] == 'missing'

  def make_keeper() -> keeper.Keeper:
    return keeper.Keeper('group/0', str(tmp_path), {}, 5.0, code)

  kept = make_keeper()
  assert kept.run(b'').last_words == 'runs'
  (package / 'module.py').write_text('x = 1')
  assert list(kept.differences()) == ['some_package']
  # One that is started again was looked at before.
  assert kept.run(b'').last_words == 'runs'

  # As on a host that has joined later.
  ended = make_keeper().run(b'')
  assert ended.exit_code == 1
  assert 'the host 10.0.0.2 has' in ended.last_words
  assert 'install the same code' in ended.last_words
