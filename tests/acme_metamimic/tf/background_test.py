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
"""Tests of the learner whose steps run beside the thread that asks for them."""

import threading

from acme import core
import pytest

from acme_metamimic.tf import background


class _Learner(core.Learner):
  """Steps when it may."""

  def __init__(self):
    self.may_go = threading.Event()
    self.threads: list[int] = []
    self.error: Exception | None = None

  def step(self):
    assert self.may_go.wait(30.0)
    if self.error is not None:
      raise self.error
    self.threads.append(threading.get_ident())

  def get_variables(self, names):
    return [[name] for name in names]


def test_a_step_runs_beside_and_is_waited_for_by_the_next():
  learner = _Learner()
  beside = background.BackgroundLearner(learner)
  beside.step()
  # It has begun, and the caller goes on.
  assert not learner.threads
  learner.may_go.set()
  for _ in range(3):
    beside.step()
  beside.wait()
  assert len(learner.threads) == 4
  # All in one thread, which is another.
  assert len({*learner.threads}) == 1
  assert threading.get_ident() not in learner.threads
  beside.wait()
  assert beside.get_variables(['policy']) == [['policy']]


@pytest.mark.parametrize('ask', ['step', 'wait'])
def test_what_a_step_raises_reaches_the_one_who_asks_next(ask):
  learner = _Learner()
  learner.may_go.set()
  learner.error = ValueError('diverged')
  beside = background.BackgroundLearner(learner)
  beside.step()
  with pytest.raises(ValueError, match='diverged'):
    getattr(beside, ask)()
  learner.error = None
  beside.step()
  beside.wait()
  assert len(learner.threads) == 1
