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

"""Tests of the actors' benchmark, on a policy too small to be of interest."""

from absl import app
import pytest

from experiments.benchmarks import actor


@pytest.mark.slow
def test_both_actors_are_measured():
  acmes, ours = actor.compare('features', [8], calls=20, turns=3)
  assert acmes.milliseconds > 0.0
  assert ours.milliseconds > 0.0


def test_arguments_are_checked():
  with pytest.raises(app.UsageError, match='Unknown arguments'):
    actor.main(['actor', '256'])
