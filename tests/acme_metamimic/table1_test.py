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
"""The defaults are Table 1, as docs/table1.md has it."""

import ast
import operator
import pathlib
import re

import pytest

from acme_metamimic import config as config_lib

_TABLE = pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'table1.md'
# Of the environment: given where an experiment is set up.
_ENVIRONMENT = re.compile(r'`(block_stacking|ImitationEnvironment|features)\b')


def _rows() -> list[tuple[str, str, str]]:
  """Returns the paper's name, an attribute, and its value."""
  rows = []
  for line in _TABLE.read_text().splitlines():
    cells = [cell.strip() for cell in line.strip('|').split('|')]
    if not line.startswith('|') or cells[0] in ('Table 1', '---'):
      continue
    if _ENVIRONMENT.search(cells[2]):
      continue
    for attribute in re.findall(r'`([\w.]+)`', cells[2]):
      halves = ('imitation', 'task') if attribute.startswith('half.') else ('',)
      rows += [
        (cells[0], attribute.replace('half', half), cells[3]) for half in halves
      ]
  return rows


@pytest.mark.parametrize(('name', 'attribute', 'value'), _rows())
def test_default_is_the_documented_value(name, attribute, value):
  default = operator.attrgetter(attribute)(config_lib.MetaMimicConfig())
  assert default == ast.literal_eval(value), name


def test_table_is_whole():
  names = {name for name, _, _ in _rows()}
  # All rows of the paper's Table 1 that concern the agent.
  assert len(names) == 17
  assert len(_rows()) == 12 * 2 + 7


def test_paper_values_are_the_numbers_of_table_1():
  found = {}
  for line in _TABLE.read_text().splitlines()[8:]:
    cells = [cell.strip() for cell in line.strip('|').split('|')]
    if len(cells) > 3:
      found[cells[0]] = cells[1], cells[3]
  for name in ('Vmin', 'Vmax', 'Vbins', 'N step', 'Batch size'):
    paper, ours = found[name]
    assert float(paper) == float(ours)
