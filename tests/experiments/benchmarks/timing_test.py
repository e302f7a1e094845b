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

"""Tests of the measurement of time."""

import time

import pytest

from experiments.benchmarks import timing


def test_the_first_call_is_not_measured():
  seconds = iter([1.0, *[0.02] * 100])
  rate = timing.calls_per_second(lambda: time.sleep(next(seconds)), 0.1)
  assert 10.0 < rate <= 50.0


def test_one_call_may_take_longer():
  taken = timing.milliseconds(lambda: time.sleep(0.05), 0.01)
  assert taken == pytest.approx(50.0, rel=0.5)
