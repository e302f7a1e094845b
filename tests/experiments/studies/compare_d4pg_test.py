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
"""Tests of the comparison with Acme's D4PG, on a few steps."""

import csv

from acme import wrappers
import pytest

from experiments.studies import compare_d4pg


@pytest.mark.slow
@pytest.mark.parametrize('name', [compare_d4pg.OURS, compare_d4pg.ACMES])
def test_either_agent_gives_a_curve(name, monkeypatch):
  make = compare_d4pg.make_environment
  monkeypatch.setattr(
    compare_d4pg,
    'make_environment',
    lambda *arguments: wrappers.StepLimitWrapper(make(*arguments), 100),
  )
  points = compare_d4pg.train(
    name,
    'cartpole',
    'swingup',
    steps=110,
    period=100,
    num_episodes=1,
    seed=0,
    batch_size=8,
    min_replay_size=90,
  )
  assert [p.steps for p in points] == [0, 100, 200]
  assert {p.agent for p in points} == {name}
  assert all(0.0 <= p.value <= 100.0 for p in points)


def test_curves_are_written(tmp_path):
  points = [
    compare_d4pg.Point(name, steps, 0.5 * steps)
    for name in compare_d4pg.MAKERS
    for steps in (0, 100)
  ]
  compare_d4pg.write(str(tmp_path / 'new'), 'cartpole', points)
  with open(tmp_path / 'new' / 'curves.csv', newline='') as file:
    rows = list(csv.reader(file))
  assert rows[0] == ['agent', 'steps', 'return']
  assert rows[1:] == [list(map(str, point)) for point in points]
  assert (tmp_path / 'new' / 'curves.png').stat().st_size > 1000
