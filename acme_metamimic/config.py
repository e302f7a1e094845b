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


"""Configuration of MetaMimic: one of D4PG for each half."""

import dataclasses

from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import config as d4pg_config


def _imitation_config() -> d4pg_config.D4PGConfig:
  """Returns Table 1's imitation half: prioritised sampling and removal."""
  # The exponents are those of Ape-X DPG (Horgan et al., 2018, appendix D), which
  # the paper builds on; Table 1 says "prioritized" without a number.
  return d4pg_config.D4PGConfig(
    replay_table_name=specs_lib.IMITATION,
    priority_exponent=0.6,
    importance_sampling_exponent=0.4,
  )


@dataclasses.dataclass
class MetaMimicConfig:
  """Configuration of MetaMimic; the defaults are the paper's Table 1.

  Attributes:
    imitation: configuration of the imitation half (Algorithms 1 and 2).
    task: configuration of the task half (Algorithms 3 and 4), whose table is
      sampled uniformly and drops its oldest item.
    num_imitation_actors: number of imitation actors of a distributed run; Table
      1.
    num_task_actors: number of task actors of a distributed run; Table 1.
  """

  imitation: d4pg_config.D4PGConfig = dataclasses.field(
    default_factory=_imitation_config
  )
  task: d4pg_config.D4PGConfig = dataclasses.field(
    default_factory=d4pg_config.D4PGConfig
  )
  num_imitation_actors: int = 256
  num_task_actors: int = 256

  def __post_init__(self) -> None:
    if self.imitation.replay_table_name == self.task.replay_table_name:
      raise ValueError(
        'replay_table_name='
        f'{self.task.replay_table_name!r} names the table of both halves: each '
        "needs a table of its own, for instance 'imitation' and 'task'."
      )
    if self.task.priority_exponent > 0.0:
      raise ValueError(
        f'task.priority_exponent={self.task.priority_exponent}: the task table '
        'is sampled uniformly (Table 1); leave it at 0.'
      )
    for name in ('num_imitation_actors', 'num_task_actors'):
      if getattr(self, name) < 1:
        raise ValueError(
          f'{name}={getattr(self, name)} must be at least 1: change {name} in '
          'the config.'
        )
    for name in ('policy_optimizer', 'critic_optimizer'):
      optimizer = getattr(self.task, name)
      if optimizer is not None and optimizer is getattr(self.imitation, name):
        raise ValueError(
          f'imitation.{name} and task.{name} are one instance, '
          f'{optimizer!r}: an optimizer holds state, give each half its own.'
        )
