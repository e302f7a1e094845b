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
"""Tests that benchmarks, examples and studies print their own lines alone."""

import pathlib
import re
import subprocess
import sys

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_SERVERS = ('MetaMimic(', '.D4PG(', 'reverb.Server(', '.make_agent(')
# Acme imports Gym, which shows warnings again, before Reverb.
_IMPORT = 'import experiments, acme.wrappers, reverb, tensorflow_probability'


def _stderr(*arguments: str) -> str:
  done = subprocess.run(
    [sys.executable, *arguments],
    capture_output=True,
    text=True,
    timeout=300.0,
    cwd=_ROOT,
  )
  assert done.returncode == 0, done.stderr
  return done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
  'arguments',
  [
    ('-c', _IMPORT),
    # dm_control, whose filter shows all deprecations, before Reverb.
    ('-c', 'import experiments.studies.compare_runs'),
    # Its servers are in processes of their own.
    ('-m', 'experiments.benchmarks.replay', '--frames=3', '--repeats=1'),
  ],
)
def test_libraries_print_nothing(arguments):
  assert not _stderr(*arguments)


def test_all_that_start_a_server_are_quiet():
  started = []
  for folder in ('benchmarks', 'examples', 'studies'):
    for path in (_ROOT / 'experiments' / folder).glob('*.py'):
      text = path.read_text()
      if any(words in text for words in _SERVERS):
        started.append(path.stem)
        assert re.search(r'\.quiet(_reverb)?\(\)', text), path
  assert {'replay', 'compare_d4pg', 'point_mass'} <= set(started)
