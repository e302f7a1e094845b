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

"""Tests of the table of layers."""

import numpy as np
import pytest

from acme_metamimic.tf import resnet
from experiments import pixel_forms
from experiments.studies import network_table

_SMALL = pixel_forms.Form(
  16, lambda: resnet.ResNetTorso((4, 8), hidden_sizes=(12,)), (8, 8)
)


def _list_torso(form, half='imitation'):
  networks, spec = network_table.make_networks(form, half)
  return networks, network_table.list_layers(
    networks.observation_network, spec.observations
  )


def test_layers_of_a_small_torso():
  _, layers = _list_torso(_SMALL)
  assert [layer.shape for layer in layers] == [
    (16, 16, 4),
    *[(8, 8, 4)] * 9,
    (8, 8, 8),
    *[(4, 4, 8)] * 9,
    (12,),
    (12,),
  ]
  by_name = {layer.name: layer for layer in layers}
  first = by_name['resnet_torso/group_0/downscale']
  assert first.parameters == 9 * 6 * 4 + 4
  assert first.multiply_adds == 16 * 16 * 9 * 6 * 4
  block = by_name['resnet_torso/group_1/block_1/conv_1']
  assert block.multiply_adds == 4 * 4 * 9 * 8 * 8
  linear = by_name['resnet_torso/linear_0']
  assert linear.multiply_adds == 4 * 4 * 8 * 12


@pytest.mark.parametrize('name', ['paper', 'impala'])
def test_parameters_sum_to_those_of_the_network(name):
  networks, layers = _list_torso(pixel_forms.FORMS[name])
  expected = sum(
    int(np.prod(v.shape))
    for v in networks.observation_network.trainable_variables
  )
  assert sum(layer.parameters for layer in layers) == expected
  convolutions = [layer for layer in layers if layer.multiply_adds]
  # And one fully connected layer each.
  assert len(convolutions) == {'paper': 20, 'impala': 15}[name] + 1
  assert all(layer.shape for layer in layers)


def test_modules_that_share_a_name_are_apart():
  """Acme's three residual groups have one name."""
  _, layers = _list_torso(pixel_forms.FORMS['impala'])
  shapes = [layer.shape for layer in layers if 'downscale' in layer.name]
  assert shapes == [(128, 128, 16), (64, 64, 32), (32, 32, 32)]


def test_task_half_has_no_goal():
  _, layers = _list_torso(_SMALL, 'task')
  assert layers[0].parameters == 9 * 3 * 4 + 4


def test_command_prints_the_sum(capsys):
  network_table.main(['--form', '64_p4_16_32', '--half', 'task'])
  lines = capsys.readouterr().out.splitlines()
  assert lines[0] == '| torso | output | parameters | multiply-adds |'
  assert any('**torso**' in line for line in lines)
  assert '101' in lines[-2]
  assert '**critic**' in lines[-1]


def test_unknown_form_is_refused(capsys):
  with pytest.raises(SystemExit):
    network_table.main(['--form', 'huge'])
  assert "'huge' (choose from 'paper'" in capsys.readouterr().err
