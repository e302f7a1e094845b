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
"""Runs an experiment in one process: records, trains, evaluates. For instance:

python -m experiments.run_metamimic
python -m experiments.run_metamimic --budget_minutes=5 --seed=1
python -m experiments.run_metamimic --set=imitation.discount=0.9
python -m experiments.run_metamimic --resume --run_folder=runs/mine
"""  # noqa: D415

from absl import app
from absl import flags
import tensorflow as tf

from experiments import renderer

with renderer.required():
  from acme_metamimic import waiting
  from environments import demonstrations
  from experiments import command_line
  from experiments import one_process
  from experiments import run_folder as run_folder_lib

command_line.define(run_folder_lib.ONE_PROCESS)
# For --help.
flags.adopt_module_key_flags(command_line)
FLAGS = flags.FLAGS


@command_line.exit_codes()
def main(argv: list[str]) -> None:
  """Runs the experiment that the flags describe."""
  command_line.check_no_arguments(argv)
  command_line.quiet()
  try:
    experiment, run_folder = command_line.make_experiment(
      run_folder_lib.ONE_PROCESS
    )
    tf.config.threading.set_intra_op_parallelism_threads(
      experiment.threads_per_operation
    )
    command_line.stop_on_signals()
    one_process.run(experiment, run_folder, FLAGS.resume)
  except (
    waiting.NoAnswerError,
    command_line.SettingsError,
    demonstrations.DatasetError,
    run_folder_lib.RunFolderError,
  ) as error:
    raise SystemExit(f'Error: {error}') from None


if __name__ == '__main__':
  app.run(main)
