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
"""Tests of changing fields by their paths."""

import dataclasses
from typing import Any, Optional, Tuple

import pytest

from experiments import overrides
from experiments import presets


@dataclasses.dataclass(frozen=True)
class _Inner:
  low: float = 0.0
  high: float = 1.0
  sizes: Tuple[int, ...] = (2, 3)
  names: Optional[Tuple[str, ...]] = None
  fast: bool = False
  label: Optional[str] = None

  def __post_init__(self) -> None:
    if not self.low < self.high:
      raise ValueError(f'low={self.low} must be below high={self.high}.')
    if self.fast and self.label:
      raise ValueError('what is fast has no label: leave it out.')


@dataclasses.dataclass(frozen=True)
class _Outer:
  inner: _Inner = _Inner()
  other: _Inner = _Inner()
  count: int = 1

  def __post_init__(self) -> None:
    if self.inner.fast and self.count > 5:
      raise ValueError('five of what is fast are the most: lower count.')


def _changed(*texts: str) -> dict[str, Any]:
  """Returns what is not as it was, by path."""
  before, after = _Outer(), overrides.apply(_Outer(), texts)
  old = overrides.values(before)
  return {k: v for k, v in overrides.values(after).items() if old[k] != v}


@pytest.mark.parametrize(
  ('text', 'expected'),
  [
    ('count=3', {'count': 3}),
    ('inner.low=-2.5', {'inner.low': -2.5}),
    # An integer will do where a float is needed.
    ('inner.high=7', {'inner.high': 7.0}),
    ('inner.low=-1e-3', {'inner.low': -1e-3}),
    ('inner.sizes=(4, 5, 6)', {'inner.sizes': (4, 5, 6)}),
    ('inner.sizes=[4, 5]', {'inner.sizes': (4, 5)}),
    ('inner.sizes=4,5', {'inner.sizes': (4, 5)}),
    ('inner.sizes=4', {'inner.sizes': (4,)}),
    ('inner.sizes=()', {'inner.sizes': ()}),
    ('inner.names=image,body', {'inner.names': ('image', 'body')}),
    ("inner.names=('image',)", {'inner.names': ('image',)}),
    ('inner.names=image', {'inner.names': ('image',)}),
    ('inner.fast=true', {'inner.fast': True}),
    ('inner.fast=True', {'inner.fast': True}),
    ('inner.fast=false', {}),
    ('inner.label=text', {'inner.label': 'text'}),
    ("inner.label='text'", {'inner.label': 'text'}),
    ('inner.label=a=b', {'inner.label': 'a=b'}),
    ('inner.label=2024', {'inner.label': '2024'}),
    (' inner.label = /data/some folder ', {'inner.label': '/data/some folder'}),
    ('inner.label=none', {}),
    ('inner.names=None', {}),
  ],
)
def test_values_are_read_as_their_fields_have_them(text, expected):
  changed = _changed(text)
  assert changed == expected
  assert [type(v) for v in changed.values()] == [
    type(v) for v in expected.values()
  ]


def test_optional_value_can_be_taken_away_again():
  config = overrides.apply(_Outer(), ['inner.label=text'])
  assert overrides.apply(config, ['inner.label=none']) == _Outer()


def test_the_last_of_several_counts():
  assert _changed('count=3', 'count=4') == {'count': 4}


def test_no_override_changes_nothing():
  assert overrides.apply(_Outer(), []) == _Outer()


@pytest.mark.parametrize(
  'texts',
  [
    ('inner.low=5', 'inner.high=6'),
    ('inner.high=6', 'inner.low=5'),
  ],
)
def test_values_that_go_together_are_changed_together(texts):
  assert _changed(*texts) == {'inner.low': 5.0, 'inner.high': 6.0}


def test_values_of_several_parts_go_together():
  config = overrides.replace_all(
    _Outer(count=9), {'inner.fast': True, 'count': 5}
  )
  assert (config.inner.fast, config.count) == (True, 5)


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    ('inner.hihg=3', "'inner.hihg' is no field: did you mean inner.high"),
    # The name alone is found wherever it is.
    ('high=3', "'high' is no field: did you mean inner.high or other.high."),
    ('inner=3', "'inner' is no field but has some: inner."),
    ('count.high=3', "'count.high' is no field: did you mean inner.high"),
    ('inner.low.x=3', "'inner.low.x' is no field: did you mean inner.low"),
    (
      'zzzzzzzz=3',
      "'zzzzzzzz' is no field: those that there are begin with count, inner, "
      'other.',
    ),
    ('count', "override 'count' has no value: write it as path=value"),
    ('count=1.5', 'count=1.5 does not fit: give a value of type int.'),
    ('count=true', 'count=True does not fit: give a value of type int.'),
    ('count=none', 'count=None does not fit: give a value of type int.'),
    ('count=many', "count='many' does not fit: give a value of type int."),
    ('count={[]: 1}', "count='{[]: 1}' does not fit: give a value of type int"),
    ('inner.low=True', 'inner.low=True does not fit: give a value of type fl'),
    ('inner.fast=1', 'inner.fast=1 does not fit: give a value of type bool.'),
    ('inner.fast=yes', "inner.fast='yes' does not fit: give a value of type b"),
    ('inner.sizes=4,x', "inner.sizes='x' does not fit: give a value of type i"),
    ('inner.sizes=4,5.5', 'inner.sizes=5.5 does not fit: give a value of type'),
    # What the parts themselves refuse.
    ('inner.low=2', 'inner.low=2.0 must be below high=1.0.'),
    ('inner.high=-1', 'inner.low=0.0 must be below high=-1.0.'),
  ],
)
def test_what_does_not_fit_is_said_in_one_sentence(text, message):
  with pytest.raises(overrides.OverrideError) as error:
    overrides.apply(_Outer(), [text])
  assert str(error.value).startswith(message)
  assert '\n' not in str(error.value)


def test_reason_without_a_field_has_the_values_before_it():
  with pytest.raises(overrides.OverrideError) as error:
    overrides.apply(_Outer(), ['inner.fast=true', 'inner.label=text'])
  assert str(error.value) == (
    "inner.fast=True, inner.label='text': what is fast has no label: leave it "
    'out.'
  )


def test_reason_of_an_outer_part_is_given_as_it_is():
  with pytest.raises(overrides.OverrideError) as error:
    overrides.apply(_Outer(count=9), ['inner.fast=true'])
  assert str(error.value) == 'five of what is fast are the most: lower count.'


def test_paths_and_values_of_all_that_is_nested():
  names = ('low', 'high', 'sizes', 'names', 'fast', 'label')
  expected = (
    *(f'inner.{name}' for name in names),
    *(f'other.{name}' for name in names),
    'count',
  )
  assert overrides.paths(_Outer()) == expected
  values = overrides.values(_Outer())
  assert tuple(values) == expected
  assert values['other.sizes'] == (2, 3)
  assert overrides.replace_all(_Outer(), values) == _Outer()


def test_what_is_changed_is_a_copy():
  before = presets.make('features')
  after = overrides.replace(before, 'imitation.discount', 0.5)
  assert (before.imitation.discount, after.imitation.discount) == (0.95, 0.5)
  assert after.task == before.task


@pytest.mark.parametrize('path', ['program.seed=3', 'program.max_minutes=3'])
def test_limits_of_a_program_are_those_of_the_budget(path):
  with pytest.raises(overrides.OverrideError) as error:
    overrides.apply(presets.make('features'), [path])
  assert str(error.value) == (
    'program.seed and program.max_... are set by `seed` and `budget`: set these.'
  )
