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

"""Kills nodes of a program on a light environment and checks what follows.

  python -m experiments.operations.faults --launch_type=local_mp --repeats=10
  python -m experiments.operations.faults --launch_type=ray --repeats=10 \
    --targets=imitation_actor,cacher

A table of faults and outcomes is printed and written into the folder. Started
again with the same folder, the trials go on after the last recorded outcome. The
exit code is 1 if any outcome is not as it should be.
"""

import os
import signal

from absl import app
from absl import flags

from experiments import paths
from experiments.distributed import groups
from experiments.operations import fault_outcomes
from experiments.operations import fault_trials

_TARGETS = (
  *groups.RESTARTABLE,
  *groups.STATEFUL,
  fault_outcomes.LAUNCHER,
)

FLAGS = flags.FLAGS
flags.DEFINE_enum(
  'launch_type',
  'local_mp',
  ['local_mp', 'ray'],
  'Launch type of the program that is hurt.',
)
flags.DEFINE_integer(
  'repeats', 10, 'Number of times that each fault is tried.', lower_bound=1
)
flags.DEFINE_list(
  'targets',
  list(_TARGETS),
  "Groups whose first node is killed, and 'launcher' for the launcher.",
)
paths.define(
  'folder', 'runs/faults', 'Folder of the runs, the outcomes and the table.'
)
flags.DEFINE_float(
  'patience_seconds',
  300.0,
  'Seconds to wait for what takes a few seconds on an idle machine, before the '
  'trials end with an error.',
  lower_bound=1.0,
)


class Trials:
  """Runs that follow each other in one folder, each resumed from the last."""

  def __init__(self, launch_type: str, folder: str, patience_seconds: float):
    """Initializes the trials; the first `hurt` starts a run.

    Args:
      launch_type: launch type of the program.
      folder: folder of the run.
      patience_seconds: seconds to wait for what takes a few seconds on an idle
        machine.
    """
    self._launch_type = launch_type
    self._folder = folder
    self._patience_seconds = patience_seconds
    self._run: fault_trials.Run | None = None

  def hurt(self, target: str, number: signal.Signals) -> fault_outcomes.Outcome:
    """Hurts a node of the run; resumes the run if that has ended it.

    Args:
      target: label of a group, whose first node is hurt, or
        `fault_outcomes.LAUNCHER`.
      number: signal that is sent.
    """
    run = self._run or self._start()
    # This much is saved before the run is hurt; what comes later may be lost.
    steps, replay_size = run.steps(), run.replay_size()
    run.wait_until_learning(steps)
    outcome = fault_trials.hurt(run, target, number)
    if not outcome.went_on:
      run = self._start()
      outcome.resumed = (
        run.steps() >= steps and run.replay_size() >= replay_size
      )
    return outcome

  def close(self) -> None:
    """Ends the last run."""
    if self._run is not None:
      self._run.kill_all()

  def _start(self) -> fault_trials.Run:
    self._run = run = fault_trials.Run(
      self._launch_type, self._folder, self._patience_seconds
    )
    run.wait_until(lambda: run.steps() > 0 and run.replay_size() > 0, 'running')
    return run


def _faults() -> dict[str, tuple[str, signal.Signals]]:
  """Returns targets and signals by the name of the fault."""
  all_signals = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
  return {
    fault_outcomes.name_fault(target, number): (target, number)
    for target in FLAGS.targets
    for number in (
      all_signals if target == fault_outcomes.LAUNCHER else (signal.SIGKILL,)
    )
  }


def main(argv: list[str]) -> None:
  """Runs the trials and prints the table."""
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments: {argv[1:]}.')
  unknown = set(FLAGS.targets) - set(_TARGETS)
  if unknown:
    raise app.UsageError(f'Unknown targets {sorted(unknown)}: use {_TARGETS}.')
  folder = os.path.join(FLAGS.folder, FLAGS.launch_type)
  os.makedirs(folder, exist_ok=True)
  record = os.path.join(folder, 'outcomes.jsonl')
  try:
    outcomes = fault_outcomes.read(record)
  except ValueError as error:
    raise SystemExit(f'Error: {error}') from error
  faults = _faults()
  trials = Trials(
    FLAGS.launch_type, os.path.join(folder, 'run'), FLAGS.patience_seconds
  )
  try:
    for fault in fault_outcomes.left(list(faults), outcomes, FLAGS.repeats):
      outcomes.append(trials.hurt(*faults[fault]))
      fault_outcomes.append(record, outcomes[-1])
      print(outcomes[-1], flush=True)
  finally:
    trials.close()
    text = fault_outcomes.table(outcomes, FLAGS.launch_type)
    print(text)
    with open(os.path.join(folder, 'faults.md'), 'w') as file:
      file.write(f'{text}\n')
  if not all(outcome.as_expected(FLAGS.launch_type) for outcome in outcomes):
    raise SystemExit(1)


if __name__ == '__main__':
  app.run(main)
