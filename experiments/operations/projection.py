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

"""What a cluster of many actors needs, from what a step and a fetch cost."""

import dataclasses
from typing import Sequence

# What the paper's program moves: 20 Hz would be real time, and rendering and
# the policy make it about half of that.
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
  """What a number of actors asks of a cluster.

  Attributes:
    actors: of both halves.
    insert_bytes: a second, into all shards.
    shards: that this needs, by the network of each.
    fetch_bytes: a second from learners or caches to actors.
    caches: that this needs.
    actor_cores: by the CPU time of a measured step, without the environment.
  """

  actors: int
  insert_bytes: float
  shards: int
  fetch_bytes: float
  caches: int
  actor_cores: float


def project(actors: int, cpu_seconds_per_step: float) -> Projection:
  """Projects a cluster of actors that see frames.

  Args:
    actors: of both halves.
    cpu_seconds_per_step: measured on the light environment.
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
  """Returns projections as a table in Markdown."""
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
