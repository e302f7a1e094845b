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
"""Runs an experiment as a Launchpad program, on this machine or on a cluster."""

import dataclasses
import functools
import os
from typing import Callable, Optional

import launchpad as lp
import tensorflow as tf

from experiments import experiment as experiment_lib
from experiments import run_folder as run_folder_lib
from experiments.datasets import run_dataset
from experiments.distributed import local
from experiments.distributed import ray_run
from experiments.distributed import run_logging
from experiments.distributed import run_status
from experiments.distributed import run_wandb
from experiments.domains import domain as domain_lib
from experiments.launchpad_ray import supervision

LOCAL_MT, LOCAL_MP, RAY = 'local_mt', 'local_mp', 'ray'
LAUNCH_TYPES = (LOCAL_MT, LOCAL_MP, RAY)
# Of the nodes that are threads, any may wait inside TensorFlow.
_WAITING_THREADS = 16


@dataclasses.dataclass(frozen=True)
class Launch:
  """How a program is launched.

  Attributes:
    launch_type: one of `LAUNCH_TYPES`: threads of this process, processes of this
      machine, or processes on the machines of a Ray cluster.
    threads: number of threads that TensorFlow may use for one operation in each
      process.
    grace_seconds: seconds that a node may take to save and exit after a stop; a
      large replay needs more than the default.
    ray_address: address of the Ray cluster; None for one on this machine.
    gpus_per_learner: number of GPUs by which Ray finds a host for a learner; on
      one machine learners see all that there are.
    wandb_project: project of Weights & Biases that logs are sent to as well.
  """

  launch_type: str = LOCAL_MP
  threads: int = 1
  grace_seconds: float = supervision.GRACE_SECONDS
  ray_address: Optional[str] = None
  gpus_per_learner: float = 0.0
  wandb_project: Optional[str] = None


class ProgramError(ValueError):
  """The program cannot be made; the message says why."""


def make_program(
  experiment: experiment_lib.Experiment,
  run_folder: str,
  dataset: Optional[domain_lib.Dataset] = None,
) -> lp.Program:
  """Makes the program of a run.

  Args:
    experiment: experiment to run.
    run_folder: path of the run's folder, for logs and checkpoints.
    dataset: where the demonstrations are, if there are any.

  Raises:
    ProgramError: if the numbers of nodes do not fit each other.
  """
  # Nodes may have another working folder.
  run_folder = os.path.abspath(run_folder)
  if dataset is not None:
    dataset = dataset._replace(folder=os.path.abspath(dataset.folder))
  try:
    definition = experiment.make_program(
      dataset,
      functools.partial(run_logging.make_logger, run_folder),
      run_folder,
    )
  except ValueError as error:
    raise ProgramError(str(error)) from error
  return definition.build()


def run(
  experiment: experiment_lib.Experiment,
  launch: Launch,
  run_folder: str,
  resume: bool = False,
) -> supervision.Outcome:
  """Runs an experiment until it is finished, stopped, or a node fails.

  Args:
    experiment: experiment to run.
    launch: how its program is launched.
    run_folder: path of the run's folder, which is made if the run is new.
    resume: whether to go on with the run in that folder.

  Returns:
    The exit code and its reason.

  Raises:
    DatasetError, LaunchError, ProgramError, RunFolderError, WandbError: if it
      cannot be started; the message says why.
  """
  tf.config.threading.set_intra_op_parallelism_threads(launch.threads)
  tf.config.threading.set_inter_op_parallelism_threads(_WAITING_THREADS)
  run_dataset.check_wanted(experiment)
  if not resume:
    run_folder_lib.make(run_folder)
  with run_folder_lib.held(run_folder):
    return _run(experiment, launch, run_folder)


def _run(
  experiment: experiment_lib.Experiment, launch: Launch, run_folder: str
) -> supervision.Outcome:
  """Runs an experiment in a folder that is there."""
  dataset = _prepare(experiment, launch, run_folder)
  program = make_program(experiment, run_folder, dataset)
  print(f'Results go to {run_folder}. Ctrl-C ends the run in good order.')
  status = run_status.StatusLine(program, experiment.budget.actor_steps)
  mirror = None
  if launch.wandb_project is not None:
    mirror = run_wandb.start(
      launch.wandb_project, run_folder, run_folder_lib.settings(run_folder)
    )

  def watch() -> None:
    status()
    if mirror is not None:
      mirror()

  outcome = _launch(program, launch, run_folder, watch)
  print(
    f'\nThe run has ended: {outcome.reason}.\n'
    f'{run_folder_lib.disk_advice(run_folder)}To go on: '
    f'{run_folder_lib.resume_command(run_folder_lib.PROGRAM, run_folder)}',
    flush=True,
  )
  if mirror is not None:
    mirror.close(outcome.exit_code)
  return outcome


def _prepare(
  experiment: experiment_lib.Experiment,
  launch: Launch,
  run_folder: str,
) -> Optional[domain_lib.Dataset]:
  """Notes in its folder what is run; returns where its demonstrations are."""
  run_folder_lib.write(
    run_folder, run_folder_lib.PROGRAM, experiment, dataclasses.asdict(launch)
  )
  return run_dataset.prepare(
    experiment, os.path.join(run_folder, run_folder_lib.RECORDED_FOLDER)
  )


def _launch(
  program: lp.Program,
  launch: Launch,
  run_folder: str,
  watch: Callable[[], None],
) -> supervision.Outcome:
  output = os.path.abspath(os.path.join(run_folder, 'output'))
  if launch.launch_type == RAY:
    return ray_run.run(
      program,
      launch.ray_address,
      output,
      os.path.abspath(run_folder),
      threads=launch.threads,
      gpus_per_learner=launch.gpus_per_learner,
      grace_seconds=launch.grace_seconds,
      watch=watch,
    )
  return local.run(
    program,
    launch.launch_type,
    output,
    threads=launch.threads,
    grace_seconds=launch.grace_seconds,
    watch=watch,
  )
