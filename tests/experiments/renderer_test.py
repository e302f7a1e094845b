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


def _raise_in(module: str, error: Exception) -> None:
  """Raises an error in a module of that name."""
  exec('raise error', {'__name__': module, 'error': error})


@pytest.mark.parametrize(
  ('module', 'error'),
  [
    ('OpenGL.raw.GL._errors', AttributeError),
    ('dm_control._render.glfw_renderer', ImportError),
    ('dm_control._render', RuntimeError),
  ],
)
def test_a_missing_library_is_named_with_the_remedy(module, error):
  with (
    pytest.raises(SystemExit, match=r'libEGL is gone.*make doctor'),
    renderer.required(),
  ):
    _raise_in(module, error('libEGL is gone'))


@pytest.mark.parametrize(
  ('module', 'error'),
  [
    # A typing error of one's own, a library that does not load, no HOME.
    ('environments.block_stacking.features', AttributeError('no `arrray`')),
    ('h5py._conv', ImportError('libhdf5.so: cannot open')),
    ('pathlib', RuntimeError("Can't determine home directory")),
  ],
)
def test_other_errors_keep_their_tracebacks(module, error):
  with pytest.raises(type(error)) as raised, renderer.required():
    _raise_in(module, error)
  assert raised.value is error
  assert raised.traceback[-1].frame.f_globals['__name__'] == module


@pytest.mark.parametrize(
  ('physics', 'said'),
  [
    (
      'from dm_control import mujoco\n'
      "physics = mujoco.Physics.from_xml_string('<mujoco/>')\n",
      'True No OpenGL',
    ),
    (
      'from environments import block_stacking\n'
      "environment = block_stacking.load(('body',), seed=0)\n"
      'physics = environment.physics\n',
      'True No picture can be drawn here',
    ),
  ],
)
def test_a_renderer_that_is_switched_off_is_a_missing_one(physics, said):
  done = subprocess.run(
    [
      *(sys.executable, '-W', 'ignore', '-c'),
      f'{physics}'
      'from experiments import renderer\n'
      'try:\n'
      '  physics.render(8, 8)\n'
      'except Exception as error:\n'
      '  print(renderer.is_missing(error), error)\n',
    ],
    env={**os.environ, 'MUJOCO_GL': 'disabled'},
    capture_output=True,
    text=True,
  )
  assert done.stdout.startswith(said), done.stderr


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
