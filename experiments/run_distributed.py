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

"""Trains MetaMimic as a Launchpad program. For instance:

  python -m experiments.run_distributed --lp_launch_type=local_mp
  python -m experiments.run_distributed --resume --run_folder=runs/mine
  python -m experiments.run_distributed --lp_launch_type=ray --ray_address=auto

The settings of a run are kept in its folder, and `--resume` takes them from
there. See docs/distributed.md.
"""  # noqa: D415

import contextlib
import dataclasses
import os
import traceback
from typing import Any, Callable, Optional

os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '1')

from absl import app
from absl import flags
from absl import logging
import launchpad as lp
import tensorflow as tf

import acme_metamimic
from experiments import renderer
from experiments import run_settings
from experiments.distributed import local
from experiments.distributed import ray_run
from experiments.distributed import run_status
from experiments.distributed import run_wandb
from experiments.launchpad_ray import supervision

with renderer.required():
  from environments import demonstrations
  from experiments import main_job
  from experiments import programs
  from experiments.datasets import run_dataset

LAUNCH_TYPES = ('local_mt', 'local_mp', 'ray')

FLAGS = flags.FLAGS
# Launchpad's own flag has no Ray, and types that the program cannot have.
flags.DEFINE_enum(
  'lp_launch_type',
  'local_mp',
  LAUNCH_TYPES,
  'Threads, processes, or processes on the machines of a Ray cluster.',
  allow_override=True,
)
flags.DEFINE_enum(
  'environment',
  programs.STACKING,
  [programs.STACKING, programs.LIGHT, programs.PACED],
  'Block stacking on features, or a light environment to try things with, as fast '
  'as it goes or in steps of 50 ms.',
)
flags.DEFINE_string(
  'run_folder', None, 'Folder for the results; runs/<date> by default.'
)
flags.DEFINE_bool(
  'resume', False, 'Go on with the run in --run_folder, with its settings.'
)
flags.DEFINE_string(
  'dataset',
  None,
  'Folder of recorded demonstrations, in train/ and validation/. Recorded into '
  'the run folder by default.',
)
flags.DEFINE_integer(
  'num_demonstrations', 60, 'To record to train on.', lower_bound=1
)
flags.DEFINE_integer(
  'num_validation_demonstrations', 20, 'To record to test on.', lower_bound=2
)
flags.DEFINE_integer('num_imitation_actors', 1, 'Nodes.', lower_bound=1)
flags.DEFINE_integer('num_task_actors', 1, 'Nodes.', lower_bound=1)
flags.DEFINE_integer('num_replay_shards', 1, 'Nodes.', lower_bound=1)
flags.DEFINE_integer('num_caches', 1, 'Nodes for each half.', lower_bound=0)
flags.DEFINE_integer(
  'environments_per_actor', 1, 'With one call of the policy.', lower_bound=1
)
flags.DEFINE_bool('half_precision', False, 'Variables travel as float16.')
flags.DEFINE_integer(
  'max_actor_steps',
  None,
  'Steps of the imitation actors after which the run is finished.',
  lower_bound=1,
)
flags.DEFINE_float(
  'evaluation_period_seconds', 60.0, 'From round to round.', lower_bound=0.0
)
flags.DEFINE_float(
  'replay_checkpoint_period_minutes',
  10.0,
  'Between checkpoints of the contents of the replay.',
  lower_bound=0.01,
)
flags.DEFINE_integer('seed', 0, 'Of environments.', lower_bound=0)
flags.DEFINE_integer(
  'threads', 1, 'Of TensorFlow in each process.', lower_bound=1
)
flags.DEFINE_float(
  'grace_seconds',
  supervision.GRACE_SECONDS,
  'That nodes have from a stop to save and to end; a large replay needs more.',
  lower_bound=0.0,
)
flags.DEFINE_string(
  'ray_address', None, 'Of the Ray cluster; one on this machine by default.'
)
flags.DEFINE_float(
  'gpus_per_learner',
  0.0,
  'That Ray finds a host with; on one machine learners see all there are.',
  lower_bound=0.0,
)

flags.DEFINE_string(
  'wandb_project', None, 'Of Weights & Biases, to send the logs to as well.'
)

_KEPT = (
  'lp_launch_type',
  'environment',
  'dataset',
  'num_imitation_actors',
  'num_task_actors',
  'num_replay_shards',
  'num_caches',
  'environments_per_actor',
  'half_precision',
  'max_actor_steps',
  'evaluation_period_seconds',
  'replay_checkpoint_period_minutes',
  'seed',
  'threads',
  'ray_address',
  'gpus_per_learner',
  'grace_seconds',
  'wandb_project',
)
_WAITING_THREADS = 16


def _prepare(run_folder: str) -> None:
  """Makes the run's folder and dataset, or takes up its settings."""
  if FLAGS.resume:
    for name, value in run_settings.read(run_folder, _KEPT).items():
      # What is given now goes before, such as more actors.
      if not FLAGS[name].present:
        FLAGS[name].value = value
    return
  run_settings.make_folder(run_folder)
  _prepare_dataset(run_folder)
  run_settings.write(run_folder, _kept())


def _kept() -> dict[str, Any]:
  return {name: FLAGS[name].value for name in _KEPT}


def _prepare_dataset(run_folder: str) -> None:
  """Records demonstrations, or sees that there are some."""
  if FLAGS.environment != programs.STACKING:
    return
  numbers = (FLAGS.num_demonstrations, FLAGS.num_validation_demonstrations)
  root = FLAGS.dataset
  if root is None:
    root = os.path.join(run_folder, run_dataset.RECORDED_FOLDER)
    run_dataset.record(root, FLAGS.seed, *numbers)
  run_dataset.load(root, *numbers)
  FLAGS['dataset'].value = os.path.abspath(root)


def _make_program(run_folder: str) -> lp.Program:
  fields = {f.name for f in dataclasses.fields(acme_metamimic.ProgramConfig)}
  settings: dict[str, Any] = {
    name: FLAGS[name].value for name in _KEPT if name in fields
  }
  config = programs.make_config(
    FLAGS.environment, FLAGS.num_imitation_actors, FLAGS.num_task_actors
  )
  try:
    agent = programs.make_agent(
      FLAGS.environment,
      run_folder,
      config,
      acme_metamimic.ProgramConfig(**settings),
      FLAGS.dataset,
    )
  except ValueError as error:
    raise run_settings.SettingsError(str(error)) from None
  return agent.build()


def _launch(
  program: lp.Program, run_folder: str, watch: Callable[[], None]
) -> supervision.Outcome:
  output = os.path.abspath(os.path.join(run_folder, 'output'))
  if FLAGS.lp_launch_type == 'ray':
    return ray_run.run(
      program,
      FLAGS.ray_address,
      output,
      os.path.abspath(run_folder),
      threads=FLAGS.threads,
      gpus_per_learner=FLAGS.gpus_per_learner,
      grace_seconds=FLAGS.grace_seconds,
      watch=watch,
    )
  return local.run(
    program,
    FLAGS.lp_launch_type,
    output,
    threads=FLAGS.threads,
    grace_seconds=FLAGS.grace_seconds,
    watch=watch,
  )


def _start_mirror(run_folder: str) -> Optional[run_wandb.WandbMirror]:
  if FLAGS.wandb_project is None:
    return None
  return run_wandb.start(FLAGS.wandb_project, run_folder, _kept())


def main(argv: list[str]) -> None:
  """Runs the program; the exit code is 0 if it is finished or stopped."""
  try:
    _run(argv)
  except (app.UsageError, SystemExit):
    raise
  except BaseException:
    with contextlib.suppress(OSError):
      traceback.print_exc()
    # Nodes that are threads would keep the process, and with it their like.
    os._exit(1)


def _run(argv: list[str]) -> None:
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments: {argv[1:]}.')
  logging.set_verbosity(logging.WARNING)
  tf.get_logger().setLevel('ERROR')
  tf.config.threading.set_intra_op_parallelism_threads(FLAGS.threads)
  # Of the nodes that are threads, any may wait inside TensorFlow.
  tf.config.threading.set_inter_op_parallelism_threads(_WAITING_THREADS)
  run_folder = FLAGS.run_folder or main_job.default_run_folder()
  try:
    _prepare(run_folder)
    program = _make_program(run_folder)
    print(f'Results go to {run_folder}. Ctrl-C ends the run in good order.')
    status = run_status.StatusLine(program, FLAGS.max_actor_steps)
    mirror = _start_mirror(run_folder)

    def watch() -> None:
      status()
      if mirror is not None:
        mirror()

    outcome = _launch(program, run_folder, watch)
  except (
    demonstrations.DatasetError,
    local.LaunchError,
    run_wandb.WandbError,
    run_settings.SettingsError,
  ) as error:
    raise SystemExit(f'Error: {error}') from None
  print(
    f'\nThe run has ended: {outcome.reason}.\n'
    f'{run_settings.disk_advice(run_folder)}To go on: python -m '
    f'experiments.run_distributed --resume --run_folder={run_folder}',
    flush=True,
  )
  if mirror is not None:
    mirror.close(outcome.exit_code)
  # Threads inside TensorFlow or gRPC may never end.
  os._exit(outcome.exit_code)


if __name__ == '__main__':
  app.run(main)
