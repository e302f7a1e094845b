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

from experiments import fault_trials


def _outcome(fault: str, went_on: bool, **kwargs) -> fault_trials.Outcome:
  return fault_trials.Outcome(
    fault,
    went_on,
    seconds=kwargs.pop('seconds', 1.0),
    exit_code=kwargs.pop('exit_code', None if went_on else 1),
    reason=kwargs.pop('reason', fault),
    left_over=kwargs.pop('left_over', 0),
    **kwargs,
  )


def test_what_is_restarted_must_go_on():
  assert _outcome('SIGKILL cacher/0', True).as_expected(restarts=True)
  assert not _outcome('SIGKILL cacher/0', False).as_expected(restarts=True)


def test_what_ends_the_program_must_do_so_cleanly_and_say_why():
  fault = 'SIGKILL replay/0'
  good = {'reason': 'replay/0 was ended by SIGKILL', 'resumed': True}
  assert _outcome(fault, False, **good).as_expected(False)
  for bad in (
    {'reason': 'stopped'},
    {'left_over': 1},
    {'exit_code': 0},
    {'resumed': False},
  ):
    assert not _outcome(fault, False, **{**good, **bad}).as_expected(False)


def test_signals_to_the_launcher_exit_with_0():
  for number, code, expected in (
    ('SIGINT', 0, True),
    ('SIGTERM', 1, False),
    ('SIGKILL', -9, True),
  ):
    outcome = _outcome(f'{number} launcher', False, exit_code=code)
    assert outcome.as_expected(False) == expected


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


def test_table_has_a_row_for_each_fault_with_the_longest_time():
  outcomes = [
    _outcome('SIGKILL cacher/0', True, seconds=2.0),
    _outcome('SIGKILL cacher/0', True, seconds=7.5),
    _outcome('SIGKILL replay/0', False, resumed=True),
  ]
  lines = fault_trials.table(outcomes, 'ray').splitlines()
  assert lines[2] == '| SIGKILL cacher/0 | 2 | 2 | goes on | 7.5 | 0 of 0 |'
  assert lines[3] == (
    '| SIGKILL replay/0 | 1 | 1 | ends with 1 | 1.0 | 1 of 1 |'
  )
  # Launchpad restarts nothing.
  assert '| 2 | 0 | goes on |' in fault_trials.table(outcomes, 'local_mp')


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
