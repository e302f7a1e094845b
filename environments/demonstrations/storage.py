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
"""Arrays that stay in their HDF5 file until they are used.

A `Store` stands for a file that does not change. Each process opens it for
itself when it first reads, also after a fork or with a pickled copy: HDF5's
handles belong to one process alone, and many processes can read at once. A fork
waits until no thread reads, for a child cannot read if one did.
Recently read arrays are kept in memory, up to a number of bytes that does not
depend on the file's size.
"""

import collections
import contextlib
import dataclasses
import errno
import os
import threading
from typing import Any, Callable, cast, Hashable, Iterator, Optional

import h5py
from h5py import _objects
import numpy as np
from numpy.lib import mixins

from environments.demonstrations import demonstration

DatasetError = demonstration.DatasetError

# Recently read arrays that a process keeps: some hundred demonstrations without
# images, or a thousand images.
CACHE_BYTES = 64 * 2**20
# Rows of more bytes are frames: they are read one by one. An array of smaller
# rows is read as a whole, for that costs no more than one row of it.
FRAME_BYTES = 4096
_MAX_HANDLES = 256

# h5py's lock around all of HDF5. A child that was forked while another thread held
# it would wait for that thread, which it does not have, for ever.
os.register_at_fork(
  before=_objects.phil.acquire,
  after_in_parent=_objects.phil.release,
  after_in_child=_objects.phil.release,
)

# What h5py and NumPy raise on damaged files and on those of another kind.
_READ_ERRORS = (
  ArithmeticError,
  AttributeError,
  LookupError,
  MemoryError,
  OSError,
  RuntimeError,
  TypeError,
  ValueError,
)


# Parts of HDF5's messages, and what they say of the file and what to do. Only a
# file that is known to be bad is called so.
_REMEDIES_BY_WORDS = {
  'unable to lock file': (
    'the file may be fine: a program writes to it, or its file system has no '
    'locks. Wait for that program, or set HDF5_USE_FILE_LOCKING=FALSE in the '
    'environment, or read a copy on a local disk'
  ),
  'lib/plugin': (
    'the file may be fine: it is compressed by a filter that is not installed '
    'here. Rewrite it with `h5repack -f GZIP=4 OLD NEW`'
  ),
  'truncated file': 'it lacks its end; copy it again from where it is whole',
  'file signature not found': (
    'it is no HDF5 file, or lacks its beginning; correct the path or restore a '
    'copy'
  ),
  'checksum': 'its content has changed since it was written; restore a copy',
}
_REMEDIES_BY_NUMBER = {
  errno.EACCES: 'the file may be fine: give yourself permission to read it',
  errno.EPERM: 'the file may be fine: give yourself permission to read it',
  errno.EMFILE: 'the file may be fine: raise the limit of `ulimit -n`',
  errno.ENFILE: 'the file may be fine: end programs, too many files are open',
  errno.EISDIR: 'it is a folder; give the path of an HDF5 file',
  errno.ENOENT: 'it was removed or renamed; correct the path',
}


@contextlib.contextmanager
def readable(file: str) -> Iterator[None]:
  """Turns errors of reading a file into a DatasetError.

  Args:
    file: path of the file, for the error's message.
  """
  try:
    yield
  except DatasetError:
    raise
  except _READ_ERRORS as error:
    raise DatasetError(
      f'{file} cannot be read ({type(error).__name__}: {error}); '
      f'{_remedy(error)}.'
    ) from error


def _remedy(error: Exception) -> str:
  """Returns what an error of reading says of the file, and what to do."""
  text = str(error)
  for words, remedy in _REMEDIES_BY_WORDS.items():
    if words in text:
      return remedy
  if isinstance(error, MemoryError):
    return 'the file may be fine: end other programs, memory is short'
  number = getattr(error, 'errno', None)
  if number is not None:
    return _REMEDIES_BY_NUMBER.get(
      number, 'the file may be fine: try again, or read a copy on a local disk'
    )
  return (
    'it is damaged, or has another layout than docs/demonstrations.md '
    'describes; compare it with that, or restore a copy'
  )


class _Session:
  """A process's own handle of a file, and its recently read arrays.

  Args:
    file: the open HDF5 file.
    cache_bytes: largest number of bytes of recently read arrays that are kept.
  """

  def __init__(self, file: h5py.File, cache_bytes: int):
    self.pid = os.getpid()
    self._file = file
    self._handles: dict[str, h5py.Dataset] = {}
    self._lock = threading.Lock()
    self._cache: collections.OrderedDict[Hashable, np.ndarray] = (
      collections.OrderedDict()
    )
    self._free_bytes = cache_bytes

  def dataset(self, location: str) -> h5py.Dataset:
    """Returns the open HDF5 dataset at a location, such as data/demo_0/actions."""
    with self._lock:
      handle = self._handles.get(location)
      if handle is None:
        if len(self._handles) >= _MAX_HANDLES:
          self._handles.clear()
        handle = self._handles[location] = self._file[location]
    return handle

  def cached(self, key: Hashable, read: Callable[[], np.ndarray]) -> np.ndarray:
    """Returns an array that was read before, or reads it.

    Args:
      key: key of the array in the cache.
      read: function that reads the array.

    Returns:
      The array, which is read-only.
    """
    with self._lock:
      values = self._cache.get(key)
      if values is not None:
        self._cache.move_to_end(key)
        return values
    values = read()
    values.flags.writeable = False  # It is handed out again.
    with self._lock:
      if key not in self._cache:
        self._cache[key] = values
        self._free_bytes -= values.nbytes
      while self._free_bytes < 0:
        _, oldest = self._cache.popitem(last=False)
        self._free_bytes += oldest.nbytes
    return values


class Store:
  """An HDF5 file that arrays are read from.

  Args:
    file: path of the HDF5 file, which must not change any more.
    cache_bytes: largest number of bytes of recently read arrays that each
      process keeps in memory.

  Raises:
    DatasetError: if the file cannot be read, now or when an array is read.
  """

  def __init__(self, file: str, cache_bytes: int = CACHE_BYTES):
    self.file = os.path.abspath(file)
    self._cache_bytes = cache_bytes
    self._identity = self._identify()
    self._session: Optional[_Session] = None

  def _identify(self) -> tuple[int, int]:
    """Returns the file's size in bytes and its modification time in ns."""
    with readable(self.file):
      status = os.stat(self.file)
    return status.st_size, status.st_mtime_ns

  def __getstate__(self) -> dict[str, Any]:
    return {**self.__dict__, '_session': None}

  def open(self) -> h5py.File:
    """Returns a new handle of the file, for reading."""
    return h5py.File(self.file, 'r')

  def session(self) -> _Session:
    """Returns this process's handle of the file and its cache."""
    session = self._session
    if session is None or session.pid != os.getpid():
      if self._identify() != self._identity:
        raise DatasetError(
          f'{self.file} has changed since it was loaded; load it again.'
        )
      session = self._session = _Session(self.open(), self._cache_bytes)
    return session


@dataclasses.dataclass(frozen=True)
class Source:
  """The place of an array in an HDF5 file.

  Attributes:
    name: name of the array in error messages.
    location: path of the HDF5 dataset that holds the rows.
    final: path of the HDF5 dataset that holds one more row, the last one; None
      if there is none.
    shape: shape of the array with its last row.
    dtype: type that the elements are read as.
  """

  name: str
  location: str
  final: Optional[str]
  shape: tuple[int, ...]
  dtype: np.dtype


class StoredArray(mixins.NDArrayOperatorsMixin):
  """An array in a file, read-only; it is read when it is indexed or used.

  Length, shape and type are known without reading. An index into an array of
  frames reads that frame alone. All other operations read the whole array and
  are NumPy's. A deep copy is an array in memory.

  Args:
    store: the file that the array is read from.
    source: place of the array in the file.
  """

  def __init__(self, store: Store, source: Source):
    self._store = store
    self._source = source

  @property
  def shape(self) -> tuple[int, ...]:
    """Shape of the array."""
    return self._source.shape

  @property
  def dtype(self) -> np.dtype:
    """Type of the elements."""
    return self._source.dtype

  @property
  def has_frames(self) -> bool:
    """Whether rows are frames: so large that they are read one by one."""
    row = int(np.prod(self.shape[1:])) * self.dtype.itemsize
    return row > FRAME_BYTES

  def __len__(self) -> int:
    return self.shape[0]

  def __repr__(self) -> str:
    return (
      f'StoredArray({self._store.file!r}, {self._source.location!r}, '
      f'shape={self.shape}, dtype={self.dtype})'
    )

  def __array__(self, dtype: Optional[np.dtype] = None) -> np.ndarray:
    with readable(self._store.file):
      session = self._store.session()
      if self.has_frames:
        values = self._read(session)
      else:
        values = session.cached(
          self._source.location, lambda: self._read(session)
        )
    return values if dtype is None else values.astype(dtype, copy=False)

  def __getitem__(self, index: Any) -> np.ndarray:
    if not self.has_frames or not isinstance(index, (int, np.integer)):
      return self.__array__()[index]
    step = int(index) + (len(self) if index < 0 else 0)
    if not 0 <= step < len(self):
      raise IndexError(f'{index} is beyond the {len(self)} frames of {self!r}.')
    with readable(self._store.file):
      session = self._store.session()
      return session.cached(
        (self._source.location, step), lambda: self._read_frame(session, step)
      )

  def __iter__(self) -> Iterator[np.ndarray]:
    return (self[index] for index in range(len(self)))

  def __array_ufunc__(
    self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any
  ) -> Any:
    arrays = (
      np.asarray(x) if isinstance(x, StoredArray) else x for x in inputs
    )
    return getattr(ufunc, method)(*arrays, **kwargs)

  def __deepcopy__(self, memo: dict[int, Any]) -> np.ndarray:
    return np.array(self)

  def __getattr__(self, name: str) -> Any:
    # Methods and properties of arrays: sum, max, copy, T, ...
    if name.startswith('_'):
      raise AttributeError(name)
    return getattr(self.__array__(), name)

  def _read(self, session: _Session) -> np.ndarray:
    """Reads the whole array."""
    rows = session.dataset(self._source.location)
    values = np.empty(self.shape, self.dtype)
    if self._source.final is None:
      rows.read_direct(values)
    else:
      rows.read_direct(values, dest_sel=np.s_[: len(self) - 1])
      values[-1] = session.dataset(self._source.final)[()]
    return self._checked(values)

  def _read_frame(self, session: _Session, step: int) -> np.ndarray:
    """Reads one row."""
    if self._source.final is not None and step == len(self) - 1:
      row = session.dataset(self._source.final)[()]
    else:
      row = session.dataset(self._source.location)[step]
    return self._checked(row.astype(self.dtype, copy=False))

  def _checked(self, values: np.ndarray) -> np.ndarray:
    """Returns the values; raises a DatasetError if one is not finite."""
    try:
      demonstration.check_finite(self._source.name, values)
    except DatasetError as error:
      raise DatasetError(
        f'{self._store.file}, {self._source.location}: {error}'
      ) from None
    return values


def array(store: Store, source: Source) -> np.ndarray:
  """Returns an array in a file, which is used like one of NumPy's.

  Args:
    store: the file that the array is read from.
    source: place of the array in the file.
  """
  return cast(np.ndarray, StoredArray(store, source))


def in_memory(values: np.ndarray) -> np.ndarray:
  """Reads an array into memory, unless its rows are frames: those stay stored."""
  if isinstance(values, StoredArray) and values.has_frames:
    return values
  return np.asarray(values)
