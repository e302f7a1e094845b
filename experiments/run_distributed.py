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
"""Runs an experiment as a Launchpad program. For instance:

  python -m experiments.run_distributed --lp_launch_type=local_mp
  python -m experiments.run_distributed --preset=light --budget_minutes=1
  python -m experiments.run_distributed --resume --run_folder=runs/mine
  python -m experiments.run_distributed --lp_launch_type=ray --ray_address=auto

See docs/distributed.md.
"""  # noqa: D415

import contextlib
import os
import traceback

from absl import app
from absl import flags

from experiments import renderer

with renderer.required():
  from environments import demonstrations
  from experiments import command_line
  from experiments import run_folder as run_folder_lib
  from experiments.distributed import launch as launch_lib
  from experiments.distributed import launch_flags
  from experiments.distributed import local
  from experiments.distributed import run_wandb

FLAGS = flags.FLAGS
command_line.define(run_folder_lib.PROGRAM)
launch_flags.define()
# For --help.
flags.adopt_module_key_flags(command_line)
flags.adopt_module_key_flags(launch_flags)


def main(argv: list[str]) -> None:
  """Runs the program; the exit code is 0 if it is finished or stopped."""
  command_line.check_no_arguments(argv)
  command_line.quiet()
  try:
    experiment, run_folder = command_line.make_experiment(
      run_folder_lib.PROGRAM
    )
    outcome = launch_lib.run(
      experiment, launch_flags.make_launch(), run_folder, FLAGS.resume
    )
  except SystemExit:
    raise
  except (
    command_line.SettingsError,
    demonstrations.DatasetError,
    launch_lib.ProgramError,
    local.LaunchError,
    run_folder_lib.RunFolderError,
    run_wandb.WandbError,
  ) as error:
    raise SystemExit(f'Error: {error}') from None
  except BaseException:
    with contextlib.suppress(OSError):
      traceback.print_exc()
    # Nodes that are threads would keep the process, and with it their like.
    os._exit(1)
  # Threads inside TensorFlow or gRPC may never end.
  os._exit(outcome.exit_code)


if __name__ == '__main__':
  app.run(main)
