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

"""Rehearses the paper's 256 + 256 actors, on a light environment.

  python -m experiments.operations.rehearsal --minutes=5

Actors share processes, as a process that imports the libraries takes 400 MB of
memory; each actor has its own environment and writer. The caches get as many
requests as 512 actors make. The exit code is 1 if a table got no item for some
seconds.
"""

import os

from absl import app
from absl import flags

from experiments import paths
from experiments import run_folder as run_folder_lib
from experiments.operations import program_load

_ACTORS = flags.DEFINE_integer(
  'actors', 256, 'Number of actors of each half.', lower_bound=1
)
_PROCESSES = flags.DEFINE_integer(
  'processes',
  2,
  'Number of processes that the actors of a half share.',
  lower_bound=1,
)
_SHARDS = flags.DEFINE_integer(
  'shards', 2, 'Number of replay servers.', lower_bound=1
)
_CACHES = flags.DEFINE_integer(
  'caches', 1, 'Number of caches of each half.', lower_bound=1
)
_MINUTES = flags.DEFINE_float(
  'minutes', 5.0, 'Minutes to measure, after the warm-up.', lower_bound=0.1
)
_FOLDER = paths.define(
  'folder',
  None,
  'New folder for the results; by default in runs/, named after the time.',
)


def main(argv: list[str]) -> None:
  """Runs the program, prints the table and writes it."""
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments: {argv[1:]}.')
  if _ACTORS.value % _PROCESSES.value:
    raise app.UsageError(
      f'{_ACTORS.value} actors cannot be shared by {_PROCESSES.value} '
      'processes alike: make --actors a multiple of --processes.'
    )
  folder = _FOLDER.value or run_folder_lib.default()
  # Each process has one client of its own.
  fetchers = (_ACTORS.value - _PROCESSES.value) // _CACHES.value
  program = program_load.make_program(
    folder,
    num_actors=_PROCESSES.value,
    environments_per_actor=_ACTORS.value // _PROCESSES.value,
    num_shards=_SHARDS.value,
    num_caches=_CACHES.value,
    num_fetchers=fetchers,
  )
  load = program_load.measure(
    program, os.path.join(folder, 'output'), 60.0 * _MINUTES.value
  )
  text = program_load.table([load], [f'{2 * _ACTORS.value} actors'])
  print(text)
  with open(os.path.join(folder, 'rehearsal.md'), 'w') as file:
    file.write(f'{text}\n')
  # What is left are threads inside TensorFlow or gRPC.
  os._exit(1 if load.stalls else 0)


if __name__ == '__main__':
  app.run(main)
