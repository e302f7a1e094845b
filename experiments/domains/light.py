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
"""The light environment, to try programs and agents with."""

import dataclasses
from typing import Optional

import numpy as np

from environments import light
from experiments.domains import domain

# Evaluators see other paths than actors do.
_VALIDATION_SEED_OFFSET = 1_000_000


@dataclasses.dataclass(frozen=True)
class Light(domain.Domain):
  """A point that moves in the plane, without demonstrations.

  Attributes:
    step_seconds: seconds that a step takes, as one of a robot does.
  """

  step_seconds: float = 0.0

  def make_imitation_environment(
    self, dataset: Optional[domain.Dataset], kind: str, seed: int
  ) -> light.LightEnvironment:
    """Makes the environment of Algorithm 1; see `Domain`."""
    return self._make(True, kind, seed)

  def make_task_environment(
    self, dataset: Optional[domain.Dataset], kind: str, seed: int
  ) -> light.LightEnvironment:
    """Makes the environment of Algorithm 3; see `Domain`."""
    return self._make(False, kind, seed)

  def goal_difference_scale(self) -> domain.Scales:
    """Returns factors that make one step of motion of order one."""
    return {light.KEY: np.array(1.0 / light.STEP, np.float32)}

  def _make(
    self, imitation: bool, kind: str, seed: int
  ) -> light.LightEnvironment:
    offset = _VALIDATION_SEED_OFFSET if kind == domain.VALIDATION else 0
    return light.LightEnvironment(
      imitation, seed + offset, step_seconds=self.step_seconds
    )
