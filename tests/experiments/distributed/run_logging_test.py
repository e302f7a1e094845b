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
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from experiments.distributed import run_logging


def _rows(path) -> list[dict[str, str]]:
  with open(path, newline='') as file:
    return list(csv.DictReader(file))


def test_columns_may_come_later(tmp_path):
  path = tmp_path / 'log.csv'
  logger = run_logging.CsvLogger(str(path))
  logger.write({'steps': 1})
  logger.write({'steps': 2, 'loss': 0.5})
  first, second = _rows(path)
  assert (first['steps'], first['loss']) == ('1', '')
  assert (second['steps'], second['loss']) == ('2', '0.5')


def test_a_resumed_run_goes_on_in_the_same_file(tmp_path):
  path = tmp_path / 'log.csv'
  run_logging.CsvLogger(str(path)).write({'a': 1, 'b': 2})
  run_logging.CsvLogger(str(path)).write({'b': 3})
  assert [(r['a'], r['b']) for r in _rows(path)] == [('1', '2'), ('', '3')]


@pytest.mark.parametrize('cut', ['7', '7,1', 'header'])
def test_a_row_that_was_cut_short_is_left_out(tmp_path, cut):
  path = tmp_path / 'log.csv'
  run_logging.CsvLogger(str(path)).write({'steps': 1})
  if cut == 'header':
    path.write_text('time,st')
  else:
    path.write_text(path.read_text() + cut)
  logger = run_logging.CsvLogger(str(path))
  logger.write({'steps': 2})
  expected = ['2'] if cut == 'header' else ['1', '2']
  assert [row['steps'] for row in _rows(path)] == expected


def test_nested_returns_are_flattened_into_csv_and_tensorboard(tmp_path):
  logger = run_logging.make_logger(str(tmp_path), 'imitation_actor/3', 0.0)
  logger.write({'episode_return': {'imitation': np.float32(1.5), 'task': 0}})
  folder = tmp_path / 'imitation_actor' / '3'
  (row,) = _rows(folder / 'log.csv')
  assert row['episode_return/imitation'] == '1.5'
  assert row['episode_return/task'] == '0.0'
  assert list(folder.glob('events.out.tfevents.*'))


def test_rows_come_no_faster_than_asked(tmp_path):
  logger = run_logging.make_logger(str(tmp_path), 'node', 1000.0)
  for step in range(5):
    logger.write({'steps': step})
  assert len(_rows(tmp_path / 'node' / 'log.csv')) == 1


def test_the_last_row_comes_as_the_logger_is_closed(tmp_path):
  logger = run_logging.make_logger(str(tmp_path), 'node', 1000.0)
  for step in (1, 2, 3):
    logger.write({'steps': step})
  logger.close()
  rows = _rows(tmp_path / 'node' / 'log.csv')
  assert [row['steps'] for row in rows] == ['1.0', '3.0']


def test_log_that_cannot_be_written_is_named_with_the_remedy(tmp_path):
  logger = run_logging.make_logger(str(tmp_path), 'node', 0.0)
  logger.write({'steps': 1})
  path = tmp_path / 'node' / 'log.csv'
  path.unlink()
  path.symlink_to('/dev/full')
  with pytest.raises(
    OSError, match=rf'No log could be written to {path.parent}.*No space left'
  ):
    logger.write({'steps': 2})


def test_events_that_cannot_be_written_are_named_alike(tmp_path):
  logger = run_logging.make_logger(str(tmp_path), 'node', 0.0)
  full = tf.errors.UnknownError(None, None, 'Could not flush events file.')
  with (
    mock.patch.object(run_logging._Summary, 'write', side_effect=full),
    pytest.raises(OSError, match=r'flush events file.*make room'),
  ):
    logger.write({'steps': 1})
