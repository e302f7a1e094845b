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
"""Tests that the lists of packages agree with one another."""

import pathlib
import re
import runpy

from packaging import requirements
import pytest
import setuptools

from experiments.operations import machine

_ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture
def metadata(monkeypatch) -> dict:
  """What setup.py hands to setuptools."""
  given: dict = {}
  monkeypatch.setattr(setuptools, 'setup', given.update)
  monkeypatch.chdir(_ROOT)
  runpy.run_path(str(_ROOT / 'setup.py'))
  return given


def _loose_requirements() -> list[str]:
  lines = (_ROOT / 'requirements.in').read_text().splitlines()
  return [line for line in lines if line and not line.startswith('#')]


def _check_pins_fit(wanted: list[str]) -> None:
  pins = machine.read_pins()
  for line in wanted:
    requirement = requirements.Requirement(line)
    assert requirement.name in pins, f'{line} is not in requirements.txt'
    assert requirement.specifier.contains(pins[requirement.name]), line


def test_setup_py_admits_the_pinned_versions(metadata):
  _check_pins_fit(metadata['install_requires'])
  for extra in metadata['extras_require'].values():
    _check_pins_fit(extra)


def test_pinned_list_fits_the_loose_one():
  _check_pins_fit(_loose_requirements())


def test_setup_py_offers_the_loose_list_in_its_extras(metadata):
  lines = metadata['install_requires'] + metadata['extras_require']['testing']
  offered = {requirements.Requirement(line).name for line in lines}
  loose = {
    requirements.Requirement(line).name for line in _loose_requirements()
  }
  assert offered == loose - {'wheel'}


def test_all_packages_are_installed_but_tests(metadata):
  packages = metadata['packages']
  assert {'acme_metamimic', 'environments', 'experiments'} <= set(packages)
  assert not any(name.startswith('tests') for name in packages)


def test_python_version_is_that_of_the_metadata(metadata):
  version = (_ROOT / '.python-version').read_text().strip()
  assert metadata['python_requires'] == '>=3.10,<3.11'
  assert version == '3.10'


def test_pinned_list_has_names_and_versions_alone():
  # No addresses and no options, so that it installs from any index.
  lines = (_ROOT / 'requirements.txt').read_text().splitlines()
  pins = [line for line in lines if not line.startswith('#')]
  assert len(pins) > len(_loose_requirements())
  for line in pins:
    assert re.fullmatch(r'[a-z0-9-]+==[0-9.]+', line), line


def test_list_for_accelerators_has_the_same_tensorflow_and_no_address():
  lines = (_ROOT / 'requirements-gpu.txt').read_text().splitlines()
  pins = [line for line in lines if not line.startswith('#')]
  for line in pins:
    assert re.fullmatch(r'[a-z0-9-]+==[0-9.]+', line), line
  tensorflow = f'tensorflow=={machine.read_pins()["tensorflow-cpu"]}'
  assert [line for line in pins if not line.startswith('nvidia-')] == [
    tensorflow
  ]
