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
"""Tests of the checks of the machine."""

import os
import sys

import pytest

from experiments.operations import machine


def test_python_of_the_pins_is_accepted():
  check = machine.check_python((3, 10, 13), 'Linux x86_64')
  assert check.ok
  assert '3.10.13 on Linux x86_64' in check.found


@pytest.mark.parametrize(
  'version, system, remedy',
  [
    ((3, 11, 7), 'Linux x86_64', 'Python 3.10 is needed'),
    ((3, 10, 13), 'Darwin arm64', 'Linux on x86_64 alone'),
    ((3, 10, 13), 'Linux aarch64', 'Linux on x86_64 alone'),
  ],
)
def test_other_python_or_platform_is_wrong(version, system, remedy):
  check = machine.check_python(version, system)
  assert not check.ok
  assert check.required
  assert remedy in check.remedy


def test_packages_here_are_those_pinned():
  check = machine.check_packages()
  assert check.ok, check.found


def test_wrong_and_missing_packages_are_named():
  versions = {'right': '1.0', 'old': '0.9'}
  check = machine.check_packages(
    {'right': '1.0', 'old': '1.0', 'absent': '2.0'}, versions.get
  )
  assert not check.ok
  assert check.found == (
    '1 of 3 as pinned; old 0.9, not 1.0; absent missing, not 2.0'
  )
  assert 'make clean' in check.remedy


def test_long_list_of_wrong_packages_is_cut_short():
  pins = {f'package{i}': '1.0' for i in range(20)}
  check = machine.check_packages(pins, lambda name: None)
  assert 'package4' in check.found
  assert 'package5' not in check.found
  assert check.found.endswith('and 15 more')


def test_pins_are_read_without_comments(tmp_path):
  path = tmp_path / 'requirements.txt'
  path.write_text('# Comment.\nfirst==1.0\n\nsecond==2.0.1  # Why.\n')
  assert machine.read_pins(path) == {'first': '1.0', 'second': '2.0.1'}


def test_probe_gives_the_last_line_printed():
  assert machine.run_probe('print(1); print(2)') == (True, '2')


@pytest.mark.parametrize(
  'code, found',
  [
    ('raise ValueError("too small")', 'ValueError: too small'),
    ('import os; os.abort()', 'exit code -6'),
    ('import time; time.sleep(60)', 'no answer in 2 s'),
  ],
)
def test_probe_survives_what_fails_dies_or_hangs(code, found):
  assert machine.run_probe(code, timeout=2) == (False, found)


def test_probe_sees_the_given_environment():
  code = 'import os; print(os.environ["GIVEN"])'
  assert machine.run_probe(code, {**os.environ, 'GIVEN': 'here'})[1] == 'here'


def test_renderer_here_draws():
  check = machine.check_renderer()
  assert check.ok, check.found
  assert check.found.startswith('MUJOCO_GL=')


@pytest.mark.parametrize(
  'changes, remedy',
  [
    # No driver, as on a machine without Mesa.
    (
      {'MUJOCO_GL': 'egl', '__EGL_VENDOR_LIBRARY_FILENAMES': '/missing'},
      'sudo apt-get install libegl1 libgl1-mesa-dri libopengl0',
    ),
    ({'MUJOCO_GL': 'bogus'}, 'Set MUJOCO_GL to one of: egl, osmesa, glfw.'),
    ({'MUJOCO_GL': 'disabled'}, 'Set MUJOCO_GL to one of: egl, osmesa, glfw.'),
  ],
)
def test_renderer_that_cannot_draw_is_wrong(changes, remedy):
  check = machine.check_renderer({**os.environ, **changes})
  assert not check.ok
  assert f'MUJOCO_GL={changes["MUJOCO_GL"]}' in check.found
  assert remedy in check.remedy


def test_missing_package_is_the_remedy_of_its_checks(tmp_path):
  (tmp_path / 'dm_control.py').write_text('raise ModuleNotFoundError("gone")')
  check = machine.check_renderer({**os.environ, 'PYTHONPATH': str(tmp_path)})
  assert not check.ok
  assert 'installs the pinned list' in check.remedy


@pytest.mark.slow
def test_tensorflow_and_launchpad_load_here():
  assert '2.8.4 sees 1 CPU' in machine.check_tensorflow().found
  check = machine.check_launchpad()
  assert check.ok, check.found


def test_launchpad_that_does_not_load_is_wrong(tmp_path):
  (tmp_path / 'courier.py').write_text('raise ImportError("wrong symbols")')
  check = machine.check_launchpad({**os.environ, 'PYTHONPATH': str(tmp_path)})
  assert not check.ok
  assert check.found == 'ImportError: wrong symbols'
  assert 'TensorFlow 2.8' in check.remedy


def test_ffmpeg_here_runs():
  check = machine.check_video()
  assert check.ok, check.found


def test_ffmpeg_that_is_not_there_is_wrong():
  missing = {**os.environ, 'IMAGEIO_FFMPEG_EXE': '/missing/ffmpeg'}
  check = machine.check_video(missing)
  assert not check.ok
  assert '/missing/ffmpeg' in check.found
  assert 'IMAGEIO_FFMPEG_EXE' in check.remedy


@pytest.mark.parametrize(
  'check, enough, too_little',
  [
    (machine.check_cores, 2, 1),
    (machine.check_memory, 16e9, 1e9),
    (machine.check_disk, 100e9, 1e6),
  ],
)
def test_scarce_resources_are_noted_but_not_required(check, enough, too_little):
  assert check(enough).ok
  scarce = check(too_little)
  assert not scarce.ok
  assert not scarce.required
  assert scarce.remedy


def test_resources_here_are_measured():
  for check in (machine.check_cores, machine.check_memory, machine.check_disk):
    amount = float(check().found.split()[0])
    assert amount > 0, check


def test_probes_run_in_this_python():
  assert machine.run_probe('import sys; print(sys.executable)') == (
    True,
    sys.executable,
  )
