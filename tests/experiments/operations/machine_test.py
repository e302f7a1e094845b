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

import errno
import fcntl
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


def test_pins_of_an_installed_wheel_are_those_that_experiments_need(
  tmp_path, monkeypatch
):
  requirements = {
    'acme_metamimic': [
      'absl-py',
      'dm-acme ==0.4.0',
      'setuptools (<70)',
      'tensorflow-cpu ~=2.8.4',
      "mujoco ==3.17.0 ; extra == 'environments'",
      "mujoco (==3.17.0) ; extra == 'experiments'",
      'dm-control==1.0.50; extra == "experiments"',
      "ray ==2.48.0 ; extra == 'ray'",
    ]
  }
  monkeypatch.setattr(machine.metadata, 'requires', requirements.get)
  assert machine.read_pins(tmp_path / 'requirements.txt') == {
    'dm-acme': '0.4.0',
    'mujoco': '3.17.0',
    'dm-control': '1.0.50',
  }


def test_without_a_list_of_pins_packages_are_wrong(monkeypatch):
  def raise_error():
    raise machine.metadata.PackageNotFoundError('acme_metamimic')

  monkeypatch.setattr(machine, 'read_pins', raise_error)
  check = machine.check_packages()
  assert not check.ok
  assert 'acme_metamimic is not installed' in check.found


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


@pytest.mark.slow
def test_launchpad_answers_behind_a_proxy():
  proxies = dict.fromkeys(('http_proxy', 'https_proxy'), 'http://127.0.0.1:9')
  environment = {
    name: value
    for name, value in os.environ.items()
    if name not in ('no_proxy', 'no_grpc_proxy')
  }
  check = machine.check_launchpad({**environment, **proxies})
  assert check.ok, check.found


@pytest.mark.slow
def test_images_are_drawn_from_threads_here():
  check = machine.check_threads()
  assert check.ok, check.found


@pytest.mark.parametrize(
  ('environment', 'ok', 'found'),
  [
    ({}, True, 'none'),
    ({'http_proxy': ''}, True, 'none'),
    ({'http_proxy': 'http://me:secret@there:1'}, False, 'http_proxy set'),
    (
      {'https_proxy': 'http://there:1', 'no_proxy': 'a.b,localhost'},
      True,
      'https_proxy set; this project keeps local addresses off it',
    ),
  ],
)
def test_a_proxy_is_told(environment, ok, found):
  check = machine.check_proxy(environment)
  assert check.ok == ok
  assert ok or not check.required
  assert found in check.found
  assert 'secret' not in check.found
  assert 'no_proxy=localhost,127.0.0.1' in check.remedy or check.found == (
    'none for gRPC'
  )


def test_locks_here_work(tmp_path):
  check = machine.check_locks(str(tmp_path))
  assert check.ok
  assert not list(tmp_path.iterdir())


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
  def refuse(*unused_arguments):
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

  monkeypatch.setattr(fcntl, 'flock', refuse)
  check = machine.check_locks(str(tmp_path))
  assert not check.ok
  assert not check.required
  assert f'not in {tmp_path} (No locks available)' in check.found
  assert 'HDF5_USE_FILE_LOCKING=FALSE' in check.remedy


def test_locks_that_hold_nobody_off_are_told(tmp_path, monkeypatch):
  monkeypatch.setattr(fcntl, 'flock', lambda *_: None)
  check = machine.check_locks(str(tmp_path))
  assert not check.ok
  assert 'hold nobody off' in check.found


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
    (machine.check_shared_memory, 2e9, 64e6),
  ],
)
def test_scarce_resources_are_noted_but_not_required(check, enough, too_little):
  assert check(enough).ok
  scarce = check(too_little)
  assert not scarce.ok
  assert not scarce.required
  assert scarce.remedy


def _write(root, files) -> None:
  for name, text in files.items():
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{text}\n')


_MEMINFO = {
  'proc/meminfo': 'MemTotal: 32000 kB\nMemAvailable:   16000 kB\nX: 1 kB'
}
_V2 = {
  'sys/memory.max': '9000000',
  'sys/memory.current': '3000000',
  'sys/memory.stat': 'active_file 7\ninactive_file 1000000',
}
_V1 = {
  'sys/memory/memory.limit_in_bytes': '9000000',
  'sys/memory/memory.usage_in_bytes': '3000000',
  'sys/memory/memory.stat': 'inactive_file 7\ntotal_inactive_file 1000000',
}


@pytest.mark.parametrize(
  'files, free',
  [
    ({}, 16_384_000),
    (_V2, 7_000_000),
    (_V1, 7_000_000),
    # A cache that cannot be told counts as used.
    ({**_V2, 'sys/memory.stat': 'anon 5'}, 6_000_000),
    # No limits, as version 2 and version 1 write them.
    ({**_V2, 'sys/memory.max': 'max'}, 16_384_000),
    (
      {**_V1, 'sys/memory/memory.limit_in_bytes': '9223372036854771712'},
      16_384_000,
    ),
    # A limit above the machine's memory, and one that is exceeded.
    ({**_V2, 'sys/memory.max': '99000000000'}, 16_384_000),
    ({**_V2, 'sys/memory.max': '1000000'}, 0),
    # Groups within others: the strictest limit holds.
    (
      {
        'proc/self/cgroup': '0::/job/step',
        'sys/job/step/memory.max': 'max',
        'sys/job/step/memory.current': '2000000',
        'sys/job/memory.max': '9000000',
        'sys/job/memory.current': '4000000',
      },
      5_000_000,
    ),
    (
      {
        'proc/self/cgroup': '5:cpu,memory:/job\n0::/',
        'sys/memory/job/memory.limit_in_bytes': '9000000',
        'sys/memory/job/memory.usage_in_bytes': '4000000',
      },
      5_000_000,
    ),
    # The name that the group has outside of the container.
    ({**_V1, 'proc/self/cgroup': '5:memory:/docker/1f'}, 7_000_000),
  ],
)
def test_free_memory_respects_the_limit_of_a_container(tmp_path, files, free):
  _write(tmp_path, {**_MEMINFO, **files})
  assert machine.free_memory(tmp_path / 'proc', tmp_path / 'sys') == free


def test_resources_here_are_measured():
  for check in (
    machine.check_cores,
    machine.check_memory,
    machine.check_disk,
    machine.check_shared_memory,
  ):
    amount = float(check().found.split()[0])
    assert amount > 0, check


def test_probes_run_in_this_python():
  assert machine.run_probe('import sys; print(sys.executable)') == (
    True,
    sys.executable,
  )
