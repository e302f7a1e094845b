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
on where it was, and one that fails is told at the end, after the others. The runs are
in runs/paper/<scale>/<figure>/<curve>/seed_<seed>; `python -m
experiments.paper.plot` draws what there is. At the scale `paper` the runs are
programs: give `--lp_launch_type=ray` and the cluster's flags behind `--`.
"""

import os
import signal
import subprocess
import sys
import time
from typing import NamedTuple, Optional, Sequence

from absl import app
from absl import flags

from experiments import command_line
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
# What a run in one process writes last.
_LAST_FILE = 'task_table.md'
# What is noted here of a run that ended by itself; a program leaves nothing else.
_MARK = 'finished'


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
    return any(
      os.path.exists(os.path.join(self.folder, name))
      for name in (_LAST_FILE, _MARK)
    )

  def mark_finished(self) -> None:
    """Notes that it has come to its end."""
    with open(os.path.join(self.folder, _MARK), 'w'):
      pass


def runs(name: str, scale: str, root: str) -> Sequence[Run]:
  """Returns the runs of a figure, in the order in which they are run.

  Args:
    name: name of the figure.
    scale: scale of the runs.
    root: folder of the runs of all figures.

  Raises:
    ValueError: if there is no such figure or scale.
  """
  curves = sweeps.make(name, scale).curves
  return [
    Run(
      curve,
      seed,
      os.path.join(root, scale, name, curve.name, f'seed_{seed}'),
    )
    for seed in sorted({seed for curve in curves for seed in curve.seeds})
    for curve in curves
    if seed in curve.seeds
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
  # In a session of its own: a signal that came to both, and then from here, would
  # be its second, at which a run ends without saving.
  process = subprocess.Popen(arguments, start_new_session=True)
  try:
    return process.wait(seconds)
  except subprocess.TimeoutExpired:
    _stop(process)
    return None
  except KeyboardInterrupt:
    _stop(process)
    raise


def _stop(process: subprocess.Popen) -> None:
  process.send_signal(signal.SIGTERM)
  try:
    process.wait(_STOP_SECONDS)
  except subprocess.TimeoutExpired:
    process.kill()
    process.wait()


def run_all(
  todo: Sequence[Run], scale: str, hours: float, more: Sequence[str] = ()
) -> Sequence[Run]:
  """Runs one after the other, until the time is up.

  Args:
    todo: what to run.
    scale: scale of the runs.
    hours: hours after which the run that is on is stopped.
    more: further flags of the run script.

  Returns:
    Those that failed.
  """
  end = time.monotonic() + 3600.0 * hours
  failed = []
  for run in todo:
    seconds = end - time.monotonic()
    if seconds <= 0.0:
      break
    print(f'{run.curve.label}, seed {run.seed}: {run.folder}', flush=True)
    code = execute(command(run, scale, more), seconds)
    if code == 0:
      run.mark_finished()
    elif code is not None:
      print(f'This run has ended with {code}.', flush=True)
      failed.append(run)
  return failed


@command_line.exit_codes()
def main(argv: list[str]) -> None:
  """Runs what is missing."""
  if len(argv) < 2:
    raise app.UsageError(f'Give a figure: {", ".join(sweeps.FIGURES)}.')
  _, name, *more = argv
  try:
    todo = [
      run for run in runs(name, SCALE.value, ROOT.value) if not run.is_finished
    ]
  except (ValueError, run_folder_lib.RunFolderError) as error:
    raise SystemExit(f'Error: {error}') from None
  print(f'{len(todo)} runs are missing or not finished.', flush=True)
  command_line.stop_on_signals()
  failed = run_all(todo, SCALE.value, _HOURS.value, more)
  left = sum(not run.is_finished for run in todo)
  if left > len(failed):
    print(f'Time is up, {left} runs are left. To go on, run the same command.')
  if failed:
    raise SystemExit(
      'Error: these runs failed, their messages stand above; once the cause is '
      'mended the same command goes on with them: '
      + ', '.join(run.folder for run in failed)
    )


if __name__ == '__main__':
  app.run(main)
