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
"""Tests of what is asked of a learner beyond Acme's."""

from acme import core
import numpy as np
import sonnet as snt

from acme_metamimic.tf import learners


class _Acmes(core.Learner):
  """A learner with what Acme asks for and nothing else."""

  def step(self) -> None:
    pass

  def get_variables(self, names):
    return [[np.array(name)] for name in names]


class _Extended(_Acmes):
  def __init__(self) -> None:
    self.calls: list[str] = []
    self.evaluation_policy = snt.Linear(1)

  def trace(self) -> None:
    self.calls.append('trace')

  def save(self) -> bool:
    self.calls.append('save')
    return True

  def close(self) -> None:
    self.calls.append('close')


def test_acmes_learner_has_defaults():
  learner = _Acmes()
  assert learners.evaluation_policy(learner) is None
  assert not learners.trace(learner)
  assert not learners.save(learner)
  learners.close(learner)
  variables = learners.get_variables(
    learner, [learners.POLICY, learners.EVALUATION_POLICY]
  )
  assert variables == [[np.array('policy')], [np.array('policy')]]


def test_an_extended_learner_is_asked():
  learner = _Extended()
  assert learners.evaluation_policy(learner) is learner.evaluation_policy
  assert learners.trace(learner)
  assert learners.save(learner)
  learners.close(learner)
  assert learner.calls == ['trace', 'save', 'close']
  variables = learners.get_variables(learner, [learners.EVALUATION_POLICY])
  assert variables == [[np.array('evaluation_policy')]]
