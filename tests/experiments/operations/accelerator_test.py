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
"""Tests of the checks of the accelerator."""

import json

import pytest

from experiments.operations import accelerator
from experiments.operations import machine

_CARD = {'device_name': 'Tesla T4', 'compute_capability': [7, 5]}


def _judge(built=True, devices=(), missing=(), has_driver=True):
  finding = accelerator.Finding(built, list(devices), list(missing))
  return accelerator.judge(finding, has_driver)


def test_accelerator_is_named():
  check = _judge(devices=[_CARD, {'device_name': 'other'}])
  assert check.ok
  assert check.found == 'Tesla T4 (compute capability 7.5), other'


def test_tensorflow_for_cpus_is_right_where_there_is_no_card():
  check = _judge(built=False, missing=accelerator.LIBRARIES, has_driver=False)
  assert check.ok
  assert check.found == 'none: this TensorFlow is built for CPUs only'


def test_tensorflow_for_cpus_leaves_a_card_alone():
  check = _judge(built=False, missing=accelerator.LIBRARIES)
  assert not check.ok
  assert not check.required
  assert 'requirements-gpu.txt' in check.remedy


@pytest.mark.parametrize(
  ('missing', 'remedy'),
  [
    (['libcudnn.so.8'], 'requirements-gpu.txt'),
    (['libcudnn.so.8', 'libcuda.so.1'], 'requirements-gpu.txt'),
    (['libcuda.so.1'], '--gpus=all'),
    ([], 'CUDA_VISIBLE_DEVICES'),
  ],
)
def test_missing_libraries_are_named_with_a_remedy(missing, remedy):
  check = _judge(missing=missing)
  assert not check.ok
  assert not check.required
  assert all(name in check.found for name in missing)
  assert remedy in check.remedy


def test_probe_is_judged(monkeypatch):
  found = {'built': True, 'devices': [_CARD], 'missing': []}
  monkeypatch.setattr(
    machine, 'run_probe', lambda code, environment: (True, json.dumps(found))
  )
  assert 'Tesla T4' in accelerator.check_accelerator().found


def test_tensorflow_that_does_not_import_is_passed_on(monkeypatch):
  monkeypatch.setattr(
    machine, 'run_probe', lambda code, environment: (False, 'ImportError: x')
  )
  check = accelerator.check_accelerator()
  assert not check.ok
  assert check.found == 'ImportError: x'


def test_there_is_an_answer_here():
  check = accelerator.check_accelerator()
  assert check.found
  assert 'Error' not in check.found


def test_pins_are_those_of_what_is_installed(monkeypatch):
  assert 'tensorflow' not in machine.read_pins()
  monkeypatch.setattr(machine, '_installed_version', lambda name: '2.8.4')
  pins = machine.read_pins()
  assert 'tensorflow-cpu' not in pins
  assert pins['tensorflow'] == '2.8.4'
  assert 'nvidia-cudnn-cu11' in pins
