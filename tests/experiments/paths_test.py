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
"""Tests of paths as people type them."""

import argparse
import ast
import pathlib
import re

from absl import flags
import pytest

from experiments import paths


@pytest.mark.parametrize(
  ('typed', 'path'),
  [
    ('~/runs/x', '/home/me/runs/x'),
    ('~', '/home/me'),
    ('runs/~x', 'runs/~x'),
    ('./~', './~'),
    ('/data', '/data'),
  ],
)
def test_home_is_expanded(monkeypatch, typed, path):
  monkeypatch.setenv('HOME', '/home/me')
  assert paths.expand(typed) == path
  parser = argparse.ArgumentParser()
  parser.add_argument('--folder', type=paths.expand)
  assert parser.parse_args([f'--folder={typed}']).folder == path
  values = flags.FlagValues()
  with monkeypatch.context() as patch:
    define = flags.DEFINE
    patch.setattr(
      flags,
      'DEFINE',
      lambda *a, **k: define(*a, flag_values=values, **k),  # type: ignore[call-overload]
    )
    folder = paths.define('folder', None, 'A folder.')
  values(['program'])
  assert folder.value is None
  values(['program', f'--folder={typed}'])
  assert folder.value == path


# Datasets expand their paths themselves.
_DATASETS = {'dataset', 'datasets', 'first', 'second', 'output'}
_PATH = re.compile(r'[^a-z]*(new )?(folder|file|path)s? ', re.IGNORECASE)


def _takes_text(call: ast.Call) -> bool:
  """Returns whether a call defines a flag or an argument that is a plain text."""
  name = call.func.attr if isinstance(call.func, ast.Attribute) else None
  if isinstance(call.func, ast.Name):
    name = call.func.id
  if name in ('add_argument', 'add'):
    return not any(k.arg in ('type', 'action') for k in call.keywords)
  return name == 'DEFINE_string'


def _help(call: ast.Call) -> str:
  texts = [k.value for k in call.keywords if k.arg == 'help']
  return ast.unparse((texts or call.args)[-1])


def test_all_programs_take_paths_as_paths():
  root = pathlib.Path(paths.__file__).parent
  for file in root.rglob('*.py'):
    for node in ast.walk(ast.parse(file.read_text())):
      if not isinstance(node, ast.Call) or not _takes_text(node):
        continue
      if not node.args or not isinstance(node.args[0], ast.Constant):
        continue
      name = str(node.args[0].value)
      if file.parent.name == 'datasets' and name in _DATASETS:
        continue
      assert not _PATH.match(_help(node)), f'{file}: {name}'
