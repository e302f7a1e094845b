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

"""Records demonstrations, trains MetaMimic on features, and evaluates it.

The main job, in one process. For instance:

  python -m experiments.run_metamimic
  python -m experiments.run_metamimic --budget_minutes=5 --seed=1
  python -m experiments.run_metamimic --run_folder=runs/mine --dataset=data/mine
"""

import math
import os

# Before TensorFlow is imported: oneDNN makes small matrix products faster.
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '1')

from absl import app
from absl import flags
from absl import logging
import tensorflow as tf

from experiments import renderer

with renderer.required():
  from environments import demonstrations
  from experiments import main_job

_INTERRUPTED = 130  # As shells have it for Ctrl-C.

FLAGS = flags.FLAGS
flags.DEFINE_float(
  'budget_minutes', 24.0, 'Minutes of training.', lower_bound=0.0
)
flags.DEFINE_integer(
  'seed',
  0,
  'Seed of demonstrations, starts, networks and noise.',
  lower_bound=0,
  upper_bound=2**31 - 1,
)
flags.DEFINE_integer(
  'num_demonstrations', 60, 'Demonstrations to train on.', lower_bound=1
)
flags.DEFINE_integer(
  'num_validation_demonstrations',
  40,
  'Demonstrations of the other demonstrator, to test on.',
  lower_bound=2,
)
flags.DEFINE_float(
  'evaluation_period_minutes',
  4.0,
  'Minutes of training from one point of the curves to the next.',
  lower_bound=0.0,
)
flags.DEFINE_string(
  'run_folder', None, 'New folder for the results; runs/<date> by default.'
)
flags.DEFINE_string(
  'dataset',
  None,
  'Folder of recorded demonstrations, in train/ and validation/. Recorded into '
  'the run folder by default.',
)

flags.register_validator(
  'budget_minutes', math.isfinite, 'it must be a finite number'
)
flags.register_validator(
  'evaluation_period_minutes', math.isfinite, 'it must be a finite number'
)


def main(argv: list[str]) -> None:
  """Runs the main job with the settings of the flags."""
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments: {argv[1:]}.')
  # The progress bar says what Acme's and TensorFlow's messages would.
  logging.set_verbosity(logging.WARNING)
  # It warns of a function that each checkpoint makes anew in TensorFlow 2.8.
  tf.get_logger().setLevel('ERROR')
  # One thread an operation: two halves share the cores, and small matrices do
  # not gain from more.
  tf.config.threading.set_intra_op_parallelism_threads(1)
  tf.random.set_seed(FLAGS.seed)
  settings = main_job.Settings(
    budget_minutes=FLAGS.budget_minutes,
    seed=FLAGS.seed,
    num_demonstrations=FLAGS.num_demonstrations,
    num_validation_demonstrations=FLAGS.num_validation_demonstrations,
    evaluation_period_minutes=FLAGS.evaluation_period_minutes,
    run_folder=FLAGS.run_folder or main_job.default_run_folder(),
    dataset=FLAGS.dataset,
  )
  try:
    main_job.run(settings)
  except (demonstrations.DatasetError, main_job.RunFolderError) as error:
    raise SystemExit(f'Error: {error}') from None
  except KeyboardInterrupt:
    raise SystemExit(_INTERRUPTED) from None


if __name__ == '__main__':
  app.run(main)
