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
"""What docs/troubleshooting.md quotes is what the programs print."""

import ast
import pathlib
import re

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_PAGE = _ROOT / 'docs' / 'troubleshooting.md'
_PACKAGES = ('acme_metamimic', 'environments', 'experiments')
# Stands for a value, in the page and in the texts of the programs.
_VALUE = '…'


def _text(node: ast.AST) -> str:
  """Returns the text of a literal, with a mark in the place of each value."""
  if isinstance(node, ast.JoinedStr):
    return ''.join(map(_text, node.values))
  if isinstance(node, ast.Constant) and isinstance(node.value, str):
    return re.sub(r'%[\d.]*[sdfg]', _VALUE, node.value)
  return _VALUE


@pytest.fixture(scope='module')
def printed() -> str:
  """All texts of the programs."""
  return '\n'.join(
    _text(node)
    for package in _PACKAGES
    for path in sorted((_ROOT / package).rglob('*.py'))
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, (ast.Constant, ast.JoinedStr))
  )


def _quotes() -> list[str]:
  """Returns the quoted lines of the page, each of them a sentence."""
  lines = _PAGE.read_text().splitlines()
  return [line.removeprefix('> ') for line in lines if line.startswith('> ')]


@pytest.mark.parametrize('quote', _quotes())
def test_what_is_quoted_is_printed(quote, printed):
  assert quote in printed


def test_page_quotes_sentences():
  assert len(_quotes()) > 15
