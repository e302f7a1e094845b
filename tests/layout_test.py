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
"""Tests of the layout: arrows between packages, BUILD targets, sizes of files."""

import ast
from collections.abc import Iterator
import pathlib
import re
import sys
from typing import NamedTuple

import pytest

from experiments import machine

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_PACKAGES = ('acme_metamimic', 'environments', 'experiments', 'tests')
_FILES = sorted(
  file for package in _PACKAGES for file in (_ROOT / package).rglob('*.py')
)
_FOLDERS = sorted({file.parent for file in _FILES})
_MAX_LINES = 400

# Where a distribution is not named as its module is.
_DISTRIBUTIONS = {
  'absl': 'absl-py',
  'acme': 'dm-acme',
  'courier': 'dm-launchpad',
  'launchpad': 'dm-launchpad',
  'PIL': 'pillow',
  'reverb': 'dm-reverb',
  'sonnet': 'dm-sonnet',
  'tensorflow': 'tensorflow-cpu',
  'tree': 'dm-tree',
}


def _name(path: pathlib.Path) -> str:
  return path.relative_to(_ROOT).as_posix()


def _imports(file: pathlib.Path) -> Iterator[tuple[str, str]]:
  """Yields modules and what is imported from them, '' for all."""
  for node in ast.walk(ast.parse(file.read_text())):
    if isinstance(node, ast.Import):
      yield from ((alias.name, '') for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      assert node.module, f'{_name(file)} has a relative import.'
      yield from ((node.module, alias.name) for alias in node.names)


def _imported_tops(file: pathlib.Path) -> set[str]:
  return {module.partition('.')[0] for module, _ in _imports(file)}


@pytest.mark.parametrize(
  ('package', 'others'),
  [
    ('acme_metamimic', {'environments', 'experiments', 'tests'}),
    ('environments', {'acme_metamimic', 'experiments', 'tests'}),
    ('experiments', {'tests'}),
  ],
)
def test_arrows_between_packages(package, others):
  for file in (_ROOT / package).rglob('*.py'):
    wrong = _imported_tops(file) & others
    assert not wrong, f'{_name(file)} imports {sorted(wrong)}.'


def test_files_are_short_enough_to_read():
  lines = {_name(f): len(f.read_text().splitlines()) for f in _FILES}
  too_long = {name: n for name, n in lines.items() if n > _MAX_LINES}
  assert not too_long, f'Split what has more than {_MAX_LINES} lines.'


class _Target(NamedTuple):
  """A target of a BUILD file."""

  rule: str
  name: str
  srcs: list[str]
  deps: list[str]
  packages: list[str]  # Third-party, in comments.


def _read_build(folder: pathlib.Path) -> list[_Target]:
  """Runs a BUILD file, whose language is a part of Python's."""
  text = (folder / 'BUILD').read_text()
  # A target's text goes on to the next line that begins one.
  comments = {
    re.findall(r'name = "(\w+)"', part)[0]: re.findall(r'# pip: (\S+)', part)
    for part in re.split(r'^(?=py_)', text, flags=re.MULTILINE)[1:]
  }
  targets: list[_Target] = []

  def define(rule: str):
    def add(name, srcs, deps=(), **unused_attributes):
      targets.append(_Target(rule, name, srcs, [*deps], comments[name]))

    return add

  def ignore(*unused_args, **unused_kwargs):
    pass

  statements = dict.fromkeys(
    ('exports_files', 'licenses', 'load', 'package'), ignore
  )
  rules = {rule: define(rule) for rule in ('py_library', 'py_test')}
  exec(text, {**statements, **rules})
  return targets


def _target_name(file: pathlib.Path) -> str:
  return file.parent.name if file.name == '__init__.py' else file.stem


def _label(file: pathlib.Path, folder: pathlib.Path) -> str:
  """Returns the label of a file's target as it is written in a folder."""
  name = _target_name(file)
  if file.parent == folder:
    return f':{name}'
  package = f'//{_name(file.parent)}'
  return package if file.name == '__init__.py' else f'{package}:{name}'


def _source(module: str, name: str) -> pathlib.Path:
  """Returns the file that an import is satisfied by."""
  path = _ROOT / module.replace('.', '/')
  for candidate in (path.with_suffix('.py'), path / f'{name}.py'):
    if candidate.is_file():
      return candidate
  return path / '__init__.py'


def _has_code(file: pathlib.Path) -> bool:
  return file.is_file() and len(ast.parse(file.read_text()).body) > 1


def _needed(file: pathlib.Path) -> set[str]:
  """Returns labels of the files that a file needs to be run."""
  sources = {
    _source(module, name)
    for module, name in _imports(file)
    if module.partition('.')[0] in _PACKAGES
  }
  # Settings of the environment, which come before any import.
  package = _ROOT / file.relative_to(_ROOT).parts[0] / '__init__.py'
  if package.parent.name == 'experiments' and file != package:
    assert _has_code(package)
    sources.add(package)
  fixtures = file.parent / 'conftest.py'
  # Every test depends on those of tests/, by its rule.
  if (
    file.name.endswith('_test.py')
    and fixtures.is_file()
    and file.parent != _ROOT / 'tests'
  ):
    sources.add(fixtures)
  return {_label(source, file.parent) for source in sources}


def _needed_packages(file: pathlib.Path) -> set[str]:
  tops = _imported_tops(file) - set(_PACKAGES) - set(sys.stdlib_module_names)
  return {_DISTRIBUTIONS.get(top, top.replace('_', '-')) for top in tops}


@pytest.mark.parametrize('folder', _FOLDERS, ids=_name)
def test_every_file_is_one_target(folder):
  targets = _read_build(folder)
  files = sorted(folder.glob('*.py'))
  assert [t.name for t in targets] == sorted(map(_target_name, files))
  by_name = {target.name: target for target in targets}
  for file in files:
    target = by_name[_target_name(file)]
    assert target.srcs == [file.name]
    is_test = file.name.endswith('_test.py')
    assert target.rule == ('py_test' if is_test else 'py_library')


@pytest.mark.parametrize('folder', _FOLDERS, ids=_name)
def test_targets_depend_on_what_they_import(folder):
  for target in _read_build(folder):
    file = folder / target.srcs[0]
    assert len(set(target.deps)) == len(target.deps)
    assert set(target.deps) == _needed(file), _name(file)
    assert set(target.packages) == _needed_packages(file), _name(file)
    assert target.packages == sorted(target.packages)


def test_packages_of_the_targets_are_pinned():
  pins = machine.read_pins()
  used = {
    p for folder in _FOLDERS for t in _read_build(folder) for p in t.packages
  }
  assert used <= set(pins)
