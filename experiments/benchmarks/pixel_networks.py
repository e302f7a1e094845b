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

"""Updates and actions per second of pixel networks on this machine.

  python -m experiments.benchmarks.pixel_networks --onednn 0 1

The networks are those of `experiments.pixel_forms`. Each is measured in processes
of its own, with oneDNN off and on, as TensorFlow reads that switch when it is
imported. Batches are held in memory, without replay, rendering and physics. The
baselines are Acme's learner with Acme's IMPALA network, with instance norm added;
our learner trains all others.

The layout of the data is measured on single convolutions, since TensorFlow has no
convolution with the channels first (NCHW) on a CPU unless oneDNN is on.
"""

import argparse
import concurrent.futures
import multiprocessing
import os
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from acme.agents.tf import d4pg
from acme.utils import loggers
import numpy as np
import tensorflow as tf
import tree

import acme_metamimic
from experiments import pixel_forms
from experiments.benchmarks import learner as learner_benchmark
from experiments.benchmarks import timing

BASELINES = ('impala_64', 'impala_32')

_NUM_ATOMS = 101


class Rates(NamedTuple):
  """The speed of some networks.

  Attributes:
    updates: updates per second of the learner.
    acts: actions per second of a policy that is given one observation at a time.
  """

  updates: float
  acts: float


def measure(
  name: str, batch_size: int, seconds: float, updates_per_step: int
) -> Rates:
  """Measures some networks in this process.

  Args:
    name: name of the networks in `pixel_forms`; Acme's learner trains the
      baselines.
    batch_size: number of transitions in a batch.
    seconds: seconds of each of the two measurements.
    updates_per_step: number of updates in a call of our learner.
  """
  # Acme's nested tape warns that it is slow, which is what is measured.
  tf.get_logger().setLevel('ERROR')
  form = pixel_forms.FORMS[name]
  spec = pixel_forms.make_environment_spec(form.image_size)
  networks = acme_metamimic.make_imitation_networks(
    spec,
    policy_layer_sizes=form.layer_sizes,
    critic_layer_sizes=form.layer_sizes,
    num_atoms=_NUM_ATOMS,
    torso=form.torso,
  )
  networks.init(spec)
  arguments: Dict[str, Any] = {
    **learner_benchmark.make_learner_arguments(networks, spec, batch_size),
    'logger': loggers.NoOpLogger(),
  }
  if name in BASELINES:
    updates_per_step = 1
    learner = d4pg.D4PGLearner(**arguments, checkpoint=False)
  else:
    learner = acme_metamimic.D4PGLearner(
      **arguments, updates_per_step=updates_per_step
    )
  learner.step()  # Traces.
  updates = learner_benchmark.measure_updates(
    learner, updates_per_step, seconds
  )
  # As Acme's FeedForwardActor calls it.
  policy = tf.function(networks.make_policy(spec))
  observation = tree.map_structure(
    lambda s: np.zeros((1, *s.shape), s.dtype), spec.observations
  )
  acts = timing.calls_per_second(lambda: policy(observation), seconds)
  return Rates(updates, acts)


def measure_layout(layout: str, size: int, num_channels: int) -> float:
  """Measures a convolution with its gradient, 64 images at a time.

  Args:
    layout: layout of the images, NHWC or NCHW.
    size: edge of the square images, in pixels.
    num_channels: number of channels of input and output.

  Returns:
    Milliseconds; NaN if TensorFlow has no such convolution here.
  """
  shape = {
    'NHWC': (64, size, size, num_channels),
    'NCHW': (64, num_channels, size, size),
  }[layout]
  inputs = tf.random.normal(shape)
  kernel = tf.Variable(tf.random.normal((3, 3, num_channels, num_channels)))

  @tf.function
  def run() -> List[tf.Tensor]:
    with tf.GradientTape() as tape:
      tape.watch(inputs)
      outputs = tf.nn.conv2d(inputs, kernel, 1, 'SAME', data_format=layout)
      loss = tf.reduce_sum(outputs**2)
    return tape.gradient(loss, [inputs, kernel])

  try:
    return timing.milliseconds(run, seconds=0.5)
  except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
    return float('nan')


def run_with_onednn(
  onednn: str, function: Callable[..., Any], *arguments: Any
) -> Any:
  """Runs a function in a new process, with oneDNN on or off.

  Args:
    onednn: value of TF_ENABLE_ONEDNN_OPTS, '1' or '0'.
    function: function that the new process can import.
    *arguments: arguments of the function.

  Returns:
    The result of the function.
  """
  before = os.environ.get('TF_ENABLE_ONEDNN_OPTS')
  os.environ['TF_ENABLE_ONEDNN_OPTS'] = onednn
  try:
    with concurrent.futures.ProcessPoolExecutor(
      max_workers=1, mp_context=multiprocessing.get_context('spawn')
    ) as executor:
      return executor.submit(function, *arguments).result()
  finally:
    if before is None:
      del os.environ['TF_ENABLE_ONEDNN_OPTS']
    else:
      os.environ['TF_ENABLE_ONEDNN_OPTS'] = before


def parse_arguments(argv: Optional[Sequence[str]]) -> argparse.Namespace:
  """Parses the command line, which `--help` describes.

  Args:
    argv: arguments of the command line; those of this process by default.
  """
  small = [n for n in pixel_forms.FORMS if n not in ('paper', 'impala')]
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument(
    '--forms',
    nargs='+',
    choices=pixel_forms.FORMS,
    default=small,
    help='names of the networks; by default all but the largest',
  )
  parser.add_argument(
    '--onednn',
    nargs='+',
    choices=('0', '1'),
    default=['0', '1'],
    help='values of TF_ENABLE_ONEDNN_OPTS: 0 is off, 1 is on',
  )
  parser.add_argument(
    '--batch_size',
    type=int,
    default=64,
    help='number of transitions in a batch',
  )
  parser.add_argument(
    '--rounds',
    type=int,
    default=3,
    help='number of rounds; the medians over the rounds are printed',
  )
  parser.add_argument(
    '--seconds', type=float, default=5.0, help='seconds of each measurement'
  )
  parser.add_argument(
    '--updates_per_step',
    type=int,
    default=5,
    help='number of updates in a call of our learner',
  )
  return parser.parse_args(argv)


def _print_forms(options: argparse.Namespace) -> None:
  """Measures all networks and prints a table."""
  cases = [(name, o) for name in options.forms for o in options.onednn]
  measured: Dict[Any, List[Rates]] = {case: [] for case in cases}
  for _ in range(options.rounds):
    for name, onednn in cases:
      rates = run_with_onednn(
        onednn,
        measure,
        name,
        options.batch_size,
        options.seconds,
        options.updates_per_step,
      )
      measured[name, onednn].append(rates)
      print(f'{name}, oneDNN {onednn}: {rates}', file=sys.stderr, flush=True)
  print('| form | learner | oneDNN | updates/s | acts/s |\n|-|-|-|-|-|')
  for (name, onednn), results in measured.items():
    updates, acts = np.median(results, axis=0)
    learner = "Acme's" if name in BASELINES else 'ours'
    print(f'| {name} | {learner} | {onednn} | {updates:.1f} | {acts:.0f} |')


def _print_layouts(onednns: Sequence[str]) -> None:
  """Measures single convolutions and prints a table."""
  print('\n| convolution | layout | oneDNN | ms with gradient |\n|-|-|-|-|')
  for size, channels in ((32, 16), (16, 16), (8, 32)):
    for onednn in onednns:
      for layout in ('NHWC', 'NCHW'):
        ms = run_with_onednn(onednn, measure_layout, layout, size, channels)
        print(f'| {size}x{size}x{channels} | {layout} | {onednn} | {ms:.1f} |')


def main(argv: Optional[Sequence[str]] = None) -> None:
  """Prints the table of networks and the table of layouts.

  Args:
    argv: arguments of the command line; those of this process by default.
  """
  options = parse_arguments(argv)
  _print_forms(options)
  _print_layouts(options.onednn)


if __name__ == '__main__':
  main()
