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
"""Tests of datasets: lazy reading, from many processes, and what is refused."""

from collections.abc import Callable
import copy
import errno
import fcntl
import multiprocessing
import os
import pathlib
import pickle
import subprocess
import sys

import h5py
import numpy as np
import pytest

from environments import demonstrations
from environments.demonstrations import dataset
from environments.demonstrations import storage
from tests.environments.demonstrations import dataset_fakes as fakes


def _save(path: pathlib.Path, items) -> demonstrations.Dataset:
  return demonstrations.load(demonstrations.save(path, items, fakes.TASK))


@pytest.fixture
def frames(tmp_path) -> demonstrations.Dataset:
  """Three demonstrations with images that are read one by one."""
  return _save(tmp_path, [fakes.make(seed, pixels=48) for seed in range(3)])


def test_nothing_is_read_before_it_is_used(frames, monkeypatch):
  def refuse(*_):
    raise AssertionError('was read')

  monkeypatch.setattr(storage.StoredArray, '_read', refuse)
  monkeypatch.setattr(storage.StoredArray, '_read_frame', refuse)
  demonstration = frames[1]
  images = demonstration.observations['image']
  assert len(demonstration) == 6
  assert images.shape == (7, 48, 48, 3)
  assert images.dtype == np.uint8
  assert frames[2].states.shape == (7, 7)
  assert 'image' in repr(images)
  with pytest.raises(AssertionError, match='was read'):
    _ = demonstration.states[0]


def test_a_frame_is_read_without_the_others(frames, monkeypatch):
  monkeypatch.delattr(storage.StoredArray, '_read')
  for seed in (2, 0, 1):
    expected = fakes.make(seed, pixels=48).observations['image']
    images = frames[seed].observations['image']
    for step in (6, 0, 3, 3, -1):
      np.testing.assert_array_equal(images[step], expected[step])
    for step in (7, -8):
      with pytest.raises(IndexError, match='beyond the 7 frames'):
        images[step]


def test_stored_arrays_are_used_like_numpys(frames):
  stored, expected = frames[0], fakes.make(0, pixels=48)
  images, pixels = stored.observations['image'], expected.observations['image']
  np.testing.assert_array_equal(images[1:3, :5], pixels[1:3, :5])
  np.testing.assert_array_equal(list(images), pixels)
  np.testing.assert_array_equal(2.0 * stored.states, 2.0 * expected.states)
  np.testing.assert_array_equal(stored.rewards == 1, expected.rewards == 1)
  np.testing.assert_array_equal(np.stack([stored.actions])[0], expected.actions)
  assert stored.actions.max() == expected.actions.max()
  assert stored.success
  assert not hasattr(images, 'no_such_attribute')
  in_memory = copy.deepcopy(images)
  assert isinstance(in_memory, np.ndarray)
  np.testing.assert_array_equal(in_memory, pixels)


def test_small_rows_in_memory_and_frames_where_they_are(frames):
  stored = frames[1].observations
  body = storage.in_memory(stored['body'])
  assert type(body) is np.ndarray
  np.testing.assert_array_equal(body, stored['body'])
  assert storage.in_memory(stored['image']) is stored['image']
  assert storage.in_memory(body) is body


def test_what_was_read_cannot_be_changed(frames):
  for values in (frames[0].states[0], frames[0].observations['image'][0]):
    with pytest.raises(ValueError, match='read-only'):
      values[:] = 0


def test_memory_does_not_grow_with_the_file(tmp_path):
  items = [fakes.make(seed, pixels=48) for seed in range(8)]
  file = demonstrations.save(tmp_path, items, fakes.TASK)
  limit = 100_000
  found = dataset.Dataset(file, cache_bytes=limit)
  for _ in range(2):
    for expected, item in zip(items, found):
      fakes.assert_same(expected, item)
      for step in range(len(item) + 1):
        item.frame(step)
  session = found._store.session()
  cached = sum(values.nbytes for values in session._cache.values())
  assert 0 < cached <= limit
  assert session._free_bytes == limit - cached


def _seen_by_another(found: demonstrations.Dataset, index: int) -> float:
  return float(found[index].states.sum() + found[index].frame(3)['image'].sum())


def test_processes_read_at_once_after_fork_and_pickle(frames):
  expected = [_seen_by_another(frames, index) for index in range(3)]
  for method in ('fork', 'spawn'):
    context = multiprocessing.get_context(method)
    with context.Pool(3) as pool:
      tasks = [(frames, index % 3) for index in range(12)]
      assert pool.starmap(_seen_by_another, tasks) == expected * 4
  assert [_seen_by_another(frames, index) for index in range(3)] == expected


def test_copy_for_another_process_is_small(frames):
  assert len(pickle.dumps(frames)) < 10_000
  fakes.assert_same(pickle.loads(pickle.dumps(frames))[1], frames[1])


def test_file_that_has_changed_since_is_noticed(frames):
  other = pickle.loads(pickle.dumps(frames))
  os.utime(frames.file, ns=(0, 0))
  with pytest.raises(demonstrations.DatasetError, match='changed since'):
    other[0].states.sum()


def test_metadata_is_kept(tmp_path):
  file = str(tmp_path / 'some.hdf5')
  with demonstrations.DatasetWriter(file, fakes.METADATA) as writer:
    writer.append(fakes.make())
  assert demonstrations.load(file).metadata == fakes.METADATA
  with h5py.File(file) as h5:
    assert h5['data/demo_0'].attrs['success']
    assert h5['data/demo_0/obs/image'].compression == 'gzip'


def test_words_beyond_ascii_are_kept(tmp_path):
  found = _save(tmp_path, [fakes.make(demonstrator='Zoë')])
  assert found[0].demonstrator == 'Zoë'


@pytest.mark.parametrize(
  'wanted, named',
  [
    ({'control_timestep': 0.02}, 'control_timestep 0.05, but 0.02 is needed'),
    ({'model_hash': 'cd' * 32}, f'model_hash {"ab" * 32!r}, but .*arguments'),
    ({'observations': ('body', 'depth')}, r"lacks \['depth'\].*observables"),
  ],
)
def test_other_control_rate_model_or_observations(tmp_path, wanted, named):
  file = demonstrations.save(
    tmp_path, [fakes.make()], fakes.TASK, 0.05, 'ab' * 32
  )
  with pytest.raises(demonstrations.DatasetError, match=named):
    demonstrations.load(file, **wanted)
  assert demonstrations.load(
    file,
    control_timestep=0.05,
    model_hash='ab' * 32,
    observations=('body', 'image'),
  )


def test_missing_images_can_be_rendered(tmp_path):
  item = fakes.make()
  without = {'body': item.observations['body']}
  file = demonstrations.save(
    tmp_path, [fakes.make(observations=without)], fakes.TASK
  )
  with pytest.raises(demonstrations.DatasetError, match=r'add images.*render'):
    demonstrations.load(file, observations=('image',))


@pytest.mark.parametrize('name', ['states', 'obs/body', 'final_state'])
def test_numbers_that_are_not_finite_are_found(tmp_path, name):
  file = demonstrations.save(tmp_path, [fakes.make()], fakes.TASK)
  with h5py.File(file, 'a') as h5:
    h5[f'data/demo_0/{name}'][0] = np.nan
  found = demonstrations.load(file)
  with pytest.raises(
    demonstrations.DatasetError, match=rf'{file}, .*demo_0.*not finite'
  ):
    found.verify()
  np.testing.assert_array_equal(found[0].actions, fakes.make().actions)


def _replace(name: str, values: object, **options: object) -> Callable:
  def damage(h5: h5py.File) -> None:
    del h5[name]
    h5.create_dataset(name, data=values, **options)

  return damage


def _external(name: str) -> Callable:
  def damage(h5: h5py.File) -> None:
    other = h5.filename + '.other'
    with h5py.File(other, 'w') as file:
      h5.copy(h5[name], file, name='copy')
    del h5[name]
    h5[name] = h5py.ExternalLink(other, '/copy')

  return damage


def _huge(h5: h5py.File) -> None:
  for name in ('actions', 'rewards'):
    del h5[f'data/demo_0/{name}']
    h5.create_dataset(
      f'data/demo_0/{name}', (10**12,), np.float32, chunks=(1024,)
    )


def _newer(h5: h5py.File) -> None:
  h5['data'].attrs['format_version'] = 2


@pytest.mark.parametrize(
  'damage, reason',
  [
    (_replace('data/demo_0/actions', ['a'] * 6), 'not numbers'),
    (_replace('data/demo_0/rewards', [pickle.dumps(1)] * 6), 'not numbers'),
    (
      _replace('data/demo_0/final_state', np.zeros(7, 'f4,f4')),
      'not numbers',
    ),
    (_replace('data/demo_0/final_state', np.zeros(8)), 'does not go with'),
    (_external('data/demo_0/states'), 'another file'),
    (_external('data/demo_0'), 'another file'),
    (_external('data'), 'another file'),
    (_huge, 'lacks most of'),
    (_newer, 'format 2'),
  ],
)
def test_foreign_content_is_refused(tmp_path, damage, reason):
  file = demonstrations.save(tmp_path, [fakes.make()], fakes.TASK)
  with h5py.File(file, 'a') as h5:
    damage(h5)
  with pytest.raises(demonstrations.DatasetError, match=f'{file}.*{reason}'):
    demonstrations.load(file)


# Reads in threads and forks children that read, until one does not end in time.
_FORKS_BESIDE_READERS = """
import multiprocessing, os, sys, threading, time
from environments import demonstrations

found = demonstrations.load(sys.argv[1])

def read(index):
  found[index % 3].states.sum()

def read_on():
  with found._store.open() as h5:
    while True:
      h5['data/demo_0/obs/image'][()]

for _ in range(2):
  threading.Thread(target=read_on, daemon=True).start()
time.sleep(0.2)
context = multiprocessing.get_context('fork')
codes = []
for index in range(10):
  child = context.Process(target=read, args=(index,))
  child.start()
  child.join(20)
  codes.append(child.exitcode)
  if child.is_alive():
    child.kill()
    break
print(codes, flush=True)
os._exit(0)  # The threads still read.
"""


def test_a_fork_beside_reading_threads_can_read(frames):
  ended = subprocess.run(
    (sys.executable, '-c', _FORKS_BESIDE_READERS, frames.file),
    check=True,
    capture_output=True,
    text=True,
    timeout=120,
  )
  assert ended.stdout.strip() == str([0] * 10)


def _reason(error: Exception) -> str:
  with (
    pytest.raises(demonstrations.DatasetError) as raised,
    storage.readable('some.hdf5'),
  ):
    raise error
  return str(raised.value)


def test_a_file_that_is_locked_is_not_called_bad(frames):
  with open(frames.file) as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    with pytest.raises(
      demonstrations.DatasetError, match=r'HDF5_USE_FILE_LOCKING=FALSE.*copy'
    ) as raised:
      demonstrations.load(frames.file)
  assert 'may be fine' in str(raised.value)
  assert 'ecord' not in str(raised.value)
  assert len(demonstrations.load(frames.file)) == 3


@pytest.mark.parametrize(
  'error, remedy',
  [
    # What h5py 3.11 says on a file system without locks.
    (
      OSError(
        errno.ENOLCK,
        'Unable to synchronously open file (unable to lock file, errno = 37, '
        "error message = 'No locks available')",
      ),
      'HDF5_USE_FILE_LOCKING=FALSE',
    ),
    (OSError(errno.EACCES, 'Permission denied'), 'permission to read it'),
    (OSError(errno.EMFILE, 'Too many open files'), 'ulimit -n'),
    (OSError(errno.EIO, 'Input/output error'), 'try again'),
    (OSError(errno.ESTALE, 'Stale file handle'), 'copy on a local disk'),
    (MemoryError(), 'memory is short'),
    (
      OSError(
        "Can't synchronously read data (can't open directory "
        '(/usr/local/hdf5/lib/plugin). Please verify its existence)'
      ),
      'h5repack',
    ),
  ],
)
def test_a_file_that_may_be_fine_is_not_to_be_thrown_away(error, remedy):
  reason = _reason(error)
  assert remedy in reason
  assert 'the file may be fine' in reason
  assert 'ecord it' not in reason
  assert 'damaged' not in reason


def test_a_file_that_is_known_to_be_bad_is_called_so(frames):
  path = pathlib.Path(frames.file)
  content = path.read_bytes()
  for changed, remedy in (
    (content[:-9], 'lacks its end; copy it again'),
    (b'time,reward\n' * 100, 'is no HDF5 file.*correct the path'),
  ):
    path.write_bytes(changed)
    with pytest.raises(demonstrations.DatasetError, match=remedy):
      demonstrations.load(frames.file)
