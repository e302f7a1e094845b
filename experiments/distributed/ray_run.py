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

"""Runs a program of this project on a Ray cluster."""

import functools
import os
import signal
from typing import Callable, Optional

import launchpad as lp

from acme_metamimic import proxies
from experiments.distributed import local
from experiments.launchpad_ray import supervision


def run(
  program: lp.Program,
  address: Optional[str],
  output_folder: str,
  shared_folder: str,
  *,
  threads: int,
  gpus_per_learner: float,
  grace_seconds: float,
  watch: Callable[[], None],
) -> supervision.Outcome:
  """Runs a program until it is finished, stopped by a signal, or a node fails.

  Args:
    program: program to run; it can be run once.
    address: address of the cluster; None for a cluster of this machine alone.
    output_folder: folder of the files that the nodes print to, one each.
    shared_folder: folder of checkpoints and logs, which all hosts must see.
    threads: number of threads that TensorFlow may use for one operation.
    gpus_per_learner: number of GPUs of each learner.
    grace_seconds: seconds that a node may take to save and exit after a stop.
    watch: function that is called several times a second while the program runs.

  Returns:
    The exit code and its reason.

  Raises:
    LaunchError: if Ray is missing, or has no place for a node.
  """
  try:
    # Imported here, as Ray need not be installed for the other launch types.
    from experiments.distributed import ray_resources
    from experiments.launchpad_ray import launcher as ray_launcher
    from experiments.launchpad_ray import placement
  except ModuleNotFoundError as error:
    raise local.LaunchError(
      f'{error}: install Ray beside this project, `pip install .[ray]`.'
    ) from None
  # The launcher asks nodes on any machine; Ray's own calls use no proxy.
  os.environ[proxies.VARIABLE] = ''
  try:
    ray_launcher.connect(address, ray_resources.CPUS_OF_ONE_MACHINE)
    launcher = ray_launcher.Launcher(
      program,
      functools.partial(
        ray_resources.of_group, threads=threads, num_gpus=gpus_per_learner
      ),
      output_folder=output_folder,
      packages=ray_resources.PACKAGES,
      sources=ray_resources.SOURCES,
      shared_folder=shared_folder,
      grace_seconds=grace_seconds,
    )
    for number in local.stop_signals():
      signal.signal(number, lambda *_: launcher.stop())
    return launcher.run(watch)
  except placement.PlacementError as error:
    raise local.LaunchError(str(error)) from None
  finally:
    ray_launcher.disconnect()
