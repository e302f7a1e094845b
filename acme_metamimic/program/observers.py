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
"""What actors log of their environments beside returns and lengths."""

from typing import Dict, Optional

from acme.utils import observers
import dm_env
import numpy as np

_DIVERGENCES = 'num_divergences'


def divergences(environment: dm_env.Environment) -> Dict[str, int]:
  """Returns how many episodes of an environment ended as its physics diverged.

  Args:
    environment: environment that may have a property `num_divergences`.

  Returns:
    The number by its name; nothing if the environment does not count.
  """
  number = getattr(environment, _DIVERGENCES, None)
  return {} if number is None else {_DIVERGENCES: number}


class DivergenceObserver(observers.EnvLoopObserver):
  """Has a loop log the environment's divergences with each episode."""

  def __init__(self) -> None:
    self._environment: Optional[dm_env.Environment] = None

  def observe_first(
    self, env: dm_env.Environment, timestep: dm_env.TimeStep
  ) -> None:
    """Notes the environment of the episode."""
    self._environment = env

  def observe(
    self,
    env: dm_env.Environment,
    timestep: dm_env.TimeStep,
    action: np.ndarray,
  ) -> None:
    """Does nothing: the environment counts."""

  def get_metrics(self) -> Dict[str, int]:
    """Returns the number so far, if the environment counts it."""
    return divergences(self._environment)
