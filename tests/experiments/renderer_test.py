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

import os
import subprocess
import sys

import pytest

from experiments import renderer


def test_nothing_is_said_where_there_is_one():
  with renderer.required():
    done = True
  assert done


@pytest.mark.parametrize('error', [AttributeError, ImportError, RuntimeError])
def test_a_missing_library_is_named_with_the_remedy(error):
  with (
    pytest.raises(SystemExit, match=r'libEGL is gone.*make doctor'),
    renderer.required(),
  ):
    raise error('libEGL is gone')


@pytest.mark.slow
@pytest.mark.parametrize(
  'program',
  [
    'demonstrations',
    'evaluate',
    'run_distributed',
    'run_metamimic',
    'teleoperate',
  ],
)
def test_programs_say_what_is_missing(program):
  done = subprocess.run(
    [sys.executable, '-W', 'ignore', '-m', f'experiments.{program}'],
    env={**os.environ, 'MUJOCO_GL': 'none_such'},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 1
  assert 'Traceback' not in done.stderr
  assert 'none_such' in done.stderr
  assert 'make doctor' in done.stderr
