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

"""Hurts a program on a light environment and tells what came of it.

  python -m experiments.faults --launch_type=local_mp --repeats=10
  python -m experiments.faults --launch_type=ray --repeats=10 \
    --targets=imitation_actor,cacher

A table of faults and outcomes goes to the terminal and into the folder. The
exit code is 1 if any outcome is not as it should be.
"""

import os
import signal

from absl import app
from absl import flags

from experiments import fault_trials

_TARGETS = (
  *fault_trials.RESTARTED,
  *fault_trials.SERVING,
  fault_trials.LAUNCHER,
)

FLAGS = flags.FLAGS
flags.DEFINE_enum(
  'launch_type', 'local_mp', ['local_mp', 'ray'], 'Of the program.'
)
flags.DEFINE_integer('repeats', 10, 'Of each fault.', lower_bound=1)
flags.DEFINE_list('targets', list(_TARGETS), 'What is hurt, one after another.')
flags.DEFINE_string('folder', 'runs/faults', 'For the runs and the table.')
flags.DEFINE_float(
  'patience_seconds',
  300.0,
  'To wait for what takes seconds on an idle machine.',
  lower_bound=1.0,
)


class Trials:
  """Runs that follow each other in one folder, each resumed from the last."""

  def __init__(self, launch_type: str, folder: str, patience_seconds: float):
    self._launch_type = launch_type
    self._folder = folder
    self._patience_seconds = patience_seconds
    self._run: fault_trials.Run | None = None
    self._steps = 0
    self._last: fault_trials.Outcome | None = None

  def hurt(self, target: str, number: signal.Signals) -> fault_trials.Outcome:
    """Hurts a node of the run, which is started or resumed before that."""
    run = self._learning_run()
    outcome = fault_trials.hurt(run, target, number)
    self._steps = run.steps()
    if not outcome.went_on:
      self._run, self._last = None, outcome
    return outcome

  def close(self) -> None:
    """Sees that the last run can be resumed, and ends it."""
    if self._last is not None:
      self._learning_run()
    if self._run is not None:
      self._run.kill_all()

  def _learning_run(self) -> fault_trials.Run:
    if self._run is None:
      self._run = run = fault_trials.Run(
        self._launch_type, self._folder, self._patience_seconds
      )
      # What was not saved yet is lost, and not more.
      lost = 0.5 * self._steps
      run.wait_until(lambda: run.steps() > 0, 'running')
      if self._last is not None:
        self._last.resumed = (
          self._run.steps() > lost and self._run.replay_size() > lost / 4
        )
        self._last = None
      self._run.wait_until_learning(self._steps)
    return self._run


def _signals(target: str) -> list[signal.Signals]:
  if target == fault_trials.LAUNCHER:
    return [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
  return [signal.SIGKILL]


def main(argv: list[str]) -> None:
  """Runs the trials and prints the table."""
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments: {argv[1:]}.')
  unknown = set(FLAGS.targets) - set(_TARGETS)
  if unknown:
    raise app.UsageError(f'Unknown targets {sorted(unknown)}: use {_TARGETS}.')
  folder = os.path.join(FLAGS.folder, FLAGS.launch_type)
  if os.path.exists(folder):
    raise SystemExit(f'Error: {folder!r} exists; give another --folder.')
  trials = Trials(
    FLAGS.launch_type, os.path.join(folder, 'run'), FLAGS.patience_seconds
  )
  faults = [(t, number) for t in FLAGS.targets for number in _signals(t)]
  outcomes: list[fault_trials.Outcome] = []
  try:
    # In turns: a node that dies again and again soon after its start is one
    # that the launcher gives up.
    for _ in range(FLAGS.repeats):
      for target, number in faults:
        outcomes.append(trials.hurt(target, number))
        print(outcomes[-1], flush=True)
  finally:
    trials.close()
    text = fault_trials.table(outcomes, FLAGS.launch_type)
    print(text)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'faults.md'), 'w') as file:
      file.write(f'{text}\n')
  if not all(
    outcome.as_expected(
      fault_trials.is_restarted(
        FLAGS.launch_type, outcome.fault.split()[-1].removesuffix('/0')
      )
    )
    for outcome in outcomes
  ):
    raise SystemExit(1)


if __name__ == '__main__':
  app.run(main)
