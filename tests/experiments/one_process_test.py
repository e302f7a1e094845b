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
"""Tests of a run in one process: what it refuses, what it records, its table."""

import dataclasses
import json
import os
import pathlib
import shutil
from typing import Callable

import h5py
import numpy as np
import pytest

from environments import block_stacking
from environments import demonstrations as demonstrations_lib
from environments.demonstrations import recording
from experiments import demonstrations as demonstrations_command
from experiments import experiment as experiment_lib
from experiments import one_process
from experiments import overrides
from experiments import run_folder as run_folder_lib
from experiments.datasets import record
from experiments.datasets import run_dataset


def _snapshot(folder: str | os.PathLike) -> dict[str, bytes]:
  """Returns all files of a folder with their bytes."""
  root = pathlib.Path(folder)
  return {
    str(path.relative_to(root)): path.read_bytes()
    for path in sorted(root.rglob('*'))
    if path.is_file()
  }


def test_run_folder_that_exists_is_left_as_it_is(
  experiment, run_folder, tmp_path
):
  folder = pathlib.Path(run_folder)
  folder.mkdir(parents=True)
  (folder / 'curves.csv').write_text('precious')
  before = _snapshot(tmp_path)
  with pytest.raises(
    run_folder_lib.RunFolderError, match='another --run_folder'
  ):
    one_process.run(experiment, run_folder)
  assert _snapshot(tmp_path) == before


def test_empty_run_folder_is_refused_alike(experiment, run_folder):
  os.makedirs(run_folder)
  with pytest.raises(run_folder_lib.RunFolderError, match=r"run' exists"):
    one_process.run(experiment, run_folder)
  assert os.listdir(run_folder) == []


def test_run_folder_that_cannot_be_made(experiment, run_folder, tmp_path):
  file = tmp_path / 'file'
  file.write_text('in the way')
  with pytest.raises(
    run_folder_lib.RunFolderError,
    match=r'cannot be made .*give another --run_folder',
  ):
    one_process.run(experiment, str(file / 'run'))
  assert file.read_text() == 'in the way'


# Each spoils a copy of the dataset, of which it is given the two files.
def _remove(train: pathlib.Path, validation: pathlib.Path) -> None:
  validation.unlink()


def _empty(train: pathlib.Path, validation: pathlib.Path) -> None:
  train.write_bytes(b'')


def _hollow(train: pathlib.Path, validation: pathlib.Path) -> None:
  with h5py.File(train, 'a') as h5:
    for name in list(h5['data']):
      del h5['data'][name]


def _truncate(train: pathlib.Path, validation: pathlib.Path) -> None:
  train.write_bytes(train.read_bytes()[: train.stat().st_size // 2])


def _rename_task(train: pathlib.Path, validation: pathlib.Path) -> None:
  with h5py.File(validation, 'a') as h5:
    h5['data'].attrs['env_name'] = 'cart_pole'
    h5['data'].attrs['env_args'] = json.dumps({'env_name': 'cart_pole'})


def _keep_one(train: pathlib.Path, validation: pathlib.Path) -> None:
  with h5py.File(validation, 'a') as h5:
    del h5['data/demo_1']


def _remove_blocks(train: pathlib.Path, validation: pathlib.Path) -> None:
  with h5py.File(train, 'a') as h5:
    for demo in h5['data'].values():
      del demo['obs/blocks'], demo['final_obs/blocks']


def _replace(
  file: pathlib.Path, demo: str, **values: Callable[[np.ndarray], np.ndarray]
) -> None:
  """Replaces datasets of one demonstration."""
  with h5py.File(file, 'a') as h5:
    group = h5['data'][demo]
    for name, change in values.items():
      changed = change(group[name][()])
      del group[name]
      group[name] = changed


def _shorten_states(train: pathlib.Path, validation: pathlib.Path) -> None:
  _replace(
    validation,
    'demo_1',
    states=lambda x: x[:, :-1],
    final_state=lambda x: x[:-1],
  )


def _shorten_actions(train: pathlib.Path, validation: pathlib.Path) -> None:
  _replace(train, 'demo_2', actions=lambda x: x[:, :8])


def _spoil_states(train: pathlib.Path, validation: pathlib.Path) -> None:
  _replace(train, 'demo_1', states=lambda x: np.full_like(x, np.nan))


def _change_model(train: pathlib.Path, validation: pathlib.Path) -> None:
  with h5py.File(train, 'a') as h5:
    h5['data'].attrs['model_hash'] = 'another'


def _change_rate(train: pathlib.Path, validation: pathlib.Path) -> None:
  with h5py.File(validation, 'a') as h5:
    h5['data'].attrs['control_timestep'] = 0.1


def _flip_a_byte(train: pathlib.Path, validation: pathlib.Path) -> None:
  with h5py.File(train) as h5:
    rewards = h5['data/demo_2/rewards'].id
    offset = rewards.get_chunk_info(0).byte_offset
  content = bytearray(train.read_bytes())
  content[offset] ^= 1
  train.write_bytes(content)


def _spoil_actions(train: pathlib.Path, validation: pathlib.Path) -> None:
  _replace(validation, 'demo_0', actions=lambda x: np.full_like(x, np.nan))


def _make_long(train: pathlib.Path, validation: pathlib.Path) -> None:
  length = len(demonstrations_lib.load(train.parent)[0])
  repeats = block_stacking.EPISODE_LENGTH // length + 1
  names = ('actions', 'dones', 'rewards', 'states', 'obs/body', 'obs/blocks')
  _replace(
    train,
    'demo_0',
    **{name: lambda x: np.concatenate([x] * repeats) for name in names},
  )
  with h5py.File(train, 'a') as h5:
    h5['data/demo_0'].attrs['num_samples'] = repeats * length


def _forget_rewards(train: pathlib.Path, validation: pathlib.Path) -> None:
  _replace(train, 'demo_0', rewards=np.zeros_like)


@pytest.mark.parametrize(
  ('spoil', 'message'),
  [
    (_remove, r'no dataset at .*validation.*; record one, or correct the path'),
    (_empty, r'train.* cannot be read .*copy'),
    (_hollow, r'train.* holds no demonstrations; record some'),
    (_truncate, r'train.* cannot be read .*copy'),
    (_rename_task, r"validation.* of 'cart_pole', but 'jaco_block_stacking'"),
    (_keep_one, r'validation holds 1 demonstration; 2 are needed'),
    (_remove_blocks, r"train.*demo_0 .* lacks \['blocks'\]; record with"),
    (_change_model, r"train.*'another', but .*--any-model"),
    (_change_rate, r'validation.* 0\.1, but 0\.05 is needed; set the same'),
    (_flip_a_byte, r'train.* cannot be read .*copy'),
    (_spoil_states, r"train.*demo_1/states.*'states' that are not finite"),
    (_shorten_states, r'validation: .*recorded with another model'),
    (
      _shorten_actions,
      r'train: Demonstration 2 has actions .*\(8,\).*this environment',
    ),
    (_spoil_actions, r"validation.*demo_0/actions.*'actions' .*not finite"),
    (
      _make_long,
      r'train: Demonstration 0 has \d{3,4} steps.*550.*leave it out',
    ),
    (_forget_rewards, r'train: Demonstration 0 .*task return of 0.*leave it'),
  ],
)
def test_dataset_that_cannot_be_used(
  experiment, run_folder, tmp_path, spoil: Callable, message: str
):
  root = tmp_path / 'dataset'
  shutil.copytree(experiment.demonstrations.dataset, root)
  spoil(*(root / n / 'demonstrations.hdf5' for n in ('train', 'validation')))
  before = _snapshot(root)
  experiment = overrides.replace(
    experiment, 'demonstrations.dataset', str(root)
  )
  with pytest.raises(demonstrations_lib.DatasetError, match=message) as error:
    one_process.run(experiment, run_folder)
  assert str(error.value).count('\n') == 0
  assert _snapshot(root) == before
  # Nor is an empty run left behind.
  assert not os.path.exists(os.path.dirname(run_folder))


def test_folder_without_a_dataset(experiment, run_folder, tmp_path):
  experiment = overrides.replace(
    experiment, 'demonstrations.dataset', str(tmp_path / 'nowhere')
  )
  with pytest.raises(demonstrations_lib.DatasetError, match='no dataset at'):
    one_process.run(experiment, run_folder)
  assert not os.path.exists(tmp_path / 'nowhere')


def test_interrupted_recording_says_where(
  experiment, run_folder, monkeypatch, capsys
):
  def interrupt(*unused_args, **unused_kwargs):
    raise KeyboardInterrupt

  monkeypatch.setattr(record, 'record', interrupt)
  experiment = overrides.replace(experiment, 'demonstrations.dataset', None)
  with pytest.raises(KeyboardInterrupt):
    one_process.run(experiment, run_folder)
  out = capsys.readouterr().out
  assert f'Interrupted. What there is was kept in {run_folder}' in out
  assert sorted(os.listdir(run_folder)) == ['experiment.json', 'lock']


def test_interrupt_while_recording_keeps_whole_episodes(
  experiment, run_folder, monkeypatch, capsys
):
  whole = recording.record_episode

  def record_episode(environment, style, seed):
    if seed == 2:
      raise KeyboardInterrupt
    return whole(environment, style, seed)

  monkeypatch.setattr(recording, 'record_episode', record_episode)
  experiment = overrides.replace(experiment, 'demonstrations.dataset', None)
  with pytest.raises(KeyboardInterrupt):
    one_process.run(experiment, run_folder)
  assert 'Interrupted. What there is was kept' in capsys.readouterr().out
  monkeypatch.setattr(recording, 'record_episode', whole)
  folder = os.path.join(run_folder, 'demonstrations', 'train')
  with pytest.raises(
    demonstrations_lib.DatasetError, match=r'go on .*--resume'
  ):
    demonstrations_lib.load(folder)
  arguments = ('--demonstrator=brisk', '--episodes=2', '--resume')
  assert demonstrations_command.main(['record', folder, *arguments]) == 0
  kept = demonstrations_lib.load(folder, task=block_stacking.TASK_NAME)
  assert [d.seed for d in kept] == [0, 1]


def _recorded_seeds(experiment, run_folder, monkeypatch) -> dict[str, range]:
  """Returns the seeds with which a run would record, by demonstrator."""
  seeds = {}

  def note(wanted: record.Settings, **unused_kwargs) -> int:
    seeds[wanted.demonstrator] = range(
      wanted.seed, wanted.seed + wanted.num_episodes
    )
    if len(seeds) == 2:
      raise KeyboardInterrupt
    return wanted.num_episodes

  monkeypatch.setattr(record, 'record', note)
  with pytest.raises(KeyboardInterrupt):
    one_process.run(
      overrides.replace(experiment, 'demonstrations.dataset', None), run_folder
    )
  return seeds


@pytest.mark.parametrize('seed', [0, 1, 25_000, 2**31 - 1])
def test_validation_starts_elsewhere(experiment, run_folder, monkeypatch, seed):
  experiment = dataclasses.replace(
    experiment,
    seed=seed,
    demonstrations=experiment_lib.Demonstrations(
      num_train=60, num_validation=20
    ),
  )
  seeds = _recorded_seeds(experiment, run_folder, monkeypatch)
  assert [len(s) for s in seeds.values()] == [60, 20]
  assert set(seeds) == {'brisk', 'careful'}
  assert not set(seeds['brisk']) & set(seeds['careful'])
  # NumPy takes no larger ones.
  assert min(map(min, seeds.values())) >= 0
  assert max(map(max, seeds.values())) < 2**32


def test_a_resume_acts_from_other_starts_and_evaluates_from_the_same(
  experiment, tmp_path
):
  dataset = run_dataset.prepare(experiment, str(tmp_path))

  def starts(steps_before: int) -> dict[str, np.ndarray]:
    environments = one_process._make_environments(
      experiment, dataset, steps_before
    )
    found = {}
    for name, environment in environments.items():
      blocks = [environment.reset().observation['blocks'] for _ in range(4)]
      found[name] = np.array(blocks)
      environment.close()
    return found

  new, again, resumed = starts(0), starts(0), starts(1000)
  for name, blocks in new.items():
    np.testing.assert_array_equal(blocks, again[name])
    same = name not in ('imitation', 'task', 'source')
    assert np.array_equal(blocks, resumed[name]) == same, name


def test_run_folder_is_named_after_the_time():
  parent, name = os.path.split(run_folder_lib.default())
  assert parent == 'runs'
  date, _, time = name.partition('-')
  assert (len(date), len(time)) == (8, 6)
  assert (date + time).isdigit()
