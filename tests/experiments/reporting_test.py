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
"""Tests of what a run leaves behind: read back as a reader would."""

import csv
import subprocess
import sys

import imageio_ffmpeg
import numpy as np
from PIL import Image
import pytest

from environments import block_stacking
from experiments import evaluation
from experiments import reporting
from experiments import training
from tests.acme_metamimic import fakes

_SIZE = 64
_COLUMNS = training.curve_columns(
  evaluation.Evaluator(
    fakes.FakeEnvironment(True),
    fakes.FakeEnvironment(True),
    fakes.FakeEnvironment(False),
    1,
  ).columns
)


def _read(path) -> list[list[str]]:
  with open(path, newline='') as file:
    return list(csv.reader(file))


def test_each_point_is_on_the_disk_at_once(tmp_path):
  path = tmp_path / 'curves.csv'
  curves = reporting.Curves(str(path), ('minutes', 'reward'))
  assert _read(path) == [['minutes', 'reward']]
  curves.append({'minutes': 0.5, 'reward': float('nan'), 'other': 3.0})
  assert _read(path)[1:] == [['0.5', 'nan']]
  curves.append({'minutes': 1.0, 'reward': 1 / 3})
  assert _read(path)[1:] == [['0.5', 'nan'], ['1', '0.333333']]
  assert len(curves) == 2
  np.testing.assert_array_equal(curves.column('reward'), [np.nan, 1 / 3])


def test_points_outlive_a_process_that_dies(tmp_path):
  # Without a chance to flush or to close anything.
  code = (
    'import os, sys\n'
    'from experiments import reporting\n'
    "curves = reporting.Curves(sys.argv[1], ('a', 'b'))\n"
    "curves.append({'a': 1, 'b': 2})\n"
    "curves.append({'a': 3, 'b': 4})\n"
    'os._exit(1)\n'
  )
  path = tmp_path / 'curves.csv'
  process = subprocess.run([sys.executable, '-c', code, str(path)])
  assert process.returncode == 1
  assert _read(path) == [['a', 'b'], ['1', '2'], ['3', '4']]


def test_counts_are_written_in_full(tmp_path):
  path = tmp_path / 'curves.csv'
  curves = reporting.Curves(str(path), ('steps', 'loss'))
  curves.append({'steps': 12_345_678, 'loss': float(np.float32(0.1))})
  assert _read(path)[1] == ['12345678', '0.1']


def test_incomplete_point_is_refused_and_leaves_no_trace(tmp_path):
  path = tmp_path / 'curves.csv'
  curves = reporting.Curves(str(path), ('minutes', 'reward'))
  with pytest.raises(KeyError, match='reward'):
    curves.append({'minutes': 0.5})
  assert len(curves) == 0
  assert len(_read(path)) == 1


def _write_points(path, *points: tuple[float, float]) -> None:
  curves = reporting.Curves(str(path), ('minutes', 'reward'))
  for minutes, reward in points:
    curves.append({'minutes': minutes, 'reward': reward})


def test_points_after_the_saved_progress_are_dropped(tmp_path):
  path = tmp_path / 'curves.csv'
  _write_points(path, (1.0, 0.125), (2.0, float('nan')), (3.5, 0.375))
  curves = reporting.Curves(str(path), ('minutes', 'reward'), resume_at=2.25)
  assert _read(path) == [['minutes', 'reward'], ['1', '0.125'], ['2', 'nan']]
  assert len(curves) == 2
  np.testing.assert_array_equal(curves.column('reward'), [0.125, np.nan])
  curves.append({'minutes': 4.0, 'reward': 0.5})
  assert _read(path)[1:] == [['1', '0.125'], ['2', 'nan'], ['4', '0.5']]
  assert not (tmp_path / 'curves.csv.new').exists()


def test_point_of_the_saved_progress_stays(tmp_path):
  path = tmp_path / 'curves.csv'
  minutes = 0.18614464114998552  # Written as 0.186145.
  _write_points(path, (minutes, 0.5))
  curves = reporting.Curves(str(path), ('minutes', 'reward'), resume_at=minutes)
  assert len(curves) == 1


def test_run_that_was_never_saved_begins_its_curves_anew(tmp_path):
  path = tmp_path / 'curves.csv'
  _write_points(path, (1.0, 0.125))
  curves = reporting.Curves(str(path), ('minutes', 'reward'), resume_at=0.0)
  assert len(curves) == 0
  assert _read(path) == [['minutes', 'reward']]


def test_curves_of_a_version_with_fewer_columns_go_on(tmp_path):
  path = tmp_path / 'curves.csv'
  _write_points(path, (1.0, 0.125))
  columns = ('minutes', 'loss', 'reward')
  curves = reporting.Curves(str(path), columns, resume_at=9.0)
  assert curves.column('reward') == [0.125]
  assert np.isnan(curves.column('loss')).all()
  curves.append({'minutes': 2.0, 'loss': 0.5, 'reward': 0.25})
  assert _read(path) == [
    list(columns),
    ['1', 'nan', '0.125'],
    ['2', '0.5', '0.25'],
  ]


def test_curves_that_are_not_there_begin_at_a_resume(tmp_path):
  path = tmp_path / 'curves.csv'
  reporting.Curves(str(path), ('minutes', 'reward'), resume_at=5.0)
  assert _read(path) == [['minutes', 'reward']]


@pytest.mark.parametrize('cut', [b'2', b'2,', b'2,-', b'2,6.1e-', b'2,0.3'])
def test_row_that_was_cut_is_dropped(tmp_path, cut):
  path = tmp_path / 'curves.csv'
  _write_points(path, (1.0, 0.125))
  path.write_bytes(path.read_bytes() + cut)
  curves = reporting.Curves(str(path), ('minutes', 'reward'), resume_at=9.0)
  assert _read(path)[1:] == [['1', '0.125']]
  assert len(curves) == 1


def test_curves_with_other_columns_are_refused(tmp_path):
  path = tmp_path / 'curves.csv'
  _write_points(path, (1.0, 0.125))
  before = path.read_bytes()
  for columns in (('minutes', 'loss'), ('minutes',)):
    with pytest.raises(ValueError, match=r'curves.csv. has the columns .*give'):
      reporting.Curves(str(path), columns, resume_at=9.0)
  assert path.read_bytes() == before


def test_new_curves_replace_those_that_were_there(tmp_path):
  path = tmp_path / 'curves.csv'
  _write_points(path, (1.0, 0.125))
  assert len(reporting.Curves(str(path), ('minutes', 'loss'))) == 0
  assert _read(path) == [['minutes', 'loss']]


def _plot(folder, validation: float) -> np.ndarray:
  curves = reporting.Curves(str(folder / 'curves.csv'), _COLUMNS)
  for minutes in (1.0, 2.0, 3.0):
    point = dict.fromkeys(_COLUMNS, 0.2 * minutes)
    point |= {'minutes': minutes, 'validation_imitation_reward': validation}
    curves.append(point)
  path = str(folder / 'curves.png')
  reporting.plot_curves(curves, path)
  return np.asarray(Image.open(path).convert('RGB'))


def test_plot_shows_the_curves(tmp_path):
  low, high = _plot(tmp_path, 0.1), _plot(tmp_path, 0.9)
  assert low.shape == high.shape == (380, 1300, 3)
  # Background, axes, and lines of several colours.
  colours = np.unique(low.reshape(-1, 3), axis=0)
  assert len(colours) > 20
  # One line of the first panel alone has moved.
  changed = np.any(low != high, axis=(0, 2))
  assert changed[: 1300 // 3].any()
  assert not changed[1300 // 3 :].any()


def test_curves_without_demonstrations_are_drawn_alike(tmp_path):
  environment = fakes.FakeEnvironment(True)
  columns = training.curve_columns(
    evaluation.ReturnEvaluator(environment, environment, environment, 1).columns
  )
  assert 'validation_stacked' not in columns
  curves = reporting.Curves(str(tmp_path / 'curves.csv'), columns)
  curves.append(dict.fromkeys(columns, 0.5))
  path = str(tmp_path / 'curves.png')
  reporting.plot_curves(curves, path)
  assert np.asarray(Image.open(path)).shape[:2] == (380, 1300)


def _row(policy: str, **values: float) -> dict:
  metrics = dict.fromkeys(evaluation.OneShotMetrics.names(), 0.0)
  named = {'demonstrations': 'validation', 'policy': policy, 'episodes': 20}
  return {**named, **metrics, **values}


def test_table_as_text_and_as_csv(tmp_path):
  path = tmp_path / 'table.md'
  rows = [
    _row('trained', imitation_reward=0.91234, stacked=1.0),
    _row('untrained', hand_error=1 / 3),
  ]
  text = reporting.write_table(rows, str(path))
  assert path.read_text() == text
  title, rule, first, second = (
    [cell.strip() for cell in line.strip('|\n').split('|')]
    for line in text.splitlines()
  )
  assert title == [
    'demonstrations',
    'policy',
    'episodes',
    'imitation reward a step',
    'tracked',
    'end-effector error (m)',
    'task return / demonstration',
    'stacked',
  ]
  assert all(set(cell) == {'-'} for cell in rule)
  assert first[:4] == ['validation', 'trained', '20', '0.912']
  assert first[4:] == ['0.000', '0.000', '0.000', '1.000']
  assert second[5] == '0.333'
  # Columns stand below each other.
  assert len({len(line) for line in text.splitlines()}) == 1

  header, *lines = _read(tmp_path / 'table.csv')
  assert header[3:] == list(evaluation.OneShotMetrics.names())
  assert [line[:3] for line in lines] == [
    ['validation', 'trained', '20'],
    ['validation', 'untrained', '20'],
  ]
  # In full precision.
  assert float(lines[1][header.index('hand_error')]) == 1 / 3


def test_table_has_a_column_for_each_metric():
  assert tuple(reporting.COLUMNS) == evaluation.OneShotMetrics.names()


@pytest.fixture(scope='module')
def filmer():
  return reporting.Filmer(_SIZE)


def test_frame_shows_both_states_side_by_side(filmer, training_set):
  start, end = training_set[0].states[[0, -1]]
  same, different = filmer.frame(start, start), filmer.frame(start, end)
  assert same.shape == (_SIZE, 2 * _SIZE, 3)
  assert same.dtype == np.uint8
  # Below the labels the halves are equal where the states are.
  left, right = np.split(same[_SIZE // 3 :], 2, axis=1)
  np.testing.assert_array_equal(left, right)
  assert left.std() > 10.0
  np.testing.assert_array_equal(different[:, :_SIZE], same[:, :_SIZE])
  assert np.any(different[_SIZE // 3 :, _SIZE:] != right)


def test_frame_shows_what_the_policy_sees_below(training_set):
  images = ('close_image', 'side_image')
  filmer = reporting.Filmer(_SIZE, images, image_size=8)
  environment = block_stacking.load(images, image_size=(8, 8))
  states = training_set[0].states[[0, -1]]
  picture = filmer.frame(*states)
  assert picture.shape == (_SIZE + _SIZE // 2, 2 * _SIZE, 3)
  for half, state in zip(np.split(picture, 2, axis=1), states, strict=True):
    seen = environment.reset_to(state).observation
    for part, name in zip(
      np.split(half[_SIZE:], 2, axis=1), images, strict=True
    ):
      middles = (np.arange(8) * 2 + 1) * part.shape[0] // 16
      np.testing.assert_array_equal(part[middles][:, middles], seen[name])
  environment.close()
  filmer.close()


def test_film_holds_every_frame(filmer, training_set, tmp_path):
  path = str(tmp_path / 'film.mp4')
  states = [d.states for d in training_set[:2]]
  # A rollout may end before its demonstration.
  pairs = [(states[0][:9], states[0][:7]), (states[1][50:55], states[0][50:55])]
  filmer.film(pairs, path)
  frames = imageio_ffmpeg.read_frames(path)
  meta = next(frames)
  assert meta['size'] == (2 * _SIZE, _SIZE)
  assert meta['fps'] == reporting.FRAMES_PER_SECOND
  shape = (_SIZE, 2 * _SIZE, 3)
  pictures = [np.frombuffer(f, np.uint8).reshape(shape) for f in frames]
  assert len(pictures) == 7 + 5
  # Up to the compression the last one is what was sent.
  sent = filmer.frame(states[1][54], states[0][54]).astype(float)
  assert np.abs(pictures[-1] - sent).mean() < 8.0


def test_strip_shows_the_demonstration_above_the_rollout(
  filmer, training_set, tmp_path
):
  path = str(tmp_path / 'strip.png')
  demonstration, rollout = training_set[0].states, training_set[1].states
  length = min(len(demonstration), len(rollout))
  filmer.strip((demonstration, rollout), path, num_frames=3)
  picture = np.asarray(Image.open(path))
  assert picture.shape == (2 * _SIZE, 3 * _SIZE, 3)
  for column, step in enumerate((0, (length - 1) // 2, length - 1)):
    frame = filmer.frame(demonstration[step], rollout[step])
    part = picture[:, column * _SIZE : (column + 1) * _SIZE]
    np.testing.assert_array_equal(part[:_SIZE], frame[:, :_SIZE])
    np.testing.assert_array_equal(part[_SIZE:], frame[:, _SIZE:])


def test_states_of_a_rollout(following, training_set):
  demonstration, rollout = reporting.rollout_states(
    following, evaluation.replay_actions(following), 1
  )
  np.testing.assert_array_equal(demonstration, training_set[1].states)
  np.testing.assert_array_equal(rollout, training_set[1].states)
  _, still = reporting.rollout_states(
    following, lambda _: np.zeros(9, np.float32), 1
  )
  assert still.shape == demonstration.shape
  np.testing.assert_array_equal(still[0], demonstration[0])
  assert np.any(still[-1] != demonstration[-1])
