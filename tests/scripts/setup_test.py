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
"""Tests of the set-up, with stand-ins for Python, apt-get and the system."""

import os
import pathlib
import shutil
import subprocess

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_COMMANDS = [
  'bash',
  'cat',
  'cp',
  'dirname',
  'env',
  'flock',
  'grep',
  'id',
  'ln',
  'mkdir',
] + ['rm', 'sha256sum', 'sort', 'tail', 'touch', 'uname']

# Notes what it was called with, and does of it what the set-up relies on. It
# fails where a file `fail_pip` or `fail_renderer` says so.
_PYTHON = """#!/bin/bash
echo "$*" >>"${TREE}/calls"
case "$*" in
  '-I -c '*) echo "$0" ;;
  '-m venv --clear .venv') mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *' install '*) echo 'ERROR: no network'; [[ ! -e "${TREE}/fail_pip" ]] ;;
  *'doctor renderer') echo 'the remedy'; [[ ! -e "${TREE}/fail_renderer" ]] ;;
esac
"""
_APT_GET = """#!/bin/bash
echo "apt-get $*" >>"${TREE}/calls"
rm -f "${TREE}/fail_renderer"
"""


class _Tree:
  """A copy of what the set-up needs, on a machine with few commands."""

  def __init__(self, path: pathlib.Path):
    self.path = path
    self.bin = path / 'bin'
    (path / 'scripts').mkdir()
    self.bin.mkdir()
    shutil.copy(_ROOT / 'scripts' / 'setup.sh', path / 'scripts')
    self.pin('# Comment\nsetuptools==1\nwheel==2\nother==3\n')
    for name in _COMMANDS:
      command = shutil.which(name)
      assert command is not None
      (self.bin / name).symlink_to(command)

  def pin(self, requirements: str) -> None:
    (self.path / 'requirements.txt').write_text(requirements)

  def add_command(self, name: str, text: str, folder: str = 'bin') -> None:
    path = self.path / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)

  def run(self, *arguments: str, **environment: str):
    """Returns exit code, standard output, standard error and the calls made."""
    calls = self.path / 'calls'
    calls.unlink(missing_ok=True)
    process = subprocess.run(
      [str(self.path / 'scripts' / 'setup.sh'), *arguments],
      capture_output=True,
      cwd='/',
      env={
        'HOME': str(self.path),
        'PATH': str(self.bin),
        'TREE': str(self.path),
        **environment,
      },
      text=True,
      timeout=60,
    )
    made = calls.read_text().splitlines() if calls.exists() else []
    return process.returncode, process.stdout, process.stderr, made


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> _Tree:
  return _Tree(tmp_path)


def _is_install(call: str) -> bool:
  return call.startswith('-m pip') and ' install ' in call


def test_first_call_installs_the_pinned_list_and_second_does_nothing(tree):
  tree.add_command('python3.10', _PYTHON)
  code, out, err, calls = tree.run()
  assert (code, err) == (0, '')
  assert f'Python 3.10 found at {tree.bin}/python3.10' in out
  assert 'installing 3 packages' in out
  builders, everything = filter(_is_install, calls)
  assert builders.endswith('setuptools==1 wheel==2')
  assert everything.endswith('--requirement requirements.txt')
  assert calls[-1] == '-m experiments.doctor renderer'

  assert tree.run() == (0, '', '', [])


def test_changed_pins_and_another_backend_are_noticed(tree):
  tree.add_command('python3.10', _PYTHON)
  tree.run()
  assert tree.run(MUJOCO_GL='osmesa')[3] == ['-m experiments.doctor renderer']

  tree.pin('other==4\nsetuptools==1\nwheel==2\n')
  code, _, _, calls = tree.run()
  assert code == 0
  assert len(list(filter(_is_install, calls))) == 2
  assert '-m venv --clear .venv' not in calls


def test_tensorflow_for_accelerators_takes_the_place_of_the_other(tree):
  tree.add_command('python3.10', _PYTHON)
  (tree.path / 'requirements-gpu.txt').write_text('tensorflow==5\n')
  packages = tree.path / '.venv' / 'lib' / 'python3.10' / 'site-packages'
  tree.run()
  (packages / 'tensorflow').mkdir(parents=True)
  library = packages / 'nvidia' / 'cudnn' / 'lib' / 'libcudnn.so.8'
  library.parent.mkdir(parents=True)
  library.touch()
  code, out, err, calls = tree.run(GPU='1')
  assert (code, err) == (0, '')
  assert 'TensorFlow for accelerators' in out
  uninstall, install = [c for c in calls if c.startswith('-m pip')][-2:]
  assert uninstall.endswith('uninstall --yes tensorflow-cpu')
  assert install.endswith('--no-deps --requirement requirements-gpu.txt')
  assert (packages / 'tensorflow' / 'libcudnn.so.8').samefile(library)

  # It stays, and nothing is done again.
  assert tree.run() == (0, '', '', [])
  (tree.path / 'requirements-gpu.txt').write_text('tensorflow==6\n')
  assert any('requirements-gpu' in call for call in tree.run()[3])


def test_environment_whose_python_is_gone_is_made_anew(tree):
  tree.add_command('python3.10', _PYTHON)
  tree.run()
  (tree.path / '.venv' / 'bin' / 'python').unlink()
  code, _, _, calls = tree.run()
  assert code == 0
  assert '-m venv --clear .venv' in calls


def test_packages_only_leaves_the_renderer_out(tree):
  tree.add_command('python3.10', _PYTHON)
  (tree.path / 'fail_renderer').touch()
  assert tree.run('--packages-only')[0] == 0


def test_shim_that_does_not_run_is_passed_over(tree):
  tree.add_command('python3.10', '#!/bin/bash\nexit 127\n')
  folder = '.pyenv/versions/3.10.13/bin'
  tree.add_command('python3.10', _PYTHON, folder)
  code, out, _, _ = tree.run()
  assert code == 0
  assert f'found at {tree.path}/{folder}/python3.10' in out


def test_python_is_asked_of_uv(tree):
  fetched = tree.path / 'fetched' / 'python3.10'
  tree.add_command(
    'uv',
    '#!/bin/bash\ncase "$*" in\n'
    f"'python install 3.10') cp '{fetched}.new' '{fetched}' ;;\n"
    f"'python find '*) [[ -e '{fetched}' ]] && echo '{fetched}' ;;\nesac\n",
  )
  tree.add_command('python3.10.new', _PYTHON, 'fetched')
  code, out, _, _ = tree.run()
  assert code == 0
  assert f'found at {fetched}' in out


def test_without_python_310_the_remedy_is_named(tree):
  tree.add_command('python3', '#!/bin/bash\nexit 1\n')  # Another version.
  code, _, err, _ = tree.run()
  assert code == 1
  assert 'Python 3.10 was not found; install it' in err
  assert 'pyenv install 3.10' in err
  assert len(err.splitlines()) == 1
  assert not (tree.path / '.venv').exists()


def test_given_python_of_another_version_is_refused(tree):
  tree.add_command('python3.10', _PYTHON)
  tree.add_command('python3.11', '#!/bin/bash\nexit 1\n')
  code, _, err, _ = tree.run(PYTHON='python3.11')
  assert code == 1
  assert 'PYTHON=python3.11 is no Python 3.10' in err


def test_other_platform_is_refused(tree):
  tree.add_command('uname', '#!/bin/bash\necho Darwin arm64\n')
  code, _, err, _ = tree.run()
  assert code == 1
  assert 'this is Darwin arm64' in err
  assert 'Linux on x86_64' in err


def test_failed_installation_is_taken_up_again(tree):
  tree.add_command('python3.10', _PYTHON)
  (tree.path / 'fail_pip').touch()
  code, _, err, _ = tree.run()
  assert code == 1
  assert 'ERROR: no network' in err
  assert 'check the network and the disk' in err

  (tree.path / 'fail_pip').unlink()
  code, _, _, calls = tree.run()
  assert code == 0
  assert len(list(filter(_is_install, calls))) == 2


def test_missing_gl_library_is_installed_by_root(tree):
  tree.add_command('python3.10', _PYTHON)
  tree.add_command('apt-get', _APT_GET)
  tree.add_command('id', '#!/bin/bash\necho 0\n')
  (tree.path / 'fail_renderer').touch()
  code, out, _, calls = tree.run()
  assert code == 0
  assert 'installing libegl1 libgl1-mesa-dri libopengl0' in out
  assert any(
    call.endswith('libegl1 libgl1-mesa-dri libopengl0') for call in calls
  )


@pytest.mark.parametrize('commands', [['sudo'], ['apt-get'], []])
def test_without_rights_the_remedy_for_a_missing_gl_library_is_shown(
  tree, commands
):
  tree.add_command('python3.10', _PYTHON)
  tree.add_command('id', '#!/bin/bash\necho 1000\n')
  for command in commands:  # Neither is of use without the other.
    tree.add_command(command, _APT_GET)
  (tree.path / 'fail_renderer').touch()
  code, _, err, calls = tree.run()
  assert code == 1
  assert 'the remedy' in err
  assert 'MuJoCo cannot draw without a display' in err
  assert not any(call.startswith('apt-get') for call in calls)
  assert os.path.exists(tree.path / '.venv')  # The packages are kept.
