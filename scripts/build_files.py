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
"""Writes the BUILD files: one target a file, its dependencies from its imports.

  python scripts/build_files.py           # Writes them.
  python scripts/build_files.py --check   # Fails if one is not as it would be.

A file that runs as a program is a `py_binary`, one that pytest collects a
`py_test`, any other a `py_library`. Third-party packages stand in comments, as
they come from the Python environment of requirements.txt.
"""

import argparse
import ast
from collections.abc import Iterator
import pathlib
import sys
from typing import Optional, Sequence

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_PACKAGES = (
  'acme_metamimic',
  'environments',
  'experiments',
  'scripts',
  'tests',
)

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

# Files that are read, which no import tells.
_DATA = {
  'experiments/operations/machine.py': (
    '//:requirements-gpu.txt',
    '//:requirements.txt',
  ),
  'experiments/operations/ray_hosts.py': ('hosts.sh',),
  'tests/experiments/operations/wheel_test.py': (
    '//:README.md',
    '//:pyproject.toml',
    '//:setup.py',
  ),
  'tests/layout_test.py': ('//:pyproject.toml',),
  'tests/packaging_test.py': (
    '//:requirements-gpu.txt',
    '//:requirements.in',
    '//:requirements.txt',
    '//:setup.py',
  ),
}
# Tests that look at the whole checkout, which a sandbox does not hold.
_LOCAL = ('tests', 'tests/scripts', 'tests/experiments/operations')

_HEADER = (
  'package(default_visibility = ["{visibility}"])\n\nlicenses(["notice"])\n'
)


def folders() -> list[pathlib.Path]:
  """Returns the folders that hold Python files of the packages."""
  return sorted(
    {
      file.parent
      for package in _PACKAGES
      for file in (_ROOT / package).rglob('*.py')
    }
  )


def build_file(folder: pathlib.Path) -> str:
  """Returns the text of a folder's BUILD file.

  Args:
    folder: of one of the packages.
  """
  is_tests = _name(folder).split('/')[0] == 'tests'
  parts = [_license()]
  if any(_is_test(file) for file in folder.glob('*.py')):
    parts.append('load("//tests:build_defs.bzl", py_test = "pytest_test")\n')
  parts.append(
    _HEADER.format(
      visibility='//tests:__subpackages__'
      if is_tests
      else '//visibility:public'
    )
  )
  if folder == _ROOT / 'tests':
    parts.append('exports_files(["pytest_main.py"])\n')
  parts += [
    _target(file) for file in sorted(folder.glob('*.py'), key=_target_name)
  ]
  return '\n'.join(parts)


def _license() -> str:
  lines = (_ROOT / 'setup.py').read_text().splitlines()
  return ''.join(f'{line}\n' for line in lines[:13])


def _target(file: pathlib.Path) -> str:
  """Returns the text of a file's target."""
  lines = [f'    name = "{_target_name(file)}",']
  text = file.read_text()
  if _is_test(file) and 'pytest.mark.slow' in text:
    lines.append('    size = "large",')
  if file.name == 'conftest.py':
    lines.append('    testonly = True,')
  lines.append(f'    srcs = ["{file.name}"],')
  data = _DATA.get(_name(file), ())
  if len(data) == 1:
    lines.append(f'    data = ["{data[0]}"],')
  elif data:
    lines.append('    data = [')
    lines += [f'        "{label}",' for label in data]
    lines.append('    ],')
  if _is_test(file) and _name(file.parent) in _LOCAL:
    lines.append('    tags = ["local"],')
  deps = [f'        "{label}",' for label in sorted(_needed(file), key=_order)]
  deps += [f'        # pip: {name}' for name in sorted(packages(file))]
  if deps:
    lines += ['    deps = [', *deps, '    ],']
  return '\n'.join([f'{_rule(file, text)}(', *lines, ')\n'])


def _rule(file: pathlib.Path, text: str) -> str:
  if _is_test(file):
    return 'py_test'
  is_program = "__name__ == '__main__'" in text
  return 'py_binary' if is_program else 'py_library'


def _is_test(file: pathlib.Path) -> bool:
  return file.name.endswith('_test.py')


def _name(path: pathlib.Path) -> str:
  return path.relative_to(_ROOT).as_posix()


def _order(label: str) -> tuple[bool, str]:
  # As buildifier has it: those of the folder first.
  return not label.startswith(':'), label.replace(':', '!')


def imports(file: pathlib.Path) -> Iterator[tuple[str, str]]:
  """Yields modules and what is imported from them, '' for all.

  Args:
    file: of Python code.

  Raises:
    ValueError: if there is a relative import.
  """
  for node in ast.walk(ast.parse(file.read_text())):
    if isinstance(node, ast.Import):
      yield from ((alias.name, '') for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      if node.level or not node.module:
        raise ValueError(f'{_name(file)} has a relative import.')
      yield from ((node.module, alias.name) for alias in node.names)


def imported_tops(file: pathlib.Path) -> set[str]:
  """Returns the top packages that a file imports."""
  return {module.partition('.')[0] for module, _ in imports(file)}


def packages(file: pathlib.Path) -> set[str]:
  """Returns the third-party distributions that a file imports."""
  tops = imported_tops(file) - set(_PACKAGES) - set(sys.stdlib_module_names)
  return {_DISTRIBUTIONS.get(top, top.replace('_', '-')) for top in tops}


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
  if name and (path / name / '__init__.py').is_file():
    return path / name / '__init__.py'
  return path / '__init__.py'


def _has_code(file: pathlib.Path) -> bool:
  return file.is_file() and len(ast.parse(file.read_text()).body) > 1


def _needed(file: pathlib.Path) -> set[str]:
  """Returns labels of the files that a file needs to be run."""
  sources = {
    _source(module, name)
    for module, name in imports(file)
    if module.partition('.')[0] in _PACKAGES
  }
  above = [folder for folder in file.parents if _ROOT in folder.parents]
  for folder in above:
    # Python runs these before the file, and pytest those.
    init, fixtures = folder / '__init__.py', folder / 'conftest.py'
    if _has_code(init) and not _is_public_surface(init, file):
      sources.add(init)
    # Every test depends on those of tests/, by its rule.
    if _is_test(file) and fixtures.is_file() and folder != _ROOT / 'tests':
      sources.add(fixtures)
  return {_label(source, file.parent) for source in sources - {file}}


def _is_public_surface(init: pathlib.Path, file: pathlib.Path) -> bool:
  """Returns whether an `__init__.py` merely gathers, and so needs its files."""
  return any(
    _source(module, name).is_relative_to(init.parent)
    for module, name in imports(init)
    if module.partition('.')[0] in _PACKAGES
  ) and file.is_relative_to(init.parent)


def main(argv: Optional[Sequence[str]] = None) -> int:
  """Writes or checks all BUILD files; returns the exit code."""
  parser = argparse.ArgumentParser(description='Writes the BUILD files.')
  parser.add_argument(
    '--check', action='store_true', help='Write nothing; fail if one differs.'
  )
  check = parser.parse_args(argv).check
  stale = []
  for folder in folders():
    path, text = folder / 'BUILD', build_file(folder)
    if not path.is_file() or path.read_text() != text:
      stale.append(_name(path))
      if not check:
        path.write_text(text)
  for name in stale:
    print(f'{name}: {"is not what its files import" if check else "written"}')
  if check and stale:
    print('Run `python scripts/build_files.py` to write them.')
  return int(check and bool(stale))


if __name__ == '__main__':
  sys.exit(main())
