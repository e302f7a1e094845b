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
"""Tests of the layout: arrows between packages, and the BUILD files."""

import ast
import pathlib

import pytest

from experiments.operations import machine
from scripts import build_files

_ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
  ('package', 'others'),
  [
    ('acme_metamimic', {'environments', 'experiments', 'tests', 'scripts'}),
    ('environments', {'acme_metamimic', 'experiments', 'tests', 'scripts'}),
    ('experiments', {'tests', 'scripts'}),
  ],
)
def test_arrows_between_packages(package, others):
  for file in (_ROOT / package).rglob('*.py'):
    wrong = build_files.imported_tops(file) & others
    assert not wrong, f'{file} imports {sorted(wrong)}.'


# What each subpackage of the agent may import of the others.
_FLOORS = {
  'tf': set(),
  'replay': set(),
  'd4pg': {'tf', 'replay'},
  'program': {'tf', 'replay', 'd4pg'},
}


@pytest.mark.parametrize(('package', 'below'), _FLOORS.items())
def test_arrows_within_the_agent(package, below):
  for file in (_ROOT / 'acme_metamimic' / package).rglob('*.py'):
    parts = {
      (module if module != 'acme_metamimic' else f'{module}.{name}').split('.')[
        1
      ]
      for module, name in build_files.imports(file)
      if module.startswith('acme_metamimic')
    }
    wrong = parts & (set(_FLOORS) - below - {package})
    assert not wrong, f'{file} imports {sorted(wrong)}.'


def test_the_launcher_for_ray_imports_nothing_of_ours():
  for file in (_ROOT / 'experiments' / 'launchpad_ray').rglob('*.py'):
    ours = {
      module
      for module, _ in build_files.imports(file)
      if module.split('.')[0]
      in ('acme_metamimic', 'environments', 'experiments')
    }
    assert all(m.startswith('experiments.launchpad_ray') for m in ours), file


def test_library_code_does_not_print():
  for package in ('acme_metamimic', 'environments'):
    for file in (_ROOT / package).rglob('*.py'):
      calls = [
        node.lineno
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == 'print'
      ]
      assert not calls, f'{file} prints in lines {calls}: log, or return it.'


def test_build_files_are_those_of_the_imports(capsys):
  assert build_files.main(['--check']) == 0, capsys.readouterr().out


def test_a_build_file_that_differs_is_named(capsys, monkeypatch):
  monkeypatch.setattr(build_files, 'build_file', lambda folder: 'other')
  assert build_files.main(['--check']) == 1
  assert 'acme_metamimic/BUILD' in capsys.readouterr().out


def test_packages_of_the_targets_are_pinned():
  files = [f for folder in build_files.folders() for f in folder.glob('*.py')]
  used = {package for file in files for package in build_files.packages(file)}
  assert used <= set(machine.read_pins())
