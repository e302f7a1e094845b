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
"""Configuration of D4PGfD."""

import dataclasses

from acme_metamimic.d4pg import config as d4pg_config


@dataclasses.dataclass
class D4PGfDConfig(d4pg_config.D4PGConfig):
  """Configuration of D4PGfD.

  A priority is `loss + lambda_3 |dQ/da|^2 + epsilon`, and `epsilon_D` more for a
  demonstration's transition (Vecerik et al., section 3). Where they give no
  value, the default is that of DQfD (Hester et al., 2018, "Deep Q-learning from
  Demonstrations").

  Attributes:
    priority_exponent: exponent alpha of the priorities in the sampling
      probability; Vecerik et al. have 0.3.
    importance_sampling_exponent: exponent beta of the importance weights;
      Vecerik et al. have 1.
    action_gradient_coefficient: coefficient lambda_3 of the squared gradient
      |dQ/da|^2 in the priority. Neither paper has a value; 1 gives both terms
      the same weight.
    priority_offset: constant epsilon in every priority, so that none is zero;
      DQfD has 0.001.
    demonstration_bonus: constant epsilon_D in the priorities of demonstrations;
      DQfD has 1.
    weight_decay: coefficient lambda_2 of the squared weights in both losses;
      DQfD has 1e-5.
  """

  priority_exponent: float = 0.3
  importance_sampling_exponent: float = 1.0
  action_gradient_coefficient: float = 1.0
  priority_offset: float = 1e-3
  demonstration_bonus: float = 1.0
  weight_decay: float = 1e-5

  def __post_init__(self) -> None:
    super().__post_init__()
    for name in (
      'action_gradient_coefficient',
      'priority_offset',
      'demonstration_bonus',
      'weight_decay',
    ):
      if not getattr(self, name) >= 0.0:
        raise ValueError(
          f'{name}={getattr(self, name)} must not be negative: use 0 to switch '
          'it off.'
        )
    if self.regression_weight > 0.0 or self.teacher is not None:
      raise ValueError(
        f'regression_weight={self.regression_weight} and teacher={self.teacher!r}: '
        'D4PGfD has neither, it learns from actions by its priorities alone; '
        'leave both out, or use D4PGConfig.'
      )
    if self.remover != d4pg_config.MIN_HEAP:
      raise ValueError(
        f'remover={self.remover!r} would choose among demonstrations, which '
        f'stay: use {d4pg_config.MIN_HEAP!r}.'
      )
    if self.priority_exponent == 0.0:
      raise ValueError(
        'priority_exponent=0.0 would sample demonstrations and the rest alike: '
        'use a positive one, 0.3 as Vecerik et al.'
      )
