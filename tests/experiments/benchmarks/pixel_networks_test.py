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

"""Tests of the benchmark of pixel networks, on the smallest of its forms."""

import os

import pytest

from acme_metamimic.tf import resnet
from experiments import pixel_forms
from experiments.benchmarks import pixel_networks


@pytest.mark.slow
@pytest.mark.parametrize('name', ['impala_32', '64_p4_16_32'])
def test_both_learners_are_measured(name, monkeypatch):
  form = pixel_forms.Form(8, lambda: resnet.ResNetTorso((2,)), (8,))
  monkeypatch.setitem(pixel_forms.FORMS, name, form)
  rates = pixel_networks.measure(
    name, batch_size=2, seconds=0.01, updates_per_step=2
  )
  assert rates.updates > 0.0
  assert rates.acts > 0.0


def test_layout_without_a_convolution_is_not_a_number():
  assert pixel_networks.measure_layout('NHWC', 4, 2) > 0.0


def test_function_runs_with_onednn_as_told(monkeypatch):
  monkeypatch.setenv('TF_ENABLE_ONEDNN_OPTS', 'as before')
  for value in ('0', '1'):
    assert (
      pixel_networks.run_with_onednn(value, os.getenv, 'TF_ENABLE_ONEDNN_OPTS')
      == value
    )
  assert os.environ['TF_ENABLE_ONEDNN_OPTS'] == 'as before'


def test_tables_are_printed(monkeypatch, capsys):
  rates = iter(
    [pixel_networks.Rates(1.0, 10.0), pixel_networks.Rates(2.0, 20.0)] * 2
    + [1.5] * 6
  )
  calls = []

  def run(onednn, function, *arguments):
    calls.append((onednn, function.__name__, *arguments[:1]))
    return next(rates)

  monkeypatch.setattr(pixel_networks, 'run_with_onednn', run)
  pixel_networks.main(
    [
      *('--forms', 'impala_32', '64_p4_16_32'),
      *('--onednn', '1', '--rounds', '2'),
    ]
  )
  out = capsys.readouterr().out
  assert "| impala_32 | Acme's | 1 | 1.0 | 10 |" in out
  assert '| 64_p4_16_32 | ours | 1 | 2.0 | 20 |' in out
  assert '| 16x16x16 | NCHW | 1 | 1.5 |' in out
  # Rounds go through all forms, so that both meet what else the machine does.
  assert calls[:3] == [
    ('1', 'measure', 'impala_32'),
    ('1', 'measure', '64_p4_16_32'),
    ('1', 'measure', 'impala_32'),
  ]


def test_unknown_form_is_refused(capsys):
  with pytest.raises(SystemExit):
    pixel_networks.main(['--forms', 'huge'])
  assert "'huge' (choose from" in capsys.readouterr().err
