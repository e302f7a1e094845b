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

"""Watches the memory of each process of a program that runs for long.

  python -m experiments.operations.soak --minutes=30

Actors on a light environment fill both tables during the warm-up. The results
are memory.csv, memory.png and soak.md in the folder. The exit code is 1 if a
process grew after the warm-up.
"""

import csv
import os
import signal
import time
from typing import Dict, List, Mapping, Sequence

from absl import app
from absl import flags
from matplotlib import figure
import numpy as np
import psutil

from experiments import paths
from experiments import run_folder as run_folder_lib
from experiments.distributed import local
from experiments.operations import processes
from experiments.operations import program_load

_MINUTES = flags.DEFINE_float(
  'minutes',
  30.0,
  'Minutes that the program runs, half of them as a warm-up.',
  lower_bound=0.1,
)
_FOLDER = paths.define(
  'folder',
  None,
  'New folder for the results; by default in runs/, named after the time.',
)

_SAMPLE_SECONDS = 5.0
# Share of the time in which the tables fill and allocators find their size.
_WARM_UP = 0.5
# Growth after the warm-up that passes: some pages come and go with every
# checkpoint.
_MAX_GROWTH = 0.05

Sample = Mapping[str, float]


class MemoryWatch:
  """Samples the resident memory of processes; stops the program in time."""

  def __init__(self, output_folder: str, seconds: float):
    """Initializes the watch.

    Args:
      output_folder: folder of the files that the program's nodes print to.
      seconds: seconds after which the program is stopped.
    """
    self.samples: List[Sample] = []
    self._output_folder = output_folder
    self._started = time.monotonic()
    self._seconds = seconds

  def __call__(self) -> None:
    """Samples when it is time; stops the program when the time is over."""
    passed = time.monotonic() - self._started
    if passed < len(self.samples) * _SAMPLE_SECONDS:
      return
    sample: Dict[str, float] = {'minutes': passed / 60.0}
    for name, process in processes.of_program(self._output_folder):
      try:
        sample[name] = process.memory_info().rss / 1e6
      except psutil.Error:
        continue
    self.samples.append(sample)
    if passed >= self._seconds:
      signal.raise_signal(signal.SIGTERM)


def growth(samples: Sequence[Sample], name: str) -> float:
  """Returns how much a process grew after the warm-up, as a share of its size.

  Args:
    samples: samples of the memory in megabytes, by the name of the process.
    name: name of the process.

  Returns:
    The slope of a line through the samples, times the time after the warm-up.
  """
  start = _WARM_UP * samples[-1]['minutes']
  points = [
    (sample['minutes'], sample[name])
    for sample in samples
    if sample['minutes'] >= start and name in sample
  ]
  if len(points) < 2:
    return 0.0
  minutes, megabytes = np.transpose(points)
  slope = np.polyfit(minutes, megabytes, 1)[0]
  return float(slope * (minutes[-1] - minutes[0]) / np.mean(megabytes))


def names(samples: Sequence[Sample]) -> List[str]:
  """Returns the names of all processes in some samples."""
  return sorted({name for sample in samples for name in sample} - {'minutes'})


def table(samples: Sequence[Sample]) -> str:
  """Returns a table in Markdown of each process's memory and its growth."""
  start = _WARM_UP * samples[-1]['minutes']
  half = next(s for s in samples if s['minutes'] >= start)
  lines = [
    '| process | MB after warm-up | MB at the end | growth |',
    '|-|-|-|-|',
  ]
  for name in names(samples):
    lines.append(
      f'| {name} | {half.get(name, np.nan):.0f} | '
      f'{samples[-1].get(name, np.nan):.0f} | {growth(samples, name):+.1%} |'
    )
  return '\n'.join(lines)


def write(folder: str, samples: Sequence[Sample]) -> None:
  """Writes the samples, their table and their picture into a folder."""
  with open(os.path.join(folder, 'memory.csv'), 'w', newline='') as file:
    writer = csv.DictWriter(file, ['minutes', *names(samples)])
    writer.writeheader()
    writer.writerows(
      {key: round(value, 2) for key, value in s.items()} for s in samples
    )
  with open(os.path.join(folder, 'soak.md'), 'w') as file:
    file.write(f'{table(samples)}\n')
  picture = figure.Figure(figsize=(8, 4.5), layout='constrained')
  axes = picture.subplots()
  for name in names(samples):
    curve = [(s['minutes'], s[name]) for s in samples if name in s]
    axes.plot(*np.transpose(curve), label=name)
  axes.set(xlabel='minutes', ylabel='resident memory, MB', ylim=(0, None))
  axes.legend(fontsize=7, loc='center left', bbox_to_anchor=(1.0, 0.5))
  picture.savefig(os.path.join(folder, 'memory.png'), dpi=110)


def main(argv: list[str]) -> None:
  """Runs the program, prints the table and writes the results."""
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments: {argv[1:]}.')
  folder = _FOLDER.value or run_folder_lib.default()
  program = program_load.make_program(
    folder, num_actors=1, environments_per_actor=4, num_shards=1, num_caches=1
  )
  output = os.path.join(folder, 'output')
  watch = MemoryWatch(output, 60.0 * _MINUTES.value)
  outcome = local.run(program, 'local_mp', output, watch=watch)
  if outcome.exit_code:
    raise SystemExit(f'Error: {outcome.reason}')
  write(folder, watch.samples)
  print(table(watch.samples))
  flat = all(
    growth(watch.samples, name) <= _MAX_GROWTH for name in names(watch.samples)
  )
  # What is left are threads inside TensorFlow or gRPC.
  os._exit(0 if flat else 1)


if __name__ == '__main__':
  app.run(main)
