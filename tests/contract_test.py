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
"""The contract between agent and environments has the same keys on both sides.

Neither imports the other, so that each can be used alone.
"""

import ast
import pathlib

import pytest

from acme_metamimic import specs
from environments import imitation

_ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
  'name', ['GOAL', 'GOAL_REFERENCE', 'IMITATION', 'TASK']
)
def test_both_sides_have_the_same_keys(name):
  assert getattr(specs, name) == getattr(imitation, name)


def test_streams_are_the_environments_rewards():
  assert specs.STREAMS == (imitation.IMITATION, imitation.TASK)


@pytest.mark.parametrize(
  ('side', 'other'),
  [('acme_metamimic', 'environments'), ('environments', 'acme_metamimic')],
)
def test_neither_side_imports_the_other(side, other):
  for path in sorted((_ROOT / side).rglob('*.py')):
    for node in ast.walk(ast.parse(path.read_text())):
      names = []
      if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
      elif isinstance(node, ast.ImportFrom):
        names = [node.module or '']
      for name in names:
        assert name.partition('.')[0] not in (other, 'experiments'), path
