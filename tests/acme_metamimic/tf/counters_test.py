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

"""Tests of the counter that resumes."""

from acme.utils import counting
import pytest

from acme_metamimic.tf import counters


def _make_counter(parent):
  return counters.ResumingCounter(parent, 'learner', time_delta=0.0)


@pytest.mark.parametrize('time_delta', [0.0, 1e6])
def test_totals_survive_a_new_parent(time_delta):
  parent = counting.Counter()
  counter = counters.ResumingCounter(parent, 'learner', time_delta=time_delta)
  counting.Counter(parent, 'actor', time_delta=0.0).increment(steps=100)
  counter.increment(steps=3, walltime=0.5)
  counter.increment(steps=4, walltime=0.5)

  new_parent = counting.Counter()
  resumed = _make_counter(new_parent)
  resumed.restore(counter.save())
  resumed.increment(steps=2)

  assert resumed.get_counts() == {'learner_steps': 9, 'learner_walltime': 1.0}
  assert new_parent.get_counts() == resumed.get_counts()


def test_saving_leaves_the_counts_as_they_are():
  parent = counting.Counter()
  counter = _make_counter(parent)
  counter.increment(steps=3)
  counter.save()
  counter.increment(steps=1)
  assert parent.get_counts() == {'learner_steps': 4}


def test_counter_without_parent_or_prefix():
  counter = counters.ResumingCounter()
  counter.increment(steps=3)
  resumed = counters.ResumingCounter()
  resumed.restore(counter.save())
  assert resumed.increment(steps=1) == {'steps': 4}
