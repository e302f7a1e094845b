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

"""An exponential average of a policy's weights."""

import copy

import sonnet as snt


class AveragedPolicy:
  """A policy whose weights are an exponential average of another's.

  A policy that follows its critic swings from one update to the next, and the
  mean of its latest weights does so less (Polyak & Juditsky, 1992, "Acceleration
  of Stochastic Approximation by Averaging"). The average is for evaluation:
  acting and learning go on with the current weights.

  Attributes:
    policy: averaged policy, a copy of the source with variables of its own.
  """

  def __init__(self, source: snt.Module, horizon: int, updates_per_call: int):
    """Initializes the average with the current weights.

    Args:
      source: policy that is trained, whose variables must exist.
      horizon: number of the source's updates that the average reaches back,
        1 / (1 - decay).
      updates_per_call: number of the source's updates between two calls of
        `update`.

    Raises:
      ValueError: if the horizon is shorter than a call.
    """
    if horizon < updates_per_call:
      raise ValueError(
        f'policy_averaging_horizon={horizon} must be 1, for no average, or at '
        f'least updates_per_step={updates_per_call}.'
      )
    self._source = source
    self._rate = updates_per_call / horizon
    self.policy = copy.deepcopy(source)

  def update(self) -> None:
    """Moves the average towards the current weights."""
    for average, variable in zip(self.policy.variables, self._source.variables):
      average.assign_add(self._rate * (variable - average))
