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
"""Tests of the benchmark of accelerators, where there is none."""

import os

import numpy as np
import pytest

from acme_metamimic.tf import placement
from experiments.benchmarks import accelerator

_CASE = accelerator.Case(accelerator.FEATURES, 2)
_SLOW = accelerator.Measurement(2.0, 1.5, (4.0, 0.5))
_QUICK = accelerator.Measurement(20.0, 0.25, (4.001, 0.5))


def _tiny(case: accelerator.Case) -> accelerator.Measurement:
  return accelerator.measure(case, seconds=0.0, layer_sizes=(8,), num_atoms=11)


@pytest.mark.slow
def test_same_weights_and_batches_give_the_same_losses():
  first, again = _tiny(_CASE), _tiny(_CASE)
  assert accelerator.difference(first, again) < 1e-5
  assert first.updates > 0
  assert 0.05 < first.gigabytes < 100
  assert np.all(np.isfinite(first.losses))


@pytest.mark.slow
def test_images_in_half_precision_give_nearly_the_same_losses():
  case = accelerator.Case('64_p4_16_32', 2)
  half = case._replace(precision='float16')
  cpu, fast = {case: _tiny(case)}, {half: _tiny(half)}
  assert not accelerator.wrong(cpu, fast)
  assert cpu[case].losses != fast[half].losses


def test_ratio_and_difference_stand_in_the_table():
  (line,) = accelerator.lines({_CASE: _SLOW}, {_CASE: _QUICK})[2:]
  assert line == (
    '| features | 2 | float32 | 2.00 | 20.00 | 10.0 | 2.5e-04 | 1.50 | 0.25 |'
  )


def test_other_precisions_are_compared_with_float32():
  case = _CASE._replace(precision='tensorfloat32')
  (line,) = accelerator.lines({_CASE: _SLOW}, {case: _QUICK})[2:]
  assert '| tensorfloat32 | 2.00 | 20.00 |' in line


@pytest.mark.parametrize(
  ('precision', 'loss', 'is_wrong'),
  [
    ('float32', 4.001, False),
    ('float32', 4.01, True),
    ('float16', 4.01, False),
    ('float16', 4.1, True),
    ('float16', float('nan'), True),
  ],
)
def test_losses_that_differ_by_more_than_rounding_are_wrong(
  precision, loss, is_wrong
):
  case = _CASE._replace(precision=precision)
  measurement = _QUICK._replace(losses=(loss, 0.5))
  found = accelerator.wrong({_CASE: _SLOW}, {case: measurement})
  assert found == ([case] if is_wrong else [])


def test_networks_without_convolutions_have_no_mixed_precision():
  cases = accelerator.make_cases(
    ['features', 'paper'], [64], ['float32', 'tensorfloat32', 'float16']
  )
  assert [(case.form, case.precision) for case in cases] == [
    ('features', 'float32'),
    ('features', 'tensorfloat32'),
    ('paper', 'float32'),
    ('paper', 'tensorfloat32'),
    ('paper', 'float16'),
  ]


def test_process_of_the_cpu_sees_no_accelerator(monkeypatch):
  monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '0')
  seen = []

  class Executor:
    def __init__(self, **unused):
      seen.append(os.environ['CUDA_VISIBLE_DEVICES'])

    def __enter__(self):
      return self

    def __exit__(self, *unused):
      pass

    def submit(self, *unused):
      return self

    def result(self):
      return {}

  monkeypatch.setattr(
    accelerator.concurrent.futures, 'ProcessPoolExecutor', Executor
  )
  accelerator.run_in_process([], 1.0, True)
  accelerator.run_in_process([], 1.0, False)
  assert seen == ['0', '-1']
  assert os.environ['CUDA_VISIBLE_DEVICES'] == '0'


def test_without_an_accelerator_a_line_says_so(monkeypatch, capsys):
  def run(cases, seconds, on_accelerator):
    assert {case.precision for case in cases} <= set(accelerator.TOLERANCES)
    return None if on_accelerator else dict.fromkeys(cases, _SLOW)

  monkeypatch.setattr(accelerator, 'run_in_process', run)
  assert accelerator.main(['--forms', 'features', '--batch_sizes', '4']) == 0
  first, *table = capsys.readouterr().out.splitlines()
  assert first.startswith('No accelerator, so the CPU alone is measured (none')
  assert table[2] == '| features | 4 | float32 | 2.00 | - | - | - | 1.50 | - |'


def test_with_one_differing_losses_are_an_error(monkeypatch, capsys):
  wrong = _QUICK._replace(losses=(5.0, 0.5))

  def run(cases, seconds, on_accelerator):
    return dict.fromkeys(cases, wrong if on_accelerator else _SLOW)

  monkeypatch.setattr(accelerator, 'run_in_process', run)
  assert accelerator.main(['--forms', 'features', '--batch_sizes', '4']) == 1
  assert 'are not those of the CPU' in capsys.readouterr().out


def test_cases_of_an_accelerator_need_one(monkeypatch):
  monkeypatch.setattr(placement, 'accelerator', lambda: None)
  assert accelerator.measure_cases([_CASE], 0.0, True) is None
