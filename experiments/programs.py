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

"""The distributed programs that can be run: what they act in and learn with."""

import dataclasses
import functools
import os
from typing import Callable, Optional

from acme import specs
from acme.agents.tf.d4pg import agent as d4pg
import dm_env

import acme_metamimic
from acme_metamimic.program import distributed
from environments import block_stacking
from environments import demonstrations
from experiments import light_environment
from experiments import presets
from experiments.datasets import run_dataset
from experiments.distributed import run_logging

STACKING, LIGHT, PACED = 'stacking', 'light', 'paced'

# Of the paced environment; as long as one of block stacking is in the world.
_STEP_SECONDS = 0.05
# One update of a batch of 64 for each step.
_PACED_SAMPLES_PER_INSERT = 64.0


def make_agent(
  environment: str,
  run_folder: str,
  config: acme_metamimic.MetaMimicConfig,
  program_config: acme_metamimic.ProgramConfig,
  dataset: Optional[str] = None,
) -> acme_metamimic.DistributedMetaMimic:
  """Makes the definition of a run's program.

  Args:
    environment: 'stacking', block stacking on features; 'light'; or 'paced', the
      same with steps of 50 ms, which leaves a machine's cores mostly idle.
    run_folder: for logs and checkpoints.
    config: of the agent.
    program_config: of the nodes.
    dataset: folder of the demonstrations, for stacking.
  """
  run_folder = os.path.abspath(run_folder)
  factories: tuple[Callable, Callable, Callable]
  if environment in (LIGHT, PACED):
    seconds = _STEP_SECONDS if environment == PACED else 0.0
    factories = (
      functools.partial(
        light_environment.make_imitation_environment, step_seconds=seconds
      ),
      functools.partial(
        light_environment.make_task_environment, step_seconds=seconds
      ),
      light_environment.make_networks,
    )
  else:
    assert dataset is not None
    factories = (
      functools.partial(_imitation_environment, os.path.abspath(dataset)),
      _task_environment,
      functools.partial(_networks, config),
    )
  return acme_metamimic.DistributedMetaMimic(
    *factories,
    config=config,
    program_config=program_config,
    logger_factory=functools.partial(run_logging.make_logger, run_folder),
    checkpoint_directory=run_folder,
  )


def make_config(
  environment: str, num_imitation_actors: int, num_task_actors: int
) -> acme_metamimic.MetaMimicConfig:
  """Returns the agent's config for an environment."""
  if environment == LIGHT:
    config = light_environment.make_config()
  elif environment == PACED:
    config = light_environment.make_config(
      samples_per_insert=_PACED_SAMPLES_PER_INSERT
    )
  else:
    config = presets.laptop_program_config()
  return dataclasses.replace(
    config,
    num_imitation_actors=num_imitation_actors,
    num_task_actors=num_task_actors,
  )


def _imitation_environment(
  dataset: str, kind: str, seed: int
) -> dm_env.Environment:
  train_folder, validation_folder = run_dataset.folders(dataset)
  folder = validation_folder if kind == distributed.VALIDATION else train_folder
  return presets.make_imitation_environment(
    demonstrations.load(folder, task=block_stacking.TASK_NAME),
    seed,
    training=kind == distributed.ACTOR,
  )


def _task_environment(kind: str, seed: int) -> dm_env.Environment:
  del kind  # The task is the same for all.
  return presets.make_task_environment(seed)


def _networks(
  config: acme_metamimic.MetaMimicConfig,
  environment_spec: specs.EnvironmentSpec,
) -> tuple[d4pg.D4PGNetworks, d4pg.D4PGNetworks]:
  return presets.make_networks(environment_spec, config)
