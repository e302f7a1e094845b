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

"""A wheel has all that the checks of the machine and the hosts need."""

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

pytestmark = pytest.mark.slow

_ROOT = pathlib.Path(__file__).resolve().parents[3]
_SOURCES = ('acme_metamimic', 'environments', 'experiments')


@pytest.fixture(scope='module')
def installed(tmp_path_factory) -> pathlib.Path:
  """A folder with the contents of a wheel, as pip would unpack them."""
  checkout = tmp_path_factory.mktemp('checkout')
  # Of a copy, as setuptools builds within the sources.
  for name in _SOURCES:
    shutil.copytree(
      _ROOT / name,
      checkout / name,
      ignore=shutil.ignore_patterns('__pycache__'),
    )
  for name in ('setup.py', 'pyproject.toml', 'README.md'):
    shutil.copy(_ROOT / name, checkout)
  wheels = tmp_path_factory.mktemp('wheels')
  subprocess.run(
    [
      *(sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-index'),
      *('--no-build-isolation', f'--wheel-dir={wheels}', str(checkout)),
    ],
    check=True,
    capture_output=True,
  )
  (wheel,) = wheels.glob('*.whl')
  folder = tmp_path_factory.mktemp('site-packages')
  with zipfile.ZipFile(wheel) as archive:
    archive.extractall(folder)
  return folder


def _run(
  installed: pathlib.Path, *arguments: str
) -> subprocess.CompletedProcess:
  return subprocess.run(
    [sys.executable, *arguments],
    cwd=installed.parent,
    env={**os.environ, 'PYTHONPATH': str(installed)},
    capture_output=True,
    text=True,
  )


def test_doctor_checks_the_pins_of_the_wheel(installed):
  done = _run(installed, '-m', 'experiments.doctor', 'packages')
  assert done.returncode == 0, done.stdout + done.stderr
  number = int(done.stdout.split(' of ')[0].split()[-1])
  # Fewer than in requirements.txt, but those that matter.
  assert 10 < number < 30
  assert f'{number} of {number} as pinned' in done.stdout


def test_hosts_finds_its_script(installed):
  code = (
    'from experiments.operations import ray_hosts;'
    'print(*ray_hosts.Namespaces().prefix(0))'
  )
  done = _run(installed, '-c', code)
  assert done.returncode == 0, done.stderr
  shell, script, *_ = done.stdout.split()
  assert pathlib.Path(script) == installed / 'experiments/operations/hosts.sh'
  # Without a command, and with no mode of the file, it says how it is used.
  usage = subprocess.run([shell, script], capture_output=True, text=True)
  assert usage.returncode == 2
  assert 'hosts.sh up' in usage.stderr
  assert (pathlib.Path(script).parent / 'switch.py').is_file()
