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
"""Tests of what actors log of their environments."""

import acme
from acme import wrappers
import pytest

from acme_metamimic.program import observers
from tests.acme_metamimic import fakes
from tests.experiments import training_fakes


class _Diverging(fakes.FakeEnvironment):
  """Counts every episode as one whose physics diverged."""

  num_divergences = 0

  def reset(self):
    self.num_divergences += 1
    return super().reset()


def test_environments_that_do_not_count_add_nothing():
  assert observers.divergences(fakes.FakeEnvironment(True)) == {}


@pytest.mark.parametrize('wrap', [lambda e: e, wrappers.EnvironmentWrapper])
def test_a_loop_logs_the_number(wrap):
  loop = acme.EnvironmentLoop(
    wrap(_Diverging(False)),
    training_fakes.Idle(),
    logger=fakes.RecordingLogger(),
    observers=[observers.DivergenceObserver()],
  )
  episodes = [loop.run_episode() for _ in range(2)]
  assert [e['num_divergences'] for e in episodes] == [1, 2]
