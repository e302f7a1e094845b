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

"""What is expected of a fault, and that no outcome is lost."""

import pytest

from experiments.operations import fault_outcomes


def _outcome(fault: str, went_on: bool, **kwargs) -> fault_outcomes.Outcome:
  return fault_outcomes.Outcome(
    fault,
    went_on,
    seconds=kwargs.pop('seconds', 1.0),
    exit_code=kwargs.pop('exit_code', None if went_on else 1),
    reason=kwargs.pop('reason', fault),
    left_over=kwargs.pop('left_over', 0),
    **kwargs,
  )


def test_what_is_restarted_must_go_on():
  assert _outcome('SIGKILL cacher/0', True).as_expected('ray')
  assert not _outcome('SIGKILL cacher/0', False).as_expected('ray')


def test_what_ends_the_program_must_do_so_cleanly_and_say_why():
  fault = 'SIGKILL replay/0'
  good = {'reason': 'replay/0 was ended by SIGKILL', 'resumed': True}
  assert _outcome(fault, False, **good).as_expected('local_mp')
  for bad in (
    {'reason': 'stopped'},
    {'left_over': 1},
    {'exit_code': 0},
    {'resumed': False},
  ):
    assert not _outcome(fault, False, **{**good, **bad}).as_expected('local_mp')


def test_signals_to_the_launcher_exit_with_0():
  for number, code, expected in (
    ('SIGINT', 0, True),
    ('SIGTERM', 1, False),
    ('SIGKILL', -9, True),
  ):
    outcome = _outcome(f'{number} launcher', False, exit_code=code)
    assert outcome.as_expected('local_mp') == expected
    assert outcome.as_expected('ray') == expected


def test_stop_that_takes_long_is_not_as_it_should():
  outcome = _outcome('SIGINT launcher', False, exit_code=0, seconds=15.5)
  assert not outcome.as_expected('local_mp')


def test_table_has_a_row_for_each_fault_with_the_longest_time():
  outcomes = [
    _outcome('SIGKILL cacher/0', True, seconds=2.0),
    _outcome('SIGKILL cacher/0', True, seconds=7.5),
    _outcome('SIGKILL replay/0', False, resumed=True),
  ]
  lines = fault_outcomes.table(outcomes, 'ray').splitlines()
  assert lines[2] == '| SIGKILL cacher/0 | 2 | 2 | goes on | 7.5 | |'
  assert lines[3] == (
    '| SIGKILL replay/0 | 1 | 1 | ends with 1 | 1.0 | 1 of 1 |'
  )
  # Launchpad restarts nothing.
  assert '| 2 | 0 | goes on |' in fault_outcomes.table(outcomes, 'local_mp')


def test_outcomes_are_read_back_as_they_were_recorded(tmp_path):
  path = str(tmp_path / 'outcomes.jsonl')
  outcomes = [
    _outcome('SIGKILL cacher/0', True, seconds=2.5),
    _outcome('SIGINT launcher', False, exit_code=0, resumed=True),
  ]
  assert fault_outcomes.read(path) == []
  for outcome in outcomes:
    fault_outcomes.append(path, outcome)
  assert fault_outcomes.read(path) == outcomes


@pytest.mark.parametrize('line', ['{"fault": "SIGKILL', '{"fault": "x"}', '3'])
def test_line_that_is_no_outcome_is_named(tmp_path, line):
  path = tmp_path / 'outcomes.jsonl'
  fault_outcomes.append(str(path), _outcome('SIGKILL cacher/0', True))
  before = path.read_text()
  path.write_text(f'{before}{line}')
  with pytest.raises(ValueError, match=r'Line 2 .*remove the line'):
    fault_outcomes.read(str(path))
  assert path.read_text() == f'{before}{line}'


def test_what_is_left_goes_on_in_turns_after_what_was_done():
  done = [_outcome(fault, True) for fault in ('a', 'b', 'a', 'other')]
  assert list(fault_outcomes.left(['a', 'b', 'c'], done, 3)) == [
    *('c', 'b', 'c'),
    *('a', 'b', 'c'),
  ]
  assert list(fault_outcomes.left(['a'], done, 2)) == []
