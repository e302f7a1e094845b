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

import errno
import os

from absl import app
from absl.testing import flagsaver
import numpy as np
import pytest

from environments import demonstrations
from experiments import evaluate
from experiments import presets
from experiments import reporting
from experiments import run_folder as run_folder_lib


@pytest.mark.parametrize('arguments', [(), ('run', 'data', 'more')])
def test_arguments_are_a_run_and_a_dataset(arguments):
  with pytest.raises(
    app.UsageError, match='the folder of a run, and a dataset'
  ):
    evaluate.main(['', *arguments])


def test_a_demonstrator_that_is_not_there_is_named(
  tmp_path, experiment, monkeypatch
):
  monkeypatch.setattr(evaluate, 'load_policy', lambda *unused: None)
  run_folder_lib.write(str(tmp_path), run_folder_lib.ONE_PROCESS, experiment)
  with pytest.raises(
    evaluate.PolicyError, match=r"no demonstrator 'brisc': use .*brisk"
  ):
    evaluate.evaluate_task(str(tmp_path), demonstrators=['brisc'])


def test_a_run_without_a_policy_is_named(tmp_path):
  with pytest.raises(
    evaluate.PolicyError, match=r'imitation_policy.*has ended'
  ):
    evaluate.evaluate(str(tmp_path), 'data')


def test_a_run_of_the_task_half_alone_follows_no_dataset(tmp_path):
  (tmp_path / 'policies' / 'task_policy').mkdir(parents=True)
  with pytest.raises(
    evaluate.PolicyError, match='has the task policy alone: give no dataset'
  ):
    evaluate.evaluate(str(tmp_path), 'data')


@pytest.mark.parametrize(
  ('table', 'words'),
  [('table.csv', 'give .*table.md'), ('table.md', "table.csv' exists")],
)
def test_tables_that_are_there_are_left(tmp_path, table, words):
  (tmp_path / 'table.csv').write_text('precious')
  with pytest.raises(evaluate.OutputError, match=words):
    evaluate.evaluate('run', 'data', str(tmp_path / table))
  assert (tmp_path / 'table.csv').read_text() == 'precious'


def test_the_folder_of_a_table_is_made_before_the_work(tmp_path):
  with pytest.raises(evaluate.PolicyError):
    evaluate.evaluate(str(tmp_path), 'data', str(tmp_path / 'new' / 'table.md'))
  assert (tmp_path / 'new').is_dir()


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(tmp_path):
  (tmp_path / 'file').write_text('in the way')
  with pytest.raises(evaluate.OutputError, match=r'file.*cannot be made'):
    evaluate.evaluate('run', 'data', str(tmp_path / 'file' / 'table.md'))


class _StillPolicy:
  """Takes whatever it is shown, and does not move."""

  def check(self, shown):
    assert 'goal' in shown

  def __call__(self, observation):
    return np.zeros(9, np.float32)


def test_a_table_that_cannot_be_written_is_printed(
  tmp_path, dataset, experiment, monkeypatch, capsys
):
  def full(*unused):
    raise OSError(errno.ENOSPC, 'No space left on device')

  monkeypatch.setattr(
    evaluate, 'load_policy', lambda run_folder: _StillPolicy()
  )
  monkeypatch.setattr(reporting, 'write_table', full)
  run_folder_lib.write(str(tmp_path), run_folder_lib.ONE_PROCESS, experiment)
  with pytest.raises(evaluate.OutputError, match=r'above .*No space left'):
    evaluate.evaluate(
      str(tmp_path),
      os.path.join(dataset, 'validation'),
      str(tmp_path / 'table.md'),
      max_episodes=1,
    )
  assert '| validation ' in capsys.readouterr().out


def test_a_mask_selects_what_is_followed(
  tmp_path, masked, experiment, monkeypatch
):
  monkeypatch.setattr(
    evaluate, 'load_policy', lambda run_folder: _StillPolicy()
  )
  run_folder_lib.write(str(tmp_path), run_folder_lib.ONE_PROCESS, experiment)
  text = evaluate.evaluate(str(tmp_path), masked, mask='careful')
  episodes = text.splitlines()[2].split('|')
  assert '| all.hdf5 careful ' in text
  assert episodes[3].strip() == '2'
  with pytest.raises(demonstrations.DatasetError, match=r"it has \['careful'"):
    evaluate.evaluate(str(tmp_path), masked, mask='other')


def test_doubles_are_followed_as_what_was_recorded(
  tmp_path, short_masked, doubles, experiment, monkeypatch
):
  monkeypatch.setattr(
    evaluate, 'load_policy', lambda run_folder: _StillPolicy()
  )
  run_folder_lib.write(str(tmp_path), run_folder_lib.ONE_PROCESS, experiment)
  recorded, converted = (
    evaluate.evaluate(str(tmp_path), path, mask='valid').splitlines()[2:]
    for path in (short_masked, doubles)
  )
  for row, same in zip(recorded, converted, strict=True):
    assert row.split('|')[2:] == same.split('|')[2:]
  assert 'actions replayed' in recorded[-1]


def test_a_mask_is_of_a_dataset():
  with (
    flagsaver.as_parsed(mask='valid'),
    pytest.raises(app.UsageError, match='--mask is of a dataset'),
  ):
    evaluate.main(['', 'run'])


def test_a_damaged_policy_is_named(tmp_path):
  folder = tmp_path / 'policies' / 'imitation_policy'
  folder.mkdir(parents=True)
  (folder / 'saved_model.pb').write_bytes(b'no such thing')
  with pytest.raises(
    evaluate.PolicyError, match=r'imitation_policy. is no policy .*exports it'
  ):
    evaluate.evaluate(str(tmp_path), 'data')


def test_a_dataset_that_is_not_there_is_named(
  tmp_path, experiment, monkeypatch
):
  monkeypatch.setattr(evaluate, 'load_policy', lambda run_folder: None)
  run_folder_lib.write(str(tmp_path), run_folder_lib.ONE_PROCESS, experiment)
  with pytest.raises(demonstrations.DatasetError, match='absent'):
    evaluate.evaluate(str(tmp_path), str(tmp_path / 'absent'))


def test_a_run_without_its_experiment_is_named(tmp_path, monkeypatch):
  monkeypatch.setattr(evaluate, 'load_policy', lambda run_folder: None)
  with pytest.raises(run_folder_lib.RunFolderError, match='holds no run'):
    evaluate.evaluate(str(tmp_path), 'data')


def test_a_run_without_demonstrations_cannot_follow_any(tmp_path, monkeypatch):
  monkeypatch.setattr(evaluate, 'load_policy', lambda run_folder: None)
  run_folder_lib.write(
    str(tmp_path), run_folder_lib.ONE_PROCESS, presets.make('light')
  )
  with pytest.raises(evaluate.PolicyError, match='light environment'):
    evaluate.evaluate(str(tmp_path), 'data')
