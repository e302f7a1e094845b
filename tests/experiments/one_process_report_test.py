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
"""Tests of the report at the end of a run, where something is missing."""

from unittest import mock

import pytest

from experiments import one_process
from experiments import renderer
from experiments import reporting


def _job() -> one_process._Job:
  """Returns a job with tables to write and a film to make."""
  job = object.__new__(one_process._Job)
  job._folder = 'run'
  job._experiment = mock.MagicMock()
  return job


def _report(monkeypatch, module: str) -> list[str]:
  """Reports where the film raises in a module; returns what came before."""
  written: list[str] = []

  def film(*unused):
    exec("raise RuntimeError('No screen')", {'__name__': module})

  monkeypatch.setattr(
    one_process._Job, '_write_table', lambda self: written.append('table')
  )
  monkeypatch.setattr(
    one_process._Job, '_write_task_table', lambda self: written.append('task')
  )
  monkeypatch.setattr(one_process._Job, '_write_report', lambda self: '')
  monkeypatch.setattr(one_process._Job, '_film', film)
  _job().report(0.0)
  return written


def test_machine_that_cannot_draw_has_its_tables(monkeypatch, capsys):
  assert _report(monkeypatch, 'dm_control._render') == ['table', 'task']
  said = capsys.readouterr().out
  assert f'no picture can be drawn here (No screen). {renderer.REMEDY}' in said
  assert 'What the run has left is in run.' in said


def test_other_errors_of_the_film_are_raised(monkeypatch):
  with pytest.raises(RuntimeError, match='No screen'):
    _report(monkeypatch, 'experiments.reporting')


def test_table_is_printed_before_it_is_written(tmp_path, capsys):
  with pytest.raises(OSError, match='absent'):
    reporting.show_table(
      [{'policy': 'trained'}],
      str(tmp_path / 'absent' / 'table.md'),
      {'policy': 'policy'},
    )
  assert '| trained |' in capsys.readouterr().out
