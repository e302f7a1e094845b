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
"""Runs what a figure of the paper lacks, for as long as there is time.

  python -m experiments.paper.run figure8 --scale=laptop --hours=2

Every curve has its first seed before any has its second. A run that was cut goes
on where it was. The runs are in runs/paper/<scale>/<figure>/<curve>/seed_<seed>;
`python -m experiments.paper.plot` draws what there is. At the scale `paper` the
runs are programs: give `--lp_launch_type=ray` and the cluster's flags behind
`--`.
"""

import os
import signal
import subprocess
import sys
import time
from typing import NamedTuple, Optional, Sequence

from absl import app
from absl import flags

from experiments import paths
from experiments import run_folder as run_folder_lib
from experiments.paper import sweeps

SCALE = flags.DEFINE_enum(
  'scale', sweeps.LAPTOP, sweeps.SCALES, 'Size of the runs.'
)
_HOURS = flags.DEFINE_float(
  'hours',
  2.0,
  'Hours after which the run that is on is saved.',
  lower_bound=0.0,
)
ROOT = paths.define('root', 'runs/paper', 'Folder of the runs.')

# For a run that saves and exports after a stop.
_STOP_SECONDS = 120.0
# What a run leaves at its end.
_LAST_FILE = 'task_table.md'


class Run(NamedTuple):
  """One run of a sweep.

  Attributes:
    curve: curve that it is of.
    seed: its seed.
    folder: path of its folder.
  """

  curve: sweeps.Curve
  seed: int
  folder: str

  @property
  def is_finished(self) -> bool:
    """Whether it has come to its end."""
    return os.path.exists(os.path.join(self.folder, _LAST_FILE))


def runs(name: str, scale: str, root: str) -> Sequence[Run]:
  """Returns the runs of a figure, in the order in which they are run.

  Args:
    name: name of the figure.
    scale: scale of the runs.
    root: folder of the runs of all figures.

  Raises:
    ValueError: if there is no such figure or scale.
  """
  figure = sweeps.make(name, scale)
  return [
    Run(
      curve,
      seed,
      os.path.join(root, scale, name, curve.name, f'seed_{seed}'),
    )
    for seed in figure.seeds
    for curve in figure.curves
  ]


def command(run: Run, scale: str, more: Sequence[str] = ()) -> Sequence[str]:
  """Returns the command that begins a run, or goes on with it.

  Args:
    run: the run.
    scale: its scale; at `paper` it is a program.
    more: further flags of the run script.
  """
  script = 'run_distributed' if scale == sweeps.PAPER else 'run_metamimic'
  begun = os.path.exists(run.folder)
  arguments = (
    ['--resume'] if begun else [*run.curve.arguments, f'--seed={run.seed}']
  )
  return [
    *(sys.executable, '-m', f'experiments.{script}'),
    f'--run_folder={run.folder}',
    *arguments,
    *more,
  ]


def execute(arguments: Sequence[str], seconds: float) -> Optional[int]:
  """Runs a command, and stops it as a scheduler does once the time is up.

  Args:
    arguments: the command.
    seconds: seconds that it has.

  Returns:
    Its exit code; None if it was stopped.

  Raises:
    KeyboardInterrupt: after the command has saved what there is.
  """
  process = subprocess.Popen(arguments)
  try:
    return process.wait(seconds)
  except subprocess.TimeoutExpired:
    process.send_signal(signal.SIGTERM)
    _wait(process)
    return None
  except KeyboardInterrupt:
    # The terminal has sent it to the command as well.
    _wait(process)
    raise


def _wait(process: subprocess.Popen) -> None:
  try:
    process.wait(_STOP_SECONDS)
  except subprocess.TimeoutExpired:
    process.kill()
    process.wait()


def main(argv: list[str]) -> None:
  """Runs what is missing."""
  if len(argv) < 2:
    raise app.UsageError(f'Give a figure: {", ".join(sweeps.FIGURES)}.')
  _, name, *more = argv
  end = time.monotonic() + 3600.0 * _HOURS.value
  try:
    todo = [
      run for run in runs(name, SCALE.value, ROOT.value) if not run.is_finished
    ]
  except (ValueError, run_folder_lib.RunFolderError) as error:
    raise SystemExit(f'Error: {error}') from None
  print(f'{len(todo)} runs are missing or not finished.', flush=True)
  for index, run in enumerate(todo):
    seconds = end - time.monotonic()
    if seconds <= 0.0:
      print(
        f'Time is up, {len(todo) - index} runs are left. To go on, run the same '
        'command.'
      )
      return
    print(f'{run.curve.label}, seed {run.seed}: {run.folder}', flush=True)
    code = execute(command(run, SCALE.value, more), seconds)
    if code:
      raise SystemExit(
        f'Error: the run in {run.folder} ended with {code}; its message stands '
        'above. Move the folder away to begin it anew.'
      )


if __name__ == '__main__':
  app.run(main)
