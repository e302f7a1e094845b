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
import csv

import numpy as np
from PIL import Image
import pytest

from experiments.paper import plot
from experiments.paper import statistics
from experiments.paper import sweeps


def test_interquartile_mean_leaves_out_a_quarter_at_each_end():
  values = np.array([[100.0, 1.0, 2.0, 3.0], [0.0, 0.0, 4.0, -9.0]])
  np.testing.assert_allclose(statistics.interquartile_mean(values), [2.5, 0.0])
  np.testing.assert_allclose(
    statistics.interquartile_mean(np.array([1.0, 2.0, 6.0])), 3.0
  )


def test_a_band_spans_its_runs():
  x = np.array([0.0, 1.0, 2.0])
  ys = [np.array([0.0, 1.0, 2.0]), np.array([0.0, 3.0, 6.0]), x]
  band = statistics.band([x, x, x], ys)
  np.testing.assert_allclose(band.center, [0.0, 5 / 3, 10 / 3])
  assert band.low[2] == pytest.approx(2.0)
  assert band.high[2] == pytest.approx(6.0)
  assert band.num_runs == 3
  # A run that is shorter, and has no value at first.
  short = statistics.band(
    [x, np.array([0.5, 1.0, 1.5])], [x, np.array([np.nan, 2.0, 3.0])]
  )
  np.testing.assert_allclose(short.x, [1.0, 1.5])
  np.testing.assert_allclose(short.center, [1.5, 2.25])
  # One with the fewest points, which begins before and ends after the other.
  more = np.array([0.5, 1.0, 1.5, 1.75])
  within = statistics.band([x, more], [x, 3.0 * more])
  np.testing.assert_allclose(within.x, [0.5, 1.0, 1.75])
  np.testing.assert_allclose(within.center, [1.0, 2.0, 3.5])


def test_there_must_be_a_value():
  with pytest.raises(ValueError, match='no run with a value'):
    statistics.band([np.array([1.0])], [np.array([np.nan])])


def _write_run(folder, returns) -> None:
  folder.mkdir(parents=True)
  with open(folder / 'curves.csv', 'w', newline='') as file:
    writer = csv.writer(file)
    writer.writerow(
      [
        'minutes',
        'imitation_environment_steps',
        'task_environment_steps',
        'imitation_updates',
        'task_updates',
        'task_policy_return',
        'task_policy_stacked',
      ]
    )
    for index, value in enumerate(returns, 1):
      writer.writerow([index, 10 * index, index, '', 5 * index, value, 0.5])


_TASK_TABLE = (
  'policy,task_return,stacked,first_stacked\n'
  'task policy,{},0.5,98\n'
  'demonstrator brisk,103.6,0.98,109\n'
)


def _finish_run(folder, task_return) -> None:
  (folder / 'task_table.csv').write_text(_TASK_TABLE.format(task_return))
  (folder / 'task_table.md').write_text('')


def test_a_figure_is_drawn_from_what_there_is(tmp_path):
  figure = sweeps.make('figure8', sweeps.LAPTOP)
  root = tmp_path / 'laptop' / 'figure8'
  _write_run(root / 'metamimic' / 'seed_0', [1.0, 2.0, 60.0])
  _write_run(root / 'metamimic' / 'seed_1', [1.0, 2.0, 80.0])
  _write_run(root / 'd4pg' / 'seed_0', [0.0, 0.0])
  _finish_run(root / 'd4pg' / 'seed_0', 1.0)
  found = plot.results('figure8', sweeps.LAPTOP, str(tmp_path))
  assert {name: len(runs) for name, runs in found.items()} == {
    'metamimic': 2,
    'd4pg': 1,
  }
  band = plot.band(
    found['metamimic'], 'environment steps', 'task_policy_return'
  )
  assert band is not None
  np.testing.assert_allclose(band.x, [11, 22, 33])
  np.testing.assert_allclose(band.center, [1.0, 2.0, 70.0])
  updates = plot.band(found['d4pg'], 'updates', 'task_policy_return')
  assert updates is not None
  np.testing.assert_allclose(updates.x, [5, 10])
  rows, titles = plot.table(figure, found)
  assert [row['curve'] for row in rows] == ['MetaMimic', 'D4PG']
  # The last of the curves while nothing better is there, then all the starts.
  assert rows[0]['task_policy_return'] == 70.0
  assert rows[1]['task_policy_return'] == 1.0
  assert [row['seeds'] for row in rows] == ['2 unfinished', '1']
  assert set(titles) == set(rows[0])
  folders = [str(root / 'd4pg' / 'seed_0')]
  demonstrators = plot.demonstrator_returns(folders)
  assert demonstrators == {'demonstrator brisk': 103.6}
  path = tmp_path / 'figure.png'
  plot.draw(figure, found, 'updates', str(path), demonstrators)
  picture = np.asarray(Image.open(path).convert('RGB'))
  assert picture.shape[1] > 800
  # The first curve's blue.
  blue = np.all(np.abs(picture - np.array([31, 119, 180])) < 12, axis=-1)
  assert blue.sum() > 50


def test_a_run_on_its_way_does_not_cut_those_that_are_finished(tmp_path):
  root = tmp_path / 'laptop' / 'figure8' / 'metamimic'
  _write_run(root / 'seed_0', [1.0, 2.0, 60.0])
  _finish_run(root / 'seed_0', 64.0)
  _write_run(root / 'seed_1', [5.0])
  found = plot.results('figure8', sweeps.LAPTOP, str(tmp_path))
  band = plot.band(found['metamimic'], 'minutes', 'task_policy_return')
  assert band is not None
  np.testing.assert_allclose(band.x, [1, 2, 3])
  np.testing.assert_allclose(band.center, [1.0, 2.0, 60.0])


def test_the_table_has_the_forty_demonstrations_of_the_end(tmp_path):
  folder = tmp_path / 'laptop' / 'figure5' / 'demonstrations_10' / 'seed_0'
  _write_run(folder, [0.0, 0.0])
  _finish_run(folder, 0.0)
  (folder / 'table.csv').write_text(
    'demonstrations,policy,episodes,imitation_reward,tracked,hand_error,'
    'task_return,stacked\n'
    'training,trained,40,0.7,0.9,0.01,0.8,0.75\n'
    'validation,untrained,40,0.0,0.0,0.2,0.0,0.0\n'
    'validation,trained,40,0.5,0.8,0.02,0.6,0.5\n'
  )
  found = plot.results('figure5', sweeps.LAPTOP, str(tmp_path))
  (row,), _ = plot.table(sweeps.make('figure5', sweeps.LAPTOP), found)
  assert row['training_task_return'] == 0.8
  assert row['validation_task_return'] == 0.6
  assert row['validation_imitation_reward'] == 0.5


def test_a_panel_that_no_run_has_is_left_out():
  assert (
    plot.band(
      [plot.Result({'minutes': np.ones(2)}, {}, True)], 'minutes', 'absent'
    )
    is None
  )


def test_runs_of_different_lengths_are_compared_after_the_same_minutes():
  long, short, late = (
    plot.Result(
      {'minutes': np.array(minutes), 'reward': np.array(minutes) / 10.0},
      {'reward': 1.0},
      True,
    )
    for minutes in ([5.0, 20.0, 60.0], [5.0, 20.0], [30.0])
  )
  found = plot.cut({'a': [long, late], 'b': [short], 'c': [late]}, 21.5)
  assert set(found) == {'a', 'b'}
  (cut,) = found['a']
  np.testing.assert_array_equal(cut.columns['reward'], [0.5, 2.0])
  # What it has at its end is not what it had then.
  assert cut.final == {}
  assert found['b'] == [short]
  with pytest.raises(
    ValueError, match=r'until_minutes=4.0 is before .* at 5.0'
  ):
    plot.cut({'a': [long]}, 4.0)
