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
"""Tests of what is measured of early termination."""

import csv
import dataclasses

import numpy as np
import pytest

from experiments import evaluation
from experiments import overrides
from experiments.studies import measure_early_termination


def _point(cutoff: float, updates: int, seed: int = 0, **values: float):
  metrics = dict.fromkeys(evaluation.OneShotMetrics.names(), 0.0)
  named = {'cutoff': cutoff, 'seed': seed, 'updates': updates}
  return {**named, 'episode_steps': 8.0, **metrics, **values}


def test_rows_are_means_of_later_points_over_seeds():
  points = [
    _point(0.1, 100, stacked=1.0),  # Too early to count.
    _point(0.1, 200, stacked=0.5),
    _point(0.1, 100, seed=1, stacked=1.0),
    _point(0.1, 200, seed=1, stacked=0.25, imitation_reward=0.5),
    _point(np.inf, 200, episode_steps=150.0),
  ]
  short, none = measure_early_termination.summarize(points)
  assert (short['cutoff'], none['cutoff']) == ('0.1', 'none')
  assert short['stacked'] == 0.375
  assert short['imitation_reward'] == 0.25
  assert none['episode_steps'] == 150.0


@pytest.mark.parametrize('cutoff', ['0', '-0.1', 'nan', 'inf', 'far'])
def test_cutoff_that_is_none_of_them(tmp_path, capsys, cutoff):
  with pytest.raises(SystemExit):
    measure_early_termination.main([str(tmp_path / 'x'), '--cutoffs', cutoff])
  assert '--cutoffs' in capsys.readouterr().err
  assert not (tmp_path / 'x').exists()


@pytest.mark.parametrize('discount', ['1', '-0.1', 'nan', 'low'])
def test_discount_that_cannot_be(tmp_path, capsys, discount):
  with pytest.raises(SystemExit):
    measure_early_termination.main(
      [str(tmp_path / 'x'), f'--discount={discount}']
    )
  assert '--discount' in capsys.readouterr().err
  assert not (tmp_path / 'x').exists()


def test_noise_that_cannot_be(tmp_path):
  with pytest.raises(SystemExit, match='sigmas'):
    measure_early_termination.main([str(tmp_path / 'x'), '--finger-sigma=-1'])
  assert not (tmp_path / 'x').exists()


def test_folder_that_exists_is_left_as_it_is(tmp_path):
  with pytest.raises(SystemExit, match=r'File exists.*give a new one'):
    measure_early_termination.main([str(tmp_path)])
  assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_cutoffs_shorten_episodes_and_all_is_written(
  training_set, short_validation_set, tmp_path, monkeypatch, capsys
):
  recorded = {'brisk': training_set, 'careful': short_validation_set}
  monkeypatch.setattr(
    measure_early_termination, '_record', lambda style, *_: recorded[style]
  )
  make = measure_early_termination._make_experiment
  small = ('imitation.min_replay_size=50', 'imitation.batch_size=4')
  monkeypatch.setattr(
    measure_early_termination,
    '_make_experiment',
    lambda *arguments: overrides.apply(make(*arguments), small),
  )
  folder = tmp_path / 'cutoffs'
  arguments = ['--cutoffs', '0.05', 'none', '--updates=20', '--evaluations=2']
  measure_early_termination.main([str(folder), *arguments])
  assert (folder / 'table.md').read_text() in capsys.readouterr().out
  with open(folder / 'table.csv') as file:
    short, none = csv.DictReader(file)
  assert (short['cutoff'], none['cutoff']) == ('0.05', 'none')
  assert float(short['episode_steps']) < 40 < float(none['episode_steps'])
  names = {f.name for f in dataclasses.fields(evaluation.OneShotMetrics)}
  assert names < set(short)
  with open(folder / 'curves.csv') as file:
    points = list(csv.DictReader(file))
  assert [point['cutoff'] for point in points] == ['0.05'] * 2 + ['inf'] * 2
  for point in points:
    assert float(point['updates']) >= 10
    assert float(point['environment_steps']) > float(point['updates'])
