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
"""Tests of the doctor's report."""

import pytest

from experiments import doctor
from experiments.operations import machine


def _use(monkeypatch, *checks: machine.Check) -> None:
  monkeypatch.setattr(
    doctor,
    'all_checks',
    lambda: {check.name: lambda c=check: c for check in checks},
  )


_RIGHT = machine.Check('right', True, 'all there', 'nothing to do')
_WRONG = machine.Check('wrong', False, 'gone', 'bring it back')
_SCARCE = machine.Check('scarce', False, 'little', 'get more', required=False)


def test_all_is_well(monkeypatch, capsys):
  _use(monkeypatch, _RIGHT)
  assert doctor.main([]) == 0
  out = capsys.readouterr().out
  assert 'all there' in out
  assert 'nothing to do' not in out
  assert out.endswith('Nothing is wrong.\n')


def test_what_is_wrong_stands_with_its_remedy(monkeypatch, capsys):
  _use(monkeypatch, _RIGHT, _WRONG)
  assert doctor.main([]) == 1
  _, wrong, remedy, total = capsys.readouterr().out.splitlines()
  assert wrong.split() == ['wrong', 'WRONG', 'gone']
  assert remedy.strip() == '-> bring it back'
  assert total == '1 of 2 wrong.'


def test_what_is_not_required_does_not_fail(monkeypatch, capsys):
  _use(monkeypatch, _SCARCE)
  assert doctor.main([]) == 0
  out = capsys.readouterr().out
  assert 'note' in out
  assert 'get more' in out


def test_only_the_named_checks_are_made(monkeypatch, capsys):
  _use(monkeypatch, _RIGHT, _WRONG)
  assert doctor.main(['right']) == 0
  assert 'gone' not in capsys.readouterr().out


def test_accelerator_is_among_the_checks():
  assert list(doctor.all_checks()) == [*machine.CHECKS, 'accelerator']


def test_unknown_check_is_refused(capsys):
  with pytest.raises(SystemExit) as error:
    doctor.main(['rendrer'])
  assert error.value.code != 0
  message = capsys.readouterr().err
  assert "There is no check 'rendrer'" in message
  assert 'renderer' in message


def test_elsewhere_the_platform_alone_is_reported(monkeypatch, capsys):
  monkeypatch.setattr('sys.platform', 'darwin')
  python = machine.Check('python', False, 'on Darwin', 'use Linux')
  _use(monkeypatch, python, _WRONG)
  assert doctor.main([]) == 1
  out = capsys.readouterr().out
  assert 'use Linux' in out
  assert 'gone' not in out
