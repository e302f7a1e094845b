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
"""Tests that recordings survive crashes, full disks and second recorders."""

import errno
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest

from environments import demonstrations
from environments.demonstrations import writer as writer_lib
from tests.environments.demonstrations import dataset_fakes as fakes

_ROOT = pathlib.Path(__file__).parents[3]


def _writer(file: str, **options) -> demonstrations.DatasetWriter:
  return demonstrations.DatasetWriter(file, fakes.METADATA, **options)


def _episodes(file: str) -> int:
  """Checks every episode of an unfinished recording and counts them."""
  files = writer_lib.recorded_files(file)
  for index, episode in enumerate(files):
    fakes.assert_same(demonstrations.load(episode)[0], fakes.make(index))
  return len(files)


@pytest.fixture
def file(tmp_path) -> str:
  """Path of a dataset that does not exist yet."""
  return str(tmp_path / 'new.hdf5')


def _run(code: str, *arguments: str) -> subprocess.Popen:
  """Starts a process that can call `record(writer, start, stop)`."""
  prelude = """
    import itertools, os, resource, signal, sys
    from environments.demonstrations import writer as writer_lib
    from environments import demonstrations
    from tests.environments.demonstrations import dataset_fakes as fakes

    file = sys.argv[1]

    def record(writer, indices):
      for index in indices:
        writer.append(fakes.make(index))
        print(index + 1, flush=True)
  """
  code = textwrap.dedent(prelude) + textwrap.dedent(code)
  return subprocess.Popen(
    [sys.executable, '-c', code, *arguments],
    cwd=_ROOT,
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def test_episodes_become_a_dataset(file):
  with _writer(file) as writer:
    for seed in range(12):
      writer.append(fakes.make(seed))
      assert len(writer) == seed + 1
    assert not os.path.exists(file)
  assert os.listdir(os.path.dirname(file)) == ['new.hdf5']
  found = demonstrations.load(file, fakes.TASK)
  for seed, item in enumerate(found):
    fakes.assert_same(item, fakes.make(seed))
  assert len(found) == 12
  with h5py.File(file) as h5:
    assert h5['data'].attrs['total'] == 12 * 6
  with pytest.raises(demonstrations.DatasetError, match='has ended'):
    writer.append(fakes.make())


@pytest.mark.parametrize('episodes', [1, 5, 20])
def test_killed_recorder_loses_at_most_one_episode(file, episodes):
  process = _run(
    """
    with demonstrations.DatasetWriter(file, fakes.METADATA) as writer:
      record(writer, itertools.count())
    """,
    file,
  )
  assert process.stdout
  for line in process.stdout:
    if int(line) == episodes:
      break
  process.send_signal(signal.SIGKILL)
  printed = [episodes, *map(int, process.communicate()[0].split())]
  recorded = _episodes(file)
  assert printed[-1] <= recorded <= printed[-1] + 1
  with pytest.raises(
    demonstrations.DatasetError, match=rf'{recorded} episode.*--resume'
  ):
    demonstrations.load(file)
  with pytest.raises(demonstrations.DatasetError, match='not come to its end'):
    _writer(file)
  with _writer(file, resume=True) as writer:
    assert writer.seeds == tuple(range(recorded))
    writer.append(fakes.make(recorded))
  assert len(demonstrations.load(file)) == recorded + 1
  assert os.listdir(os.path.dirname(file)) == ['new.hdf5']


@pytest.mark.parametrize('call', ['fsync', 'replace', 'rmtree'])
def test_crash_at_any_step_of_writing(file, call):
  """Kills the process at its n-th call that changes the disk."""
  for survived in range(12):
    process = _run(
      """
      import shutil
      name, left = sys.argv[2], int(sys.argv[3])
      module = shutil if name == 'rmtree' else os
      function = getattr(module, name)

      def dying(*arguments, **options):
        global left
        if not left:
          os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return function(*arguments, **options)

      setattr(module, name, dying)
      with demonstrations.DatasetWriter(file, fakes.METADATA) as writer:
        record(writer, range(2))
      """,
      file,
      call,
      str(survived),
    )
    printed = process.communicate()[0].split()
    if process.returncode == 0:
      assert len(demonstrations.load(file)) == 2
      break
    if os.path.exists(file):
      assert len(demonstrations.load(file)) == 2
      os.remove(file)
      shutil.rmtree(writer_lib.partial_folder(file), ignore_errors=True)
      continue
    assert len(printed) <= _episodes(file) <= len(printed) + 1
    with _writer(file, resume=True) as writer:
      for seed in range(len(writer), 2):
        writer.append(fakes.make(seed))
    assert len(demonstrations.load(file)) == 2
    os.remove(file)
  else:
    pytest.fail('It never came to its end.')


def test_interrupt_in_the_middle_of_an_episode(file):
  writer = _writer(file)
  writer.append(fakes.make(0))
  with pytest.raises(KeyboardInterrupt), writer:
    raise KeyboardInterrupt
  assert _episodes(file) == 1
  assert not os.path.exists(file)
  _writer(file, resume=True).finish()
  assert len(demonstrations.load(file)) == 1


def test_recording_without_an_episode_leaves_nothing(file):
  writer = _writer(file)
  with pytest.raises(demonstrations.DatasetError, match='no demonstrations'):
    writer.finish()
  assert not os.listdir(os.path.dirname(file))


def test_second_recorder_is_refused(file):
  process = _run(
    """
    with demonstrations.DatasetWriter(file, fakes.METADATA) as writer:
      record(writer, range(1))
      sys.stdin.read()
    """,
    file,
  )
  assert process.stdout
  assert process.stdout.readline() == '1\n'
  for resume in (False, True):
    with pytest.raises(
      demonstrations.DatasetError, match=f'pid {process.pid}.* is recording to'
    ):
      _writer(file, resume=resume)
  process.communicate()
  assert len(demonstrations.load(file)) == 1
  with pytest.raises(demonstrations.DatasetError, match='exists'):
    _writer(file, resume=True)


def test_existing_dataset_is_left_as_it_is(file):
  demonstrations.save(file, [fakes.make()], fakes.TASK)
  before = pathlib.Path(file).read_bytes()
  for resume in (False, True):
    with pytest.raises(demonstrations.DatasetError, match='exists'):
      _writer(file, resume=resume)
  assert pathlib.Path(file).read_bytes() == before
  assert os.listdir(os.path.dirname(file)) == ['new.hdf5']


def test_resuming_with_other_settings_is_refused(file):
  writer = _writer(file)
  writer.append(fakes.make())
  writer.release()
  other = demonstrations.Metadata(fakes.TASK, control_timestep=0.02)
  with pytest.raises(demonstrations.DatasetError, match='same settings'):
    demonstrations.DatasetWriter(file, other, resume=True)
  with _writer(file, resume=True) as writer:
    observations = {'body': np.zeros((7, 4), np.float32)}
    with pytest.raises(demonstrations.DatasetError, match='same observables'):
      writer.append(fakes.make(observations=observations))
  assert len(demonstrations.load(file)) == 1


def test_gap_in_an_unfinished_recording_is_named(file):
  writer = _writer(file)
  for seed in range(3):
    writer.append(fakes.make(seed))
  writer.release()
  os.remove(writer_lib.recorded_files(file)[1])
  with pytest.raises(
    demonstrations.DatasetError, match=r'episode_000001.hdf5 is missing'
  ):
    _writer(file, resume=True)


def test_full_disk_while_an_episode_is_written(file):
  process = _run(
    """
    writer = demonstrations.DatasetWriter(file, fakes.METADATA)
    record(writer, range(3))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, -1))
    try:
      record(writer, [3])
    except demonstrations.DatasetError as error:
      print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    record(writer, [3])
    """,
    file,
  )
  output, errors = process.communicate()
  assert process.returncode == 0, errors
  assert 'The disk is full' in output
  assert '3 episode(s) are kept' in output
  assert '--resume' in output
  assert _episodes(file) == 4
  assert not [name for name in os.listdir(file + '.partial') if 'tmp' in name]


def test_full_disk_while_the_dataset_is_put_together(file):
  process = _run(
    """
    try:
      with demonstrations.DatasetWriter(file, fakes.METADATA) as writer:
        record(writer, range(5))
        size = os.path.getsize(writer_lib.recorded_files(file)[0])
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 * size, -1))
    except demonstrations.DatasetError as error:
      print(error)
    """,
    file,
  )
  output, errors = process.communicate()
  assert process.returncode == 0, errors
  assert 'The disk is full' in output
  assert _episodes(file) == 5
  assert os.listdir(os.path.dirname(file)) == ['new.hdf5.partial']
  _writer(file, resume=True).finish()
  assert len(demonstrations.load(file)) == 5


def test_full_disk_while_a_dataset_is_saved(file):
  process = _run(
    """
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))
    try:
      demonstrations.save(file, [fakes.make(i) for i in range(5)], 'a task')
    except demonstrations.DatasetError as error:
      print(error)
    """,
    file,
    '20000',
  )
  output, errors = process.communicate()
  assert process.returncode == 0, errors
  assert 'The disk is full' in output
  assert f'{file} was not written. Make room and try again.' in output
  assert not os.listdir(os.path.dirname(file))


def test_folder_that_cannot_be_written(tmp_path, monkeypatch):
  def refuse(*_, **__):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))

  monkeypatch.setattr(os, 'makedirs', refuse)
  with pytest.raises(
    demonstrations.DatasetError, match='Read-only file system'
  ):
    _writer(str(tmp_path / 'new' / 'file.hdf5'))


def _robomimic_info(file: str) -> dict:
  """Reads what robomimic's get_dataset_info.py reads, the way it does."""
  with h5py.File(file, 'r') as h5:
    names = sorted(h5['data'], key=lambda name: int(name[5:]))
    actions = [h5[f'data/{name}/actions'][()] for name in names]
    lengths = [a.shape[0] for a in actions]
    structure = {}
    for name in names:
      group = h5[f'data/{name}']
      structure[name] = (
        group.attrs['num_samples'],
        {
          key: {inner: group[key][inner].shape for inner in group[key]}
          if key in ('obs', 'next_obs')
          else group[key].shape
          for key in group
          if key in ('obs', 'next_obs') or isinstance(group[key], h5py.Dataset)
        },
      )
    return {
      'env_args': json.loads(h5['data'].attrs['env_args']),
      'total': int(np.sum(lengths)),
      'attribute_total': h5['data'].attrs['total'],
      'bounds': (min(a.min() for a in actions), max(a.max() for a in actions)),
      'structure': structure,
    }


def test_file_is_read_the_way_robomimic_reads_it(file):
  with _writer(file) as writer:
    for seed in range(11):
      writer.append(fakes.make(seed, steps=4 + seed))
  info = _robomimic_info(file)
  assert list(info['structure']) == [f'demo_{k}' for k in range(11)]
  assert info['total'] == info['attribute_total'] == sum(range(4, 15))
  assert info['env_args']['env_name'] == fakes.TASK
  assert set(info['env_args']) == {'env_name', 'type', 'env_kwargs'}
  assert -1 <= info['bounds'][0] < info['bounds'][1] <= 1
  for k, (samples, shapes) in enumerate(info['structure'].values()):
    assert samples == 4 + k
    assert shapes['obs'] == {'body': (4 + k, 3), 'image': (4 + k, 4, 4, 3)}
    assert shapes['actions'] == (4 + k, 2)
    assert shapes['states'] == (4 + k, 7)
    assert shapes['rewards'] == shapes['dones'] == (4 + k,)
