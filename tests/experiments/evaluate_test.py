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

from absl import app
import pytest

from environments import demonstrations
from experiments import evaluate
from experiments import presets
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


@pytest.mark.parametrize(
  ('table', 'words'),
  [('table.csv', 'give .*table.md'), ('table.md', "table.csv' exists")],
)
def test_tables_that_are_there_are_left(tmp_path, table, words):
  (tmp_path / 'table.csv').write_text('precious')
  with pytest.raises(evaluate.OutputError, match=words):
    evaluate.evaluate('run', 'data', str(tmp_path / table))
  assert (tmp_path / 'table.csv').read_text() == 'precious'


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
