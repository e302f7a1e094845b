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
"""Tests that randomly damaged files give an error or the right values."""

import functools
import os
import tempfile

import hypothesis
from hypothesis import strategies
import pytest

from environments import demonstrations
from tests.environments.demonstrations import dataset_fakes as fakes

_ITEMS = (fakes.make(0), fakes.make(1, steps=3))
_METADATA = demonstrations.Metadata(fakes.TASK, 0.05, 'ab' * 32)

_changes = strategies.lists(
  strategies.tuples(
    strategies.floats(0, 1, exclude_max=True), strategies.integers(1, 255)
  ),
  min_size=1,
  max_size=16,
)


@functools.cache
def _content() -> bytes:
  with tempfile.TemporaryDirectory() as folder:
    file = demonstrations.save(folder, _ITEMS, fakes.TASK, 0.05, 'ab' * 32)
    with open(file, 'rb') as stream:
      return stream.read()


def _read(content: bytes) -> bool:
  """Returns whether the content can be read; it must then be right."""
  with tempfile.TemporaryDirectory() as folder:
    file = os.path.join(folder, 'damaged.hdf5')
    with open(file, 'wb') as stream:
      stream.write(content)
    try:
      found = demonstrations.load(file)
      found.verify()
      assert found.metadata == _METADATA
    except demonstrations.DatasetError:
      return False
    for expected, item in zip(_ITEMS, found, strict=True):
      fakes.assert_same(expected, item)
    return True


def test_the_file_is_read_as_long_as_it_is_whole():
  assert _read(_content())


@hypothesis.settings(max_examples=300)
@hypothesis.given(_changes)
def test_bytes_that_changed(changes):
  content = bytearray(_content())
  for place, change in changes:
    content[int(place * len(content))] ^= change
  _read(bytes(content))


@hypothesis.settings(max_examples=100)
@hypothesis.given(strategies.floats(0, 1, exclude_max=True))
def test_end_that_is_missing(share):
  assert not _read(_content()[: int(share * len(_content()))])


@hypothesis.settings(max_examples=100)
@hypothesis.given(
  strategies.floats(0, 1), strategies.floats(0, 1), strategies.binary()
)
def test_piece_that_is_replaced(start, end, piece):
  content = _content()
  first, last = sorted(int(x * len(content)) for x in (start, end))
  _read(content[:first] + piece + content[last:])


@hypothesis.settings(max_examples=100)
@hypothesis.given(strategies.binary(max_size=2000))
def test_anything_after_the_signature(content):
  assert not _read(b'\x89HDF\r\n\x1a\n' + content)


@pytest.mark.slow
@hypothesis.settings(max_examples=1_500)
@hypothesis.given(_changes)
def test_bytes_that_changed_at_length(changes):
  content = bytearray(_content())
  for place, change in changes:
    content[int(place * len(content))] ^= change
  _read(bytes(content))
