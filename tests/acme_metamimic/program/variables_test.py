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

from typing import List, Sequence

import numpy as np
import pytest

from acme_metamimic.program import variables


class _Learner:
  """Counts what it is asked for."""

  def __init__(self, half_precision: bool = False):
    self.server = variables.VariableServer(['policy'], half_precision)
    self.sent = 0

  def publish(self, version: int, value: float) -> None:
    self.server.publish(version, [[np.full((2, 3), value, np.float32)]])

  def get_newer(self, names: Sequence[str], version: int) -> variables.Newer:
    newer = self.server.get_newer(names, version)
    self.sent += newer[1] is not None
    return newer


def _first(values: List[List[np.ndarray]]) -> float:
  return float(values[0][0][0, 0])


def test_variables_are_fetched_once_a_version():
  learner = _Learner()
  learner.publish(0, 1.0)
  source = variables.RemoteVariables(learner)
  for _ in range(3):
    assert _first(source.get_variables(['policy'])) == 1.0
  assert learner.sent == 1
  learner.publish(7, 2.0)
  assert _first(source.get_variables(['policy'])) == 2.0
  assert learner.sent == 2
  assert source.version == 7


def test_cache_asks_its_source_alone_and_serves_what_is_newest():
  learner = _Learner()
  learner.publish(0, 1.0)
  cache = variables.VariableCache(learner)
  actors = [variables.RemoteVariables(cache) for _ in range(4)]
  for actor in actors:
    assert _first(actor.get_variables(['policy'])) == 1.0
  cache.refresh()
  assert learner.sent == 1, 'Nothing has changed.'
  learner.publish(1, 3.0)
  assert _first(actors[0].get_variables(['policy'])) == 1.0
  cache.refresh()
  assert _first(actors[0].get_variables(['policy'])) == 3.0
  assert _first(cache.get_variables(['policy'])) == 3.0
  assert learner.sent == 2


def test_half_precision_travels_and_arrives_as_float32():
  learner = _Learner(half_precision=True)
  learner.publish(0, 1.0 / 3.0)
  _, wire = learner.server.get_newer(['policy'], variables.UNKNOWN_VERSION)
  assert wire is not None
  assert wire[0][0].dtype == np.float16
  cache = variables.VariableCache(learner, half_precision=True)
  ((array,),) = variables.RemoteVariables(cache).get_variables(['policy'])
  assert array.dtype == np.float32
  np.testing.assert_allclose(array, 1.0 / 3.0, rtol=2.0**-11)


def test_half_precision_limits_what_it_cannot_hold_and_leaves_integers():
  given: variables.Variables = [
    [np.array([1e9, -1e9], np.float32), np.array([70_000], np.int64)]
  ]
  ((floats, integers),) = variables.decode(variables.encode(given))
  np.testing.assert_array_equal(floats, [65504.0, -65504.0])
  np.testing.assert_array_equal(integers, [70_000])


def test_unknown_collection_is_named():
  learner = _Learner()
  learner.publish(0, 1.0)
  with pytest.raises(KeyError, match=r"'critic'.*there are \['policy'\]"):
    variables.RemoteVariables(learner).get_variables(['critic'])
