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
"""Changes fields of nested dataclasses by their paths, `half.field=value`."""

import ast
import dataclasses
import difflib
import types
import typing
from typing import Any, Dict, Iterator, Mapping, Sequence, Tuple, TypeVar, Union

T = TypeVar('T')


class OverrideError(ValueError):
  """An override does not fit; the message says what would."""


def apply(config: T, overrides: Sequence[str]) -> T:
  """Returns a dataclass with some of its fields changed.

  Args:
    config: dataclass, whose fields may be dataclasses in their turn.
    overrides: texts such as `imitation.discount=0.9`, in Python's notation for
      values; quotes around strings and parentheses around tuples may be left
      out.

  Returns:
    The changed copy.

  Raises:
    OverrideError: if there is no such field, or the value does not fit it.
  """
  new: Dict[str, Any] = {}
  for text in overrides:
    path, separator, value = text.partition('=')
    if not separator:
      raise OverrideError(
        f'override {text!r} has no value: write it as path=value, for instance '
        'imitation.discount=0.9.'
      )
    new[path.strip()] = _parse(value.strip())
  return replace_all(config, new)


def replace(config: T, path: str, value: Any) -> T:
  """Returns a dataclass with one field changed.

  Args:
    config: dataclass, whose fields may be dataclasses in their turn.
    path: names of fields, joined by dots.
    value: new value, of the field's type.

  Returns:
    The changed copy.

  Raises:
    OverrideError: if there is no such field, or the value does not fit it.
  """
  return replace_all(config, {path: value})


def replace_all(config: T, new: Mapping[str, Any]) -> T:
  """Returns a dataclass with several fields changed.

  They change together, as some values only fit each other.

  Args:
    config: dataclass, whose fields may be dataclasses in their turn.
    new: new values by their paths.

  Returns:
    The changed copy.

  Raises:
    OverrideError: if there is no such field, or a value does not fit.
  """
  known = paths(config)
  for path in new:
    if path not in known:
      raise OverrideError(f'{path!r} is no field{_near(path, known)}.')
  return _replace(config, new, '')


def paths(config: Any) -> Tuple[str, ...]:
  """Returns the paths of all fields that can be changed."""
  return tuple(path for path, _ in _leaves(config))


def values(config: Any) -> Mapping[str, Any]:
  """Returns the values of all fields that can be changed, by their paths."""
  return dict(_leaves(config))


def _replace(config: Any, new: Mapping[str, Any], prefix: str) -> Any:
  changed: Dict[str, Any] = {}
  hints = typing.get_type_hints(type(config))
  for field in dataclasses.fields(config):
    path, current = f'{prefix}{field.name}', getattr(config, field.name)
    if path in new:
      changed[field.name] = _fit(new[path], hints[field.name], path)
    elif any(other.startswith(f'{path}.') for other in new):
      changed[field.name] = _replace(current, new, f'{path}.')
  try:
    return dataclasses.replace(config, **changed)
  except ValueError as error:
    raise OverrideError(_reason(str(error), config, new, prefix)) from None


def _reason(
  reason: str, config: Any, new: Mapping[str, Any], prefix: str
) -> str:
  """Returns why values do not fit, with the paths of the fields."""
  names = [field.name for field in dataclasses.fields(config)]
  if reason.startswith(tuple(f'{name}=' for name in names)):
    return f'{prefix}{reason}'
  given = [
    f'{prefix}{name}={new[prefix + name]!r}'
    for name in names
    if new.get(prefix + name, getattr(config, name)) != getattr(config, name)
  ]
  return ': '.join([', '.join(given), reason] if given else [reason])


def _leaves(config: Any, prefix: str = '') -> Iterator[Tuple[str, Any]]:
  for field in dataclasses.fields(config):
    value = getattr(config, field.name)
    if dataclasses.is_dataclass(value):
      yield from _leaves(value, f'{prefix}{field.name}.')
    else:
      yield f'{prefix}{field.name}', value


def _parse(text: str) -> Any:
  try:
    return ast.literal_eval(text)
  except (SyntaxError, TypeError, ValueError):
    return {'true': True, 'false': False, 'none': None}.get(text.lower(), text)


def _near(path: str, known: Sequence[str]) -> str:
  """Returns what may have been meant."""
  last = path.rpartition('.')[2]
  parts = [other for other in known if other.startswith(f'{path}.')]
  if parts:
    return f' but has some: {", ".join(parts)}'
  same_name = [other for other in known if other.rpartition('.')[2] == last]
  near = same_name or [
    *(other for other in known if path.startswith(f'{other}.')),
    *difflib.get_close_matches(path, known, n=3, cutoff=0.8),
  ]
  if not near:
    return f': those that there are begin with {", ".join(_tops(known))}'
  return f': did you mean {" or ".join(near[:3])}'


def _tops(known: Sequence[str]) -> Sequence[str]:
  return sorted({path.partition('.')[0] for path in known})


def _fit(value: Any, expected: Any, path: str) -> Any:
  """Returns a value as its field's type has it, or raises an OverrideError."""
  origin, arguments = typing.get_origin(expected), typing.get_args(expected)
  if origin in (Union, types.UnionType):
    if value is None and type(None) in arguments:
      return None
    (expected,) = (a for a in arguments if a is not type(None))
    return _fit(value, expected, path)
  if expected is Any or not isinstance(origin or expected, type):
    return value
  if origin is tuple:
    items = value if isinstance(value, (tuple, list)) else _split(value)
    return tuple(_fit(item, arguments[0], path) for item in items)
  kind = origin or expected
  if kind is float and isinstance(value, int) and not isinstance(value, bool):
    return float(value)
  if kind is str and not isinstance(value, (str, type(None))):
    return str(value)
  if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
    raise OverrideError(
      f'{path}={value!r} does not fit: give a value of type '
      f'{getattr(kind, "__name__", kind)}.'
    )
  return value


def _split(value: Any) -> Sequence[Any]:
  if isinstance(value, str):
    return [_parse(item.strip()) for item in value.split(',') if item.strip()]
  return [value]
