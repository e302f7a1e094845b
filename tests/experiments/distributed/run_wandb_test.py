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

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
from typing import Any, Mapping

import pytest

from experiments.distributed import run_logging
from experiments.distributed import run_wandb

_ROOT = pathlib.Path(__file__).resolve().parents[3]


class Sent:
  """Stands for a run of Weights & Biases where what arrives is looked at."""

  def __init__(self) -> None:
    self.rows: list[dict[str, float]] = []
    self.exit_code: int | None = None

  def log(self, data: Mapping[str, float]) -> None:
    self.rows.append(dict(data))

  def finish(self, exit_code: int) -> None:
    self.exit_code = exit_code


def _logger(folder: pathlib.Path, label: str) -> run_logging.CsvLogger:
  (folder / label).mkdir(parents=True, exist_ok=True)
  return run_logging.CsvLogger(str(folder / label / run_logging.FILE))


def _mirror(folder: pathlib.Path, sent: Sent, **arguments: Any):
  state = run_wandb._State.read(str(folder), 'new')
  return run_wandb.WandbMirror(sent, str(folder), state, **arguments)


def test_rows_go_out_once_with_the_nodes_names(tmp_path):
  learner, sent = _logger(tmp_path, 'imitation_learner'), Sent()
  mirror = _mirror(tmp_path, sent)
  learner.write({'imitation_learner_steps': 10, 'loss': 0.5})
  mirror.send()
  mirror.send()
  learner.write({'imitation_learner_steps': 20, 'loss': 0.25})
  mirror.send()
  assert sent.rows == [
    {'imitation_learner/loss': 0.5, 'imitation_learner_steps': 10.0},
    {'imitation_learner/loss': 0.25, 'imitation_learner_steps': 20.0},
  ]


def test_rows_of_all_nodes_come_in_the_order_of_time(tmp_path):
  sent = Sent()
  for label, start in (('b', 1.0), ('a', 2.0)):
    (tmp_path / label).mkdir()
    (tmp_path / label / run_logging.FILE).write_text(
      f'time,value\n{start},1\n{start + 2.0},2\n'
    )
  _mirror(tmp_path, sent).send()
  assert [next(iter(row)) for row in sent.rows] == [
    'b/value',
    'a/value',
    'b/value',
    'a/value',
  ]


def test_updates_are_the_axis_of_nodes_that_do_not_know_them(tmp_path):
  sent = Sent()
  mirror = _mirror(tmp_path, sent)
  _logger(tmp_path, 'counter').write({'imitation_learner_steps': 30})
  mirror.send()
  _logger(tmp_path, 'replay/0').write({'task_size': 7})
  mirror.send()
  assert sent.rows[-1] == {
    'replay/0/task_size': 7.0,
    'imitation_learner_steps': 30.0,
  }


def test_a_column_that_comes_later_repeats_no_row(tmp_path):
  counter, sent = _logger(tmp_path, 'counter'), Sent()
  mirror = _mirror(tmp_path, sent)
  counter.write({'a': 1})
  mirror.send()
  counter.write({'a': 2, 'b': 3})
  counter.write({'a': 4, 'b': 5, 'c': 6})
  mirror.send()
  assert [row['counter/a'] for row in sent.rows] == [1.0, 2.0, 4.0]
  assert 'counter/c' not in sent.rows[1]
  assert sent.rows[2]['counter/c'] == 6.0


def test_a_line_that_is_not_finished_waits(tmp_path):
  _logger(tmp_path, 'counter').write({'a': 1})
  sent, path = Sent(), tmp_path / 'counter' / run_logging.FILE
  mirror = _mirror(tmp_path, sent)
  with open(path, 'a', newline='') as file:
    file.write('123.0,')
    file.flush()
    mirror.send()
    assert len(sent.rows) == 1
    file.write('2\r\n')
  mirror.send()
  assert [row['counter/a'] for row in sent.rows] == [1.0, 2.0]


def test_a_resumed_run_has_the_same_name_and_repeats_no_row(tmp_path):
  logger = _logger(tmp_path, 'counter')
  logger.write({'a': 1})
  _mirror(tmp_path, Sent()).close(0)
  logger.write({'a': 2})
  sent = Sent()
  _mirror(tmp_path, sent).send()
  assert [row['counter/a'] for row in sent.rows] == [2.0]
  assert run_wandb._State.read(str(tmp_path), 'other').run_id == 'new'


def test_one_actor_stands_for_those_that_are_alike(tmp_path):
  sent = Sent()
  for index in (0, 1, 10):
    _logger(tmp_path, f'imitation_actor/{index}').write({'a': index})
  _logger(tmp_path, 'replay/1').write({'size': 3})
  _mirror(tmp_path, sent).send()
  assert [next(iter(row)) for row in sent.rows] == [
    'imitation_actor/0/a',
    'replay/1/size',
  ]


def test_logs_are_read_now_and_then_and_at_the_end(tmp_path):
  _logger(tmp_path, 'counter').write({'a': 1})
  sent = Sent()
  mirror = _mirror(tmp_path, sent, period_seconds=1000.0)
  mirror()
  assert not sent.rows
  mirror.close(1)
  assert len(sent.rows) == 1
  assert sent.exit_code == 1
  mirror = _mirror(tmp_path, sent, period_seconds=0.0)
  _logger(tmp_path, 'counter').write({'a': 2})
  mirror()
  assert len(sent.rows) == 2


def test_a_missing_package_is_named_with_the_remedy(tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, 'wandb', None)
  with pytest.raises(run_wandb.WandbError, match=r'pip install \.\[wandb\]'):
    run_wandb.start('project', str(tmp_path), {})


def send_offline(folder: pathlib.Path) -> Mapping[str, Any]:
  """Sends two rows in two runs of the package; returns what it has written."""
  import wandb
  from wandb.proto import wandb_internal_pb2
  from wandb.sdk.internal import datastore

  logger = _logger(folder, 'imitation_learner')
  for loss in (0.5, 0.25):
    logger.write({'imitation_learner_steps': 1 / loss, 'loss': loss})
    mirror = run_wandb.start('project', str(folder), {'seed': 3})
    mirror.close(0)
  wandb.teardown()

  losses, names, configs = [], set(), []
  for path in sorted(folder.glob('wandb/offline-run-*/*.wandb')):
    store = datastore.DataStore()
    store.open_for_scan(str(path))
    while data := store.scan_data():
      record = wandb_internal_pb2.Record()
      record.ParseFromString(data)
      if record.HasField('run'):
        names.add(record.run.run_id)
        configs += [(u.key, u.value_json) for u in record.run.config.update]
      for item in record.history.item:
        if 'imitation_learner/loss' in (item.key, *item.nested_key):
          losses.append(json.loads(item.value_json))
  return {'losses': losses, 'names': list(names), 'configs': configs}


# It looks through all modules for each of its classes: it comes before the others.
_SEND = """
import json, pathlib, sys, wandb
from tests.experiments.distributed import run_wandb_test
sent = run_wandb_test.send_offline(pathlib.Path(sys.argv[1]))
print(json.dumps(sent), file=open(sys.argv[2], 'w'))
"""


@pytest.mark.slow
@pytest.mark.skipif(
  importlib.util.find_spec('wandb') is None, reason='wandb is not installed'
)
def test_the_package_itself_takes_rows_and_resumes(tmp_path):
  path = tmp_path / 'sent.json'
  done = subprocess.run(
    [sys.executable, '-c', _SEND, str(tmp_path), str(path)],
    cwd=_ROOT,
    env={**os.environ, 'WANDB_MODE': 'offline'},
    capture_output=True,
    text=True,
    timeout=300.0,
  )
  assert done.returncode == 0, done.stderr
  sent = json.loads(path.read_text())
  assert sorted(sent['losses']) == [0.25, 0.5]
  assert len(sent['names']) == 1
  assert ['seed', '3'] in sent['configs']
