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

"""Projects what a cluster of many actors needs, from the cost of a step."""

import dataclasses
from typing import Sequence

# Steps of an actor: real time would be 20 Hz, of which rendering and the policy
# leave about half.
STEPS_PER_SECOND = 10.0
# Observation and goal of 128 x 128 x 3 bytes, compressed about twofold.
BYTES_PER_STEP = 49_152.0
# 22 million parameters in two bytes, once a thousand steps.
BYTES_PER_FETCH = 45e6
STEPS_PER_FETCH = 1000.0
# A network card of 10 Gbit/s, with a fifth kept free.
BYTES_PER_HOST = 1e9


@dataclasses.dataclass(frozen=True)
class Projection:
  """What a cluster needs for a number of actors.

  Attributes:
    actors: number of actors of both halves.
    insert_bytes: bytes per second that enter all shards.
    shards: number of shards whose network cards can take these bytes.
    fetch_bytes: bytes per second of variables from caches to actors.
    caches: number of caches whose network cards can send these bytes.
    actor_cores: number of cores for the actors, without their environments.
  """

  actors: int
  insert_bytes: float
  shards: int
  fetch_bytes: float
  caches: int
  actor_cores: float


def project(actors: int, cpu_seconds_per_step: float) -> Projection:
  """Returns what a cluster needs for actors that see the paper's frames.

  Args:
    actors: number of actors of both halves.
    cpu_seconds_per_step: CPU time of a step on the light environment.
  """
  steps = actors * STEPS_PER_SECOND
  inserts = steps * BYTES_PER_STEP
  fetches = steps / STEPS_PER_FETCH * BYTES_PER_FETCH
  return Projection(
    actors=actors,
    insert_bytes=inserts,
    shards=_hosts(inserts),
    fetch_bytes=fetches,
    caches=_hosts(fetches),
    actor_cores=steps * cpu_seconds_per_step,
  )


def _hosts(bytes_per_second: float) -> int:
  return max(1, -int(-bytes_per_second // BYTES_PER_HOST))


def table(projections: Sequence[Projection]) -> str:
  """Returns a table of projections in Markdown, with a row for each."""
  lines = [
    '| actors | inserts, MB/s | shards | fetches, MB/s | caches | cores |',
    '|-|-|-|-|-|-|',
  ]
  lines += [
    f'| {p.actors} | {p.insert_bytes / 1e6:.0f} | {p.shards} | '
    f'{p.fetch_bytes / 1e6:.0f} | {p.caches} | {p.actor_cores:.0f} |'
    for p in projections
  ]
  return '\n'.join(lines)
