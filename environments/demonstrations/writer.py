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
"""Records a dataset episode by episode; a crash loses at most the last one.

An HDF5 file is lost as a whole if a process dies while it writes to it, so the
dataset itself is never written to. Each episode becomes a small file of its own
in a folder beside it, `<file>.partial`: the file is made in memory, written under
a temporary name, synchronized to the disk and renamed, which is atomic on POSIX.
At the end all episodes are copied into a new file, which is synchronized and
renamed in the same way before the folder is removed. At each moment every
recorded episode is complete on the disk, and the dataset is either complete or
not there.
"""

import contextlib
import errno
import fcntl
import io
import os
import shutil
import tempfile
import types
from typing import IO, Iterator, Mapping, Optional, Sequence

import h5py

from environments.demonstrations import dataset
from environments.demonstrations import demonstration as demonstration_lib
from environments.demonstrations import storage

Demonstration = demonstration_lib.Demonstration
DatasetError = demonstration_lib.DatasetError

PARTIAL_SUFFIX = '.partial'
_LOCK = 'lock'
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Room for HDF5's own structures when all episodes are copied into one file.
_SLACK_BYTES = 2**20


def partial_folder(file: str) -> str:
  """Returns the folder that holds the episodes of an unfinished recording.

  Args:
    file: path of the dataset's HDF5 file.
  """
  return file + PARTIAL_SUFFIX


def recorded_files(file: str) -> list[str]:
  """Returns the paths of the episodes of an unfinished recording, in order.

  Args:
    file: path of the dataset's HDF5 file.
  """
  folder = partial_folder(file)
  if not os.path.isdir(folder):
    return []
  return [
    os.path.join(folder, name)
    for name in sorted(os.listdir(folder))
    if name.startswith('episode_') and name.endswith('.hdf5')
  ]


class DatasetWriter:
  """Writes a new dataset episode by episode.

  As a context manager it finishes the dataset at the end of its block, and keeps
  the episodes for a later `resume` if there was an exception.

  Args:
    file: path of the dataset's HDF5 file, which must not exist.
    metadata: metadata that all episodes share.
    resume: whether to go on with an unfinished recording if there is one, in
      place of an error.

  Raises:
    DatasetError: if the file exists, another process is recording to it, or
      there is an unfinished recording that cannot or must not be resumed.
  """

  def __init__(
    self, file: str, metadata: dataset.Metadata, resume: bool = False
  ):
    self._file = file
    self._folder = partial_folder(file)
    self._metadata = metadata
    self._observations: Optional[dict[str, tuple]] = None
    self._seeds: list[int] = []
    check_new(file)
    with _disk_errors(*self._kept(0)):
      os.makedirs(self._folder, exist_ok=True)
      self._lock: Optional[IO[str]] = _lock(file)
    try:
      check_new(file)
      self._open(resume)
    except BaseException:
      self.release()
      raise

  def _open(self, resume: bool) -> None:
    """Takes in the episodes of an unfinished recording, if there is one."""
    for name in os.listdir(self._folder):
      if name.endswith('.tmp'):  # It was being written when a process died.
        os.remove(os.path.join(self._folder, name))
    files = recorded_files(self._file)
    if files and not resume:
      raise DatasetError(
        f'{self._folder} holds {len(files)} episodes of a recording that did '
        'not come to its end. Go on with it (--resume), choose another path, or '
        'move the folder away.'
      )
    for index, name in enumerate(files):
      if name != self._episode_file(index):
        raise DatasetError(
          f'{self._episode_file(index)} is missing from the unfinished '
          'recording; restore it, or rename the others to close the gap.'
        )
      episode = dataset.Dataset(name)
      if episode.metadata != self._metadata:
        raise DatasetError(
          f'{name} was recorded with {episode.metadata}, not with '
          f'{self._metadata}; resume with the same settings.'
        )
      self._accept(episode[0])

  @property
  def seeds(self) -> Sequence[int]:
    """Seeds of the recorded episodes, in their order."""
    return tuple(self._seeds)

  def __len__(self) -> int:
    """Number of recorded episodes."""
    return len(self._seeds)

  def _episode_file(self, index: int) -> str:
    return os.path.join(self._folder, f'episode_{index:06d}.hdf5')

  def _kept(self, count: int) -> tuple[str, str]:
    """Returns what is kept after an error of the disk, and the remedy."""
    kept = f'{count} episode(s) are kept in {self._folder}'
    return (
      kept if count else 'nothing was recorded before',
      'go on with the recording (--resume)',
    )

  def _accept(self, demonstration: Demonstration) -> None:
    """Counts an episode in, whose observations must be like the others'."""
    found = {
      key: (frames.shape[1:], str(frames.dtype))
      for key, frames in demonstration.observations.items()
    }
    if self._observations not in (None, found):
      raise DatasetError(
        f'The demonstration has observations {found}, the others of '
        f'{self._file} have {self._observations}; record with the same '
        'observables.'
      )
    self._observations = found
    self._seeds.append(demonstration.seed)

  def append(
    self, demonstration: Demonstration, masks: Sequence[str] = ()
  ) -> None:
    """Writes an episode, which is on the disk when this returns.

    Args:
      demonstration: the recorded episode.
      masks: names of the masks that it belongs to.

    Raises:
      DatasetError: if its observations are not like the others' or the disk is
        full; the episodes that were recorded before are kept.
    """
    if self._lock is None:
      raise DatasetError(
        f'The recording of {self._file} has ended; start anew.'
      )
    index = len(self)
    content = _content(demonstration, self._metadata, masks)
    self._accept(demonstration)
    try:
      with (
        _disk_errors(*self._kept(index)),
        new_file(self._episode_file(index)) as temporary,
        open(temporary, 'wb') as file,
      ):
        file.write(content)
    except BaseException:
      self._seeds.pop()
      raise

  def finish(self) -> None:
    """Makes the dataset from its episodes and ends the recording.

    Raises:
      DatasetError: if there are no episodes or the disk is full; the episodes are
        kept.
    """
    if not self._seeds:
      self.release()
      raise DatasetError(
        f'There are no demonstrations to write to {self._file}.'
      )
    files = recorded_files(self._file)
    check_new(self._file)
    with (
      _disk_errors(*self._kept(len(files))),
      new_file(self._file) as temporary,
    ):
      _copy(temporary, [(file, 'demo_0') for file in files], self._metadata)
    shutil.rmtree(self._folder)
    self.release()

  def release(self) -> None:
    """Ends the recording and keeps its episodes for a later `resume`."""
    if self._lock is not None:
      if not self._seeds and not recorded_files(self._file):
        shutil.rmtree(self._folder, ignore_errors=True)
      self._lock.close()
      self._lock = None

  def __enter__(self) -> 'DatasetWriter':
    return self

  def __exit__(
    self,
    kind: Optional[type[BaseException]],
    error: Optional[BaseException],
    traceback: Optional[types.TracebackType],
  ) -> None:
    try:
      if kind is None and self._lock is not None:
        self.finish()
    finally:
      self.release()


def check_new(file: str) -> None:
  """Checks that a file is not there yet.

  Args:
    file: path of a file that is to be written.

  Raises:
    DatasetError: if the file exists.
  """
  if os.path.exists(file):
    raise DatasetError(
      f'{file} exists and is left as it is; choose another path or move it away.'
    )


def copy(
  contents: Mapping[str, Sequence[tuple[str, str]]],
  metadata: dataset.Metadata,
  masks: Mapping[str, Sequence[int]] = types.MappingProxyType({}),
) -> None:
  """Copies demonstrations to new files, without compressing them again.

  Args:
    contents: path of the HDF5 file and name (demo_k) of each demonstration, by
      the path of the new HDF5 file. All are written as a whole, or none.
    metadata: metadata of the new files.
    masks: indices of the demonstrations of each further mask; those that the
      demonstrations belong to are copied.

  Raises:
    DatasetError: if a file exists, cannot be read, or the disk is full.
  """
  for file in contents:
    check_new(file)
  names = ' and '.join(contents)
  with (
    _disk_errors(f'nothing was written to {names}', 'try again'),
    new_files(list(contents)) as temporaries,
  ):
    for temporary, sources in zip(temporaries, contents.values()):
      _copy(temporary, sources, metadata, masks)


def _copy(
  file: str,
  sources: Sequence[tuple[str, str]],
  metadata: dataset.Metadata,
  masks: Mapping[str, Sequence[int]] = types.MappingProxyType({}),
) -> None:
  """Copies demonstrations to a file, and the masks that they belong to."""
  size = _SLACK_BYTES + sum(os.path.getsize(f) for f in {f for f, _ in sources})
  members = {
    mask: [f'demo_{index}' for index in indices]
    for mask, indices in masks.items()
  }
  with _hdf5_with_room(file, size) as h5:
    data = h5.create_group('data')
    total = 0
    for index, (source, name) in enumerate(sources):
      with storage.readable(source):
        other = h5py.File(source, 'r')
      with other:
        h5.copy(other[f'data/{name}'], data, name=f'demo_{index}')
        for mask, names in dataset.read_masks(other).items():
          if name in names:
            members.setdefault(mask, []).append(f'demo_{index}')
      total += int(data[f'demo_{index}'].attrs['num_samples'])
    dataset.write_metadata(data, metadata, total)
    dataset.write_masks(h5, members)


@contextlib.contextmanager
def _hdf5_with_room(file: str, size: int) -> Iterator[h5py.File]:
  """Opens a new HDF5 file that has its room on the disk beforehand.

  HDF5 crashes the process when it cannot write, so this fails before that. HDF5
  cuts the file to its real size when it closes it.

  Args:
    file: path of the new HDF5 file.
    size: number of bytes that are reserved on the disk.
  """
  with open(file, 'w+b') as stream:
    os.posix_fallocate(stream.fileno(), 0, size)
    stream.truncate(0)  # HDF5 insists on an empty file.
    with h5py.File(stream, 'w', libver=dataset.LIBVER) as h5:
      os.posix_fallocate(stream.fileno(), 0, size)
      yield h5


def _content(
  demonstration: Demonstration,
  metadata: dataset.Metadata,
  masks: Sequence[str] = (),
) -> bytes:
  """Returns the bytes of an HDF5 file with one demonstration, made in memory."""
  memory = io.BytesIO()
  with h5py.File(memory, 'w', libver=dataset.LIBVER) as h5:
    data = h5.create_group('data')
    dataset.write_metadata(data, metadata, len(demonstration))
    dataset.write_demonstration(data.create_group('demo_0'), demonstration)
    dataset.write_masks(h5, {mask: ['demo_0'] for mask in masks})
  return memory.getvalue()


def write(
  file: str, demonstrations: Sequence[Demonstration], metadata: dataset.Metadata
) -> None:
  """Writes a new dataset, as a whole or not at all.

  Args:
    file: path of the new HDF5 file.
    demonstrations: the demonstrations, in their order.
    metadata: metadata that all demonstrations share.

  Raises:
    DatasetError: if the file exists or the disk is full.
  """
  check_new(file)
  folder = os.path.dirname(os.path.abspath(file))
  os.makedirs(folder, exist_ok=True)
  with (
    _disk_errors(f'{file} was not written', 'try again'),
    tempfile.TemporaryDirectory(dir=folder) as scratch,
  ):
    sources = []
    for index, demonstration in enumerate(demonstrations):
      path = os.path.join(scratch, f'{index}.hdf5')
      with open(path, 'wb') as stream:
        stream.write(_content(demonstration, metadata))
      sources.append((path, 'demo_0'))
    with new_file(file) as temporary:
      _copy(temporary, sources, metadata)


@contextlib.contextmanager
def new_file(file: str) -> Iterator[str]:
  """Yields a temporary path that is renamed to the file if all went well.

  Args:
    file: path of the new file.
  """
  with new_files([file]) as (temporary,):
    yield temporary


@contextlib.contextmanager
def new_files(files: Sequence[str]) -> Iterator[list[str]]:
  """Yields temporary paths that are renamed to the files if all went well.

  Args:
    files: paths of the new files; their folders are made. All appear, or none.
  """
  temporaries = [f'{file}.{os.getpid()}.tmp' for file in files]
  folders = {os.path.dirname(os.path.abspath(file)) for file in files}
  written: list[str] = []
  try:
    for folder in folders:
      os.makedirs(folder, exist_ok=True)
    yield temporaries
    for temporary in temporaries:
      _synchronize(temporary)
    for temporary, file in zip(temporaries, files):
      os.replace(temporary, file)
      written.append(file)
    for folder in folders:
      _synchronize(folder)
  except BaseException:
    _remove(written)
    raise
  finally:
    _remove(temporaries)


def _remove(files: Sequence[str]) -> None:
  for file in files:
    with contextlib.suppress(FileNotFoundError):
      os.remove(file)


def _synchronize(path: str) -> None:
  """Waits until a file or folder is on the disk."""
  descriptor = os.open(path, os.O_RDONLY)
  try:
    os.fsync(descriptor)
  finally:
    os.close(descriptor)


def _lock(file: str) -> IO[str]:
  """Returns the lock of a recording, which ends with the process in any case."""
  path = os.path.join(partial_folder(file), _LOCK)
  lock = open(path, 'a+')  # noqa: SIM115  (It is held while recording.)
  try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # The last holder removes the folder at the end of its recording.
    held = os.path.exists(path) and os.path.samestat(
      os.stat(path), os.fstat(lock.fileno())
    )
  except BlockingIOError:
    held = False
  if not held:
    lock.seek(0)
    holder = lock.read().strip() or 'unknown'
    lock.close()
    raise DatasetError(
      f'Another process (pid {holder}) is recording to {file}; wait until it has '
      'ended or choose another path.'
    )
  lock.truncate(0)
  lock.write(f'{os.getpid()}\n')
  lock.flush()
  return lock


@contextlib.contextmanager
def _disk_errors(kept: str, remedy: str) -> Iterator[None]:
  """Turns errors of the disk into a DatasetError.

  Args:
    kept: clause of the error's message that says what is kept.
    remedy: clause of the error's message that says how to go on.
  """
  try:
    yield
  except DatasetError:
    raise
  except (OSError, RuntimeError) as error:
    if getattr(error, 'errno', None) == errno.ENOLCK:
      raise DatasetError(
        f'The file system has no locks ({error}); {kept}. Record to a local '
        'disk and copy the dataset.'
      ) from error
    full = getattr(error, 'errno', None) in _NO_SPACE or any(
      os.strerror(code) in str(error) for code in _NO_SPACE
    )
    raise DatasetError(
      f'{"The disk is full" if full else "Writing failed"} ({error}); {kept}. '
      f'{"Make room" if full else "Mend this"} and {remedy}.'
    ) from error
