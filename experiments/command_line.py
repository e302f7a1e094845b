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
"""Flags that make an experiment: a preset, and what is changed of it.

Both run scripts have `--preset`, `--set`, `--run_folder` and `--resume`, and short
names of some fields.
"""

import contextlib
import os
import signal
import sys
from typing import Any, Iterator, List, Mapping, NoReturn, Tuple
import warnings

from absl import app
from absl import flags
from absl import logging
import tensorflow as tf

from acme_metamimic.tf import terminal
from experiments import experiment as experiment_lib
from experiments import interrupts
from experiments import overrides
from experiments import paths
from experiments import presets
from experiments import run_folder as run_folder_lib
from experiments import settings

_FLAGS = flags.FLAGS
# As shells have it for signals.
_SIGNAL_EXIT = 128

# Fields that have flags of their own, by the name of the flag.
SHORT_NAMES: Mapping[str, Tuple[str, str]] = {
  'seed': (
    'seed',
    'Seed of demonstrations, starts, networks and noise.',
  ),
  'budget_minutes': (
    'budget.minutes',
    'Minutes of training, or none for no limit.',
  ),
  'dataset': (
    'demonstrations.dataset',
    'Folder of recorded demonstrations, in train/ and validation/, or one dataset '
    'whose masks divide it. By default they are recorded into the run folder.',
  ),
  'train_mask': (
    'demonstrations.train_mask',
    "Mask of the dataset's demonstrations to train on, robomimic's filter key.",
  ),
  'validation_mask': (
    'demonstrations.validation_mask',
    "Mask of the dataset's demonstrations to test on.",
  ),
  'num_demonstrations': (
    'demonstrations.num_train',
    'Number of demonstrations to train on.',
  ),
  'num_validation_demonstrations': (
    'demonstrations.num_validation',
    'Number of demonstrations of the other demonstrator, to test on.',
  ),
  'evaluation_period_minutes': (
    'evaluation.period_minutes',
    'Minutes of training from one point of the curves to the next.',
  ),
}
# Likewise, of a program alone.
PROGRAM_SHORT_NAMES: Mapping[str, Tuple[str, str]] = {
  'num_imitation_actors': (
    'num_imitation_actors',
    'Number of imitation actors.',
  ),
  'num_task_actors': ('num_task_actors', 'Number of task actors.'),
  'num_replay_shards': (
    'program.num_replay_shards',
    'Number of replay servers.',
  ),
  'num_caches': (
    'program.num_caches',
    'Number of variable caches for each half.',
  ),
  'environments_per_actor': (
    'program.environments_per_actor',
    'Number of environments that an actor steps with one call of its policy.',
  ),
  'half_precision': (
    'program.half_precision',
    'Whether variables travel as float16: true or false.',
  ),
  'max_actor_steps': (
    'budget.actor_steps',
    'Number of steps of the imitation actors after which the run is finished.',
  ),
  'evaluation_period_seconds': (
    'program.evaluation_period_seconds',
    "Seconds from a round of an evaluator's episodes to the next.",
  ),
  'replay_checkpoint_period_minutes': (
    'program.replay_checkpoint_period_minutes',
    'Minutes from a checkpoint of the contents of the replay to the next.',
  ),
}


class SettingsError(ValueError):
  """The experiment cannot be made; the message says why."""


def define(form: str) -> None:
  """Defines the flags of a run script.

  Args:
    form: form of its runs, `run_folder.ONE_PROCESS` or `run_folder.PROGRAM`.
  """
  flags.DEFINE_string(
    'preset',
    'features',
    f'Experiment to run: one of {", ".join(presets.PRESETS)}.',
  )
  flags.DEFINE_multi_string(
    'set',
    [],
    'Field of the experiment to change, as path=value, such as '
    'imitation.discount=0.9; may be given again. `--set=list` prints all.',
  )
  paths.define(
    'run_folder', None, 'New folder for the results; runs/<date> by default.'
  )
  flags.DEFINE_bool(
    'resume', False, 'Whether to go on with the run in --run_folder.'
  )
  for name, (_, text) in _short_names_of(form).items():
    flags.DEFINE_string(name, None, text)


def make_experiment(form: str) -> Tuple[experiment_lib.Experiment, str]:
  """Makes the experiment that the flags describe.

  Args:
    form: form of the run, `run_folder.ONE_PROCESS` or `run_folder.PROGRAM`.

  Returns:
    The experiment, and the path of the run's folder. A resumed run has the
    experiment that it was started with, with what is given now changed.

  Raises:
    SettingsError: if the flags do not fit, with the remedy.
    RunFolderError: if there is no run to resume.
  """
  if _FLAGS.resume:
    experiment = _resumed(form)
  else:
    experiment = _preset()
  if 'list' in _FLAGS.set:
    for path, value in overrides.values(experiment).items():
      if path not in experiment_lib.DERIVED:
        print(f'{path}={value}')
    raise SystemExit(0)
  if any(text.partition('=')[0].strip() == 'preset' for text in _FLAGS.set):
    raise SettingsError('--set=preset=... changes a name alone: give --preset.')
  before = experiment
  try:
    experiment = overrides.apply(experiment, [*_short_names(form), *_FLAGS.set])
  except overrides.OverrideError as error:
    raise SettingsError(str(error)) from None
  experiment = _with_dataset_found(experiment)
  try:
    _check(experiment, before, form)
  except ValueError as error:
    raise SettingsError(str(error)) from None
  return experiment, _FLAGS.run_folder or run_folder_lib.default()


def _check(
  experiment: experiment_lib.Experiment,
  before: experiment_lib.Experiment,
  form: str,
) -> None:
  """Raises a ValueError if what is asked for does not fit the form or the run."""
  settings.check_effects(experiment, before)
  if _FLAGS.resume:
    # A program always keeps its replay.
    has_replay = form == run_folder_lib.PROGRAM or (
      before.keeps_replay and experiment.keeps_replay
    )
    settings.check_resumable(experiment, before, has_replay)
  if form == run_folder_lib.ONE_PROCESS:
    settings.check_ends(experiment)
  else:
    settings.check_program(experiment)


def _with_dataset_found(
  experiment: experiment_lib.Experiment,
) -> experiment_lib.Experiment:
  """Returns the experiment with its dataset's path as the system has it.

  Raises:
    SettingsError: if a run to resume has a dataset that is there no more.
  """
  given = experiment.demonstrations.dataset
  if not given:
    return experiment
  path = paths.expand(given)
  if _FLAGS.resume and not os.path.exists(path):
    raise SettingsError(
      f'the dataset of the run, {path!r}, is not there; give its path, if it was '
      'moved, with --dataset.'
    )
  return overrides.replace(experiment, 'demonstrations.dataset', path)


def _preset() -> experiment_lib.Experiment:
  try:
    return presets.make(_FLAGS.preset)
  except ValueError as error:
    raise SettingsError(str(error)) from None


def _resumed(form: str) -> experiment_lib.Experiment:
  if _FLAGS.run_folder is None:
    raise SettingsError('--resume needs the --run_folder of the run.')
  run_folder_lib.read_launch(_FLAGS.run_folder, form)
  experiment = run_folder_lib.read_to_resume(_FLAGS.run_folder)
  if _FLAGS['preset'].present and _FLAGS.preset != experiment.preset:
    raise SettingsError(
      f'--preset={_FLAGS.preset} is not that of the run, {experiment.preset}: '
      'leave it out, or start another run.'
    )
  return experiment


def _short_names_of(form: str) -> Mapping[str, Tuple[str, str]]:
  if form == run_folder_lib.PROGRAM:
    return {**SHORT_NAMES, **PROGRAM_SHORT_NAMES}
  return SHORT_NAMES


def _short_names(form: str) -> List[str]:
  """Returns the overrides of the short names that are given."""
  return [
    f'{path}={_FLAGS[name].value}'
    for name, (path, _) in _short_names_of(form).items()
    if _FLAGS[name].value is not None
  ]


def check_no_arguments(argv: List[str]) -> None:
  """Raises a UsageError if there is more than flags.

  Args:
    argv: program and arguments that are left once the flags are parsed.
  """
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments: {argv[1:]}.')


def quiet() -> None:
  """Leaves it to the run script to say how the run goes."""
  logging.set_verbosity(logging.WARNING)
  if os.environ.get('TF_CPP_MIN_LOG_LEVEL') != '0':
    terminal.quiet_reverb()
  # It warns of a function that each checkpoint makes anew in TensorFlow 2.8.
  tf.get_logger().setLevel('ERROR')
  if not sys.warnoptions:
    # dm_control has Python show the deprecations of all libraries.
    warnings.simplefilter('ignore', DeprecationWarning)


class Stopped(KeyboardInterrupt):
  """A signal asked the program to end; what there is is kept."""

  def __init__(self, number: int):
    super().__init__(signal.Signals(number).name)
    self.number = number
    self.exit_code = _SIGNAL_EXIT + number


@contextlib.contextmanager
def exit_codes() -> Iterator[None]:
  """Ends the program with the exit code of the signal that stops it.

  Raises:
    SystemExit: in place of a `KeyboardInterrupt`, which says what was kept.
  """
  try:
    yield
  except Stopped as stopped:
    raise SystemExit(stopped.exit_code) from None
  except KeyboardInterrupt:
    raise SystemExit(_SIGNAL_EXIT + signal.SIGINT) from None


def stop_on_signals() -> None:
  """Has a scheduler's stop and a closed terminal end the run as Ctrl-C does.

  A second signal ends it at once.
  """

  def stop(number: int, unused_frame: Any) -> NoReturn:
    for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
      signal.signal(each, signal.SIG_DFL)
    raise Stopped(number)

  for each in (signal.SIGTERM, signal.SIGHUP):
    # Under nohup the end of the terminal is to be nothing.
    if signal.getsignal(each) != signal.SIG_IGN:
      signal.signal(each, stop)
  interrupts.send_lost_again()
