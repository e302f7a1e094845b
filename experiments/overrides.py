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
  for text in overrides:
    path, separator, value = text.partition('=')
    if not separator:
      raise OverrideError(
        f'override {text!r} has no value: write it as path=value, for instance '
        'imitation.discount=0.9.'
      )
    config = replace(config, path.strip(), _parse(value.strip()))
  return config


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
  return _replace(config, path.split('.'), value, path, paths(config))


def paths(config: Any) -> Tuple[str, ...]:
  """Returns the paths of all fields that can be changed."""
  return tuple(path for path, _ in _leaves(config))


def values(config: Any) -> Mapping[str, Any]:
  """Returns the values of all fields that can be changed, by their paths."""
  return dict(_leaves(config))


def fields(config: Any, new: Mapping[str, Any]) -> Dict[str, Any]:
  """Returns the fields of a dataclass with new values, some of them nested.

  Values that only go together are so changed together.

  Args:
    config: dataclass, whose fields may be dataclasses in their turn.
    new: values of some fields, by their paths.

  Returns:
    Arguments for `dataclasses.replace`.

  Raises:
    OverrideError: if a value does not fit its field.
  """
  return _nested_fields(config, new, '')


def _nested_fields(
  config: Any, new: Mapping[str, Any], prefix: str
) -> Dict[str, Any]:
  changed: Dict[str, Any] = {}
  hints = typing.get_type_hints(type(config))
  for field in dataclasses.fields(config):
    path, current = f'{prefix}{field.name}', getattr(config, field.name)
    if dataclasses.is_dataclass(current) and not isinstance(current, type):
      nested = _nested_fields(current, new, f'{path}.')
      if nested:
        changed[field.name] = dataclasses.replace(current, **nested)
    elif path in new:
      changed[field.name] = _fit(new[path], hints[field.name], path)
  return changed


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
  except (SyntaxError, ValueError):
    return {'true': True, 'false': False, 'none': None}.get(text.lower(), text)


def _replace(
  config: Any, names: Sequence[str], value: Any, path: str, known: Sequence[str]
) -> Any:
  name, *rest = names
  fields = {field.name: field for field in dataclasses.fields(config)}
  if name not in fields:
    raise OverrideError(f'{path!r} is no field{_near(path, known)}.')
  current = getattr(config, name)
  if rest and dataclasses.is_dataclass(current):
    value = _replace(current, rest, value, path, known)
  elif rest or dataclasses.is_dataclass(current):
    raise OverrideError(f'{path!r} is no field{_near(path, known)}.')
  else:
    expected = typing.get_type_hints(type(config))[name]
    value = _fit(value, expected, path)
  try:
    return dataclasses.replace(config, **{name: value})
  except ValueError as error:
    reason = str(error)
    if not reason.startswith(f'{name}='):
      reason = f'{name}={value!r}: {reason}'
    raise OverrideError(f'{path[: -len(name)]}{reason}') from None


def _near(path: str, known: Sequence[str]) -> str:
  """Returns what may have been meant."""
  last = path.rpartition('.')[2]
  same_name = [other for other in known if other.rpartition('.')[2] == last]
  near = same_name or difflib.get_close_matches(path, known, n=3, cutoff=0.6)
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
