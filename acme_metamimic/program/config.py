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

"""Configuration of the distributed program."""

import dataclasses
from typing import Mapping, Optional

from acme_metamimic import config as config_lib
from acme_metamimic.d4pg import config as d4pg_config


@dataclasses.dataclass(frozen=True)
class ProgramConfig:
  """How many nodes there are, and how they are connected.

  The numbers of actors are in `MetaMimicConfig`, as they are in Table 1.

  Attributes:
    num_replay_shards: number of replay servers, each with both tables and its
      share of their capacity; actors are spread over them.
    num_caches: number of variable caches of each half, one for each host with
      its actors; without any, actors ask the learner.
    environments_per_actor: number of environments that an actor steps with one
      call of its policy; the paper has 1.
    half_precision: whether variables travel as float16.
    max_actor_steps: number of steps of all imitation actors together after which
      the program stops; None for no end.
    max_imitation_updates: number of updates of the imitation learner after which
      the program stops; None for no end.
    max_minutes: minutes of the imitation learner's work after which the program
      stops; None for no end.
    evaluation_episodes: number of episodes in a round of each evaluator.
    evaluation_period_seconds: seconds from a round of an evaluator to the next.
      On a machine that is shared with the learners, evaluators should rest.
    replay_checkpoint_period_minutes: minutes from one checkpoint of the replay's
      contents, in which it stands still, to the next.
    seed: seed of the environments; each has a number of its own added.
  """

  num_replay_shards: int = 1
  num_caches: int = 1
  environments_per_actor: int = 1
  half_precision: bool = False
  max_actor_steps: Optional[int] = None
  max_imitation_updates: Optional[int] = None
  max_minutes: Optional[float] = None
  evaluation_episodes: int = 10
  evaluation_period_seconds: float = 0.0
  replay_checkpoint_period_minutes: float = 10.0
  seed: int = 0

  def __post_init__(self) -> None:
    for name, least in (
      ('num_replay_shards', 1),
      ('num_caches', 0),
      ('environments_per_actor', 1),
      ('evaluation_episodes', 1),
      ('seed', 0),
    ):
      if getattr(self, name) < least:
        raise ValueError(
          f'{name}={getattr(self, name)} must be at least {least}: change {name} '
          'in the program config.'
        )
    for name in ('max_actor_steps', 'max_imitation_updates', 'max_minutes'):
      value = getattr(self, name)
      if value is not None and not value > 0:
        raise ValueError(
          f'{name}={value} must be positive, or None for no end.'
        )

  @property
  def limits(self) -> Mapping[str, float]:
    """Counts at which the program stops, by their names."""
    limits = {
      'imitation_actor_steps': self.max_actor_steps,
      'imitation_learner_steps': self.max_imitation_updates,
      'imitation_learner_walltime': None
      if self.max_minutes is None
      else 60.0 * self.max_minutes,
    }
    return {k: limit for k, limit in limits.items() if limit is not None}


def share(
  config: config_lib.MetaMimicConfig, num_shards: int
) -> config_lib.MetaMimicConfig:
  """Returns the config of one shard, whose tables have a share of the whole."""

  def share_of(half: d4pg_config.D4PGConfig) -> d4pg_config.D4PGConfig:
    sizes = {
      name: -(-getattr(half, name) // num_shards)
      for name in ('max_replay_size', 'min_replay_size')
    }
    return dataclasses.replace(half, **sizes)

  return dataclasses.replace(
    config, imitation=share_of(config.imitation), task=share_of(config.task)
  )
