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
"""Flags that say how a program is launched."""

from typing import Any, Mapping

from absl import flags

from experiments import run_folder as run_folder_lib
from experiments.distributed import launch as launch_lib

_FLAGS = flags.FLAGS

# Fields of a `Launch` by the names of their flags.
_FIELDS = {
  'lp_launch_type': 'launch_type',
  'threads': 'threads',
  'grace_seconds': 'grace_seconds',
  'ray_address': 'ray_address',
  'gpus_per_learner': 'gpus_per_learner',
  'wandb_project': 'wandb_project',
}


def define() -> None:
  """Defines the flags."""
  default = launch_lib.Launch()
  # Launchpad's own flag has no Ray, and types that the program cannot have.
  flags.DEFINE_enum(
    'lp_launch_type',
    default.launch_type,
    launch_lib.LAUNCH_TYPES,
    'Whether nodes are threads, processes, or processes on the machines of a Ray '
    'cluster.',
    allow_override=True,
  )
  flags.DEFINE_integer(
    'threads',
    default.threads,
    'Number of threads of TensorFlow for one operation in each process.',
    lower_bound=1,
  )
  flags.DEFINE_float(
    'grace_seconds',
    default.grace_seconds,
    'Seconds that a node may take to save and exit after a stop.',
    lower_bound=0.0,
  )
  flags.DEFINE_string(
    'ray_address',
    default.ray_address,
    'Address of the Ray cluster; by default one on this machine is started.',
  )
  flags.DEFINE_float(
    'gpus_per_learner',
    default.gpus_per_learner,
    'Number of GPUs by which Ray finds a host for a learner.',
    lower_bound=0.0,
  )
  flags.DEFINE_string(
    'wandb_project',
    default.wandb_project,
    'Project of Weights & Biases to send the logs to as well.',
  )


def make_launch() -> launch_lib.Launch:
  """Returns how to launch: as a resumed run was, but for what is given now.

  Raises:
    RunFolderError: if there is no run to resume.
  """
  kept: Mapping[str, Any] = {}
  if _FLAGS.resume:
    kept = run_folder_lib.read_launch(_FLAGS.run_folder, run_folder_lib.PROGRAM)
  given = {
    field: _FLAGS[flag].value
    for flag, field in _FIELDS.items()
    if _FLAGS[flag].present or not kept
  }
  return launch_lib.Launch(**{**kept, **given})
