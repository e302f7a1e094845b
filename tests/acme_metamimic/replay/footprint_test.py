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
"""Tests of the forecast of the replay's memory."""

import logging

from acme import specs
import numpy as np
import pytest

from acme_metamimic import builder as builder_lib
from acme_metamimic import config as config_lib
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.replay import footprint
from acme_metamimic.replay import goals
from tests.acme_metamimic.replay import adder_streams


def _spec() -> specs.EnvironmentSpec:
  return specs.EnvironmentSpec(
    observations={
      'image': specs.Array((128, 128, 3), np.uint8),
      'body': specs.Array((36,), np.float32),
    },
    actions=specs.Array((9,), np.float32),
    rewards=specs.Array((), np.float32),
    discounts=specs.Array((), np.float32),
  )


def test_frames_by_hand():
  step = 128 * 128 * 3 + 4 * (36 + 9 + 1 + 1) + 5 * footprint.FIELD_OVERHEAD
  assert footprint.expected_bytes(_spec(), 10, prioritised=False) == 10 * (
    step + footprint.ITEM_OVERHEAD
  )
  assert footprint.expected_bytes(_spec(), 10, prioritised=True) == 10 * (
    2 * step + footprint.ITEM_OVERHEAD
  )


def test_references_take_less():
  environment_spec = adder_streams.environment_spec()
  environment_spec = environment_spec._replace(
    observations={
      **environment_spec.observations,
      'goal_reference': goals.REFERENCE_SPEC,
    }
  )
  frames = goals.GoalFrames(
    [
      {
        'body': np.zeros((2, 3), np.float32),
        'image': np.zeros((2, 4, 4, 3), 'u1'),
      }
    ]
  )
  whole, references = (
    builder_lib.MetaMimicBuilder(goal_frames=f).expected_bytes(environment_spec)
    for f in (None, frames)
  )
  # A million items of two steps each: a frame less, a field of two integers more.
  frame = 4 * 3 + 4 * 4 * 3 + 2 * footprint.FIELD_OVERHEAD
  reference = 2 * 4 + footprint.FIELD_OVERHEAD
  assert whole - references == 2_000_000 * (frame - reference)


def test_proportional_removal_has_more_room():
  expected = [
    builder_lib.MetaMimicBuilder(
      config_lib.MetaMimicConfig(
        imitation=d4pg_config.D4PGConfig(
          replay_table_name='imitation', priority_exponent=0.6, remover=remover
        )
      )
    )._imitation.expected_bytes(_spec())
    for remover in ('min_heap', 'proportional')
  ]
  assert expected[1] == pytest.approx(1.1 * expected[0])


@pytest.mark.parametrize(
  ('expected', 'fits'), [(4_000_000_000, True), (9_000_000_000, False)]
)
def test_report(capsys, caplog, expected, fits):
  with caplog.at_level(logging.WARNING, logger='absl'):
    assert footprint.report(expected, available=8_000_000_000) is fits
  assert ('lower max_replay_size' in caplog.text) is not fits
  assert not capsys.readouterr().out


def test_description():
  assert (
    footprint.describe(4_000_000_000, available=8_000_000_000)
    == 'Replay: at most 4.0 GB when full, of 8.0 GB.'
  )


@pytest.mark.parametrize('text', ['max\n', '', '9223372036854771712\n'])
def test_a_container_without_a_limit_has_the_machine(tmp_path, text):
  whole = footprint.available_bytes([])
  assert 2**28 < whole < 2**48
  (tmp_path / 'limit').write_text(text)
  files = [str(tmp_path / 'limit'), str(tmp_path / 'missing')]
  assert footprint.available_bytes(files) == whole


def test_a_container_has_its_limit(tmp_path):
  (tmp_path / 'limit').write_text('1000000000\n')
  assert footprint.available_bytes([str(tmp_path / 'limit')]) == 1_000_000_000
