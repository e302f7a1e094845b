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

"""Measures 1, 2, 4, ... actors on this machine and projects a cluster.

  python -m experiments.operations.scaling --seconds=60

Each number of actors has a program of its own, until doubling the number brings
less than a tenth more steps per second. The projection rests on what a step and a
fetch cost, not on how fast this machine is.
"""

import dataclasses
import json
import os
import subprocess
import sys
from typing import List

from absl import app
from absl import flags

from experiments import paths
from experiments import run_folder as run_folder_lib
from experiments.operations import program_load
from experiments.operations import projection

_MAX_ACTORS = flags.DEFINE_integer(
  'max_actors', 64, 'Largest number of actors of each half.'
)
_SECONDS = flags.DEFINE_float(
  'seconds', 60.0, 'Seconds to measure each number of actors.'
)
_FOLDER = paths.define(
  'folder',
  None,
  'New folder for the results; by default in runs/, named after the time.',
)
_ONE = flags.DEFINE_integer(
  'one', None, 'Measures this number of actors alone, and prints its load.'
)

_GAIN = 1.1


def _measure_one(folder: str, number: int) -> program_load.Load:
  program = program_load.make_program(
    folder,
    num_actors=number,
    environments_per_actor=1,
    num_shards=1,
    num_caches=1,
  )
  return program_load.measure(
    program, os.path.join(folder, 'output'), _SECONDS.value, lambda _: None
  )


def _measure_apart(folder: str, number: int) -> program_load.Load:
  """Measures in a new process, as a process can run one program only."""
  said = subprocess.run(
    [
      sys.executable,
      '-m',
      'experiments.operations.scaling',
      f'--one={number}',
      f'--seconds={_SECONDS.value}',
      f'--folder={os.path.join(folder, str(number))}',
    ],
    check=True,
    capture_output=True,
    text=True,
  ).stdout
  line = next(x for x in reversed(said.splitlines()) if x.startswith('{'))
  return program_load.Load(**json.loads(line))


def main(argv: list[str]) -> None:
  """Measures all numbers, prints the tables and writes them."""
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments: {argv[1:]}.')
  folder = _FOLDER.value or run_folder_lib.default()
  if _ONE.value is not None:
    load = _measure_one(folder, _ONE.value)
    print(json.dumps(dataclasses.asdict(load)), flush=True)
    os._exit(0)
  loads: List[program_load.Load] = []
  number = 1
  while number <= _MAX_ACTORS.value:
    loads.append(_measure_apart(folder, number))
    print(f'{number} + {number} actors: {loads[-1].steps:.0f} steps/s')
    if len(loads) > 1 and loads[-1].steps < _GAIN * loads[-2].steps:
      break
    number *= 2
  measured = program_load.table(
    loads, [f'{2**i} + {2**i} actors' for i in range(len(loads))]
  )
  last = loads[-1]
  cpu = last.cpu['imitation_actor'] + last.cpu['task_actor']
  projected = projection.table(
    [
      projection.project(actors, cpu / last.steps)
      for actors in (512, 5_000, 50_000)
    ]
  )
  text = f'{measured}\n\n{projected}\n'
  print(text)
  with open(os.path.join(folder, 'scaling.md'), 'w') as file:
    file.write(text)


if __name__ == '__main__':
  app.run(main)
