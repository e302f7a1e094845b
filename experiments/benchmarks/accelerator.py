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
"""Updates per second and memory of a learner on an accelerator and on the CPU.

  python -m experiments.benchmarks.accelerator
  python -m experiments.benchmarks.accelerator --forms features --seconds 1

The networks are the paper's, of 22 million parameters, the small form of pixels,
and MLPs of features. Each device has a process of its own, one after the other,
with the same weights and the same batches, held in memory. The losses of the
first updates are checked to be those of the CPU: to float32 rounding in float32,
and to the rounding of the type in the others. `tensorfloat32` is what TensorFlow
makes of float32 on newer cards by itself. Without an accelerator the CPU alone is
measured. It takes some minutes with 16 cores.
"""

import argparse
import concurrent.futures
import itertools
import multiprocessing
import os
import resource
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import tensorflow as tf

import acme_metamimic
from acme_metamimic.tf import placement
from experiments import pixel_forms
from experiments.benchmarks import learner as learner_benchmark
from experiments.operations import accelerator as accelerator_checks

FEATURES = 'features'
PAPER = 'paper'

# By precision: the largest relative difference of the losses to the CPU's.
TOLERANCES = {
  'float32': 1e-3,
  'tensorfloat32': 1e-2,
  'float16': 1e-2,
  'bfloat16': 5e-2,
}
_LAYER_SIZES = (256, 256)
_NUM_ATOMS = 101
# A call of the learner; an update of the paper's network takes a CPU seconds.
_UPDATES_PER_STEP = {FEATURES: 10, PAPER: 1}
# Held in memory; one of the paper's of 256 has 50 MB.
_NUM_BATCHES = {FEATURES: 20, PAPER: 2}
_OTHERS = 5


class Case(NamedTuple):
  """What is measured.

  Attributes:
    form: name of the networks in `pixel_forms`, or 'features'.
    batch_size: number of transitions in a batch.
    precision: one of `TOLERANCES`.
  """

  form: str
  batch_size: int
  precision: str = 'float32'


class Measurement(NamedTuple):
  """What was measured on a device.

  Attributes:
    updates: updates per second.
    gigabytes: largest memory: of the device on an accelerator, on the CPU of the
      process so far.
    losses: critic and policy loss, means over the first call.
  """

  updates: float
  gigabytes: float
  losses: Tuple[float, float]


def measure(case: Case, seconds: float, **sizes: Any) -> Measurement:
  """Measures a learner on the device that TensorFlow prefers in this process.

  Args:
    case: what to measure.
    seconds: seconds to measure, after a first call; at least one more call.
    **sizes: `layer_sizes` or `num_atoms`, where they are to be others.
  """
  tf.config.experimental.enable_tensor_float_32_execution(
    case.precision == 'tensorfloat32'
  )
  sizes = {'layer_sizes': _LAYER_SIZES, 'num_atoms': _NUM_ATOMS, **sizes}
  tf.random.set_seed(0)
  # The same numbers whatever the device.
  with placement.on_cpu():
    spec, networks = learner_benchmark.make_networks(
      case.form, compute_dtype=_compute_dtype(case.precision), **sizes
    )
  logger = learner_benchmark.LossLogger()
  updates = _UPDATES_PER_STEP.get(case.form, _OTHERS)
  learner = acme_metamimic.D4PGLearner(
    **learner_benchmark.make_learner_arguments(
      networks,
      spec,
      case.batch_size,
      _NUM_BATCHES.get(case.form, _OTHERS),
    ),
    logger=logger,
    updates_per_step=updates,
  )
  _forget_memory()
  learner.step()
  (losses,) = logger.losses
  rate = learner_benchmark.measure_updates(learner, updates, seconds)
  return Measurement(rate, _gigabytes(), losses)


def _compute_dtype(precision: str) -> str:
  """Returns the type that convolutions are told to multiply."""
  return 'float32' if precision == 'tensorfloat32' else precision


def _forget_memory() -> None:
  device = placement.accelerator()
  if device is not None:
    tf.config.experimental.reset_memory_stats(device)


def _gigabytes() -> float:
  """Returns the largest memory so far."""
  device = placement.accelerator()
  if device is not None:
    return tf.config.experimental.get_memory_info(device)['peak'] / 1e9
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def measure_cases(
  cases: Sequence[Case], seconds: float, on_accelerator: bool
) -> Optional[Dict[Case, Measurement]]:
  """Measures cases in this process, which has imported no TensorFlow before.

  Args:
    cases: what to measure.
    seconds: seconds of each.
    on_accelerator: whether it is to be on an accelerator.

  Returns:
    The measurements; None if there is no accelerator and should be.
  """
  if on_accelerator and placement.accelerator() is None:
    return None
  results = {}
  for case in cases:
    results[case] = measure(case, seconds)
    where = 'accelerator' if on_accelerator else 'CPU'
    print(f'{where}: {case}: {results[case]}', file=sys.stderr, flush=True)
  return results


def run_in_process(
  cases: Sequence[Case], seconds: float, on_accelerator: bool
) -> Optional[Dict[Case, Measurement]]:
  """Calls `measure_cases` in a process that sees an accelerator, or none."""
  before = os.environ.get('CUDA_VISIBLE_DEVICES')
  if not on_accelerator:
    os.environ['CUDA_VISIBLE_DEVICES'] = '-1'
  try:
    with concurrent.futures.ProcessPoolExecutor(
      max_workers=1, mp_context=multiprocessing.get_context('spawn')
    ) as executor:
      return executor.submit(
        measure_cases, cases, seconds, on_accelerator
      ).result()
  finally:
    if not on_accelerator:
      del os.environ['CUDA_VISIBLE_DEVICES']
      if before is not None:
        os.environ['CUDA_VISIBLE_DEVICES'] = before


def lines(
  cpu: Dict[Case, Measurement], fast: Optional[Dict[Case, Measurement]]
) -> List[str]:
  """Returns the table of all measurements.

  Args:
    cpu: measurements on the CPU, in float32.
    fast: measurements on the accelerator; None without one.
  """
  table = [
    '| networks | batch | precision | CPU updates/s | accelerator updates/s '
    '| ratio | losses differ by | CPU GB | accelerator GB |',
    '|-|-|-|-|-|-|-|-|-|',
  ]
  for case in fast or cpu:
    slow = cpu[case._replace(precision='float32')]
    found = ['-'] * 4
    if fast is not None:
      quick = fast[case]
      found = [
        f'{quick.updates:.2f}',
        f'{quick.updates / slow.updates:.1f}',
        f'{difference(slow, quick):.1e}',
        f'{quick.gigabytes:.2f}',
      ]
    rate, ratio, differ, memory = found
    table.append(
      f'| {case.form} | {case.batch_size} | {case.precision} '
      f'| {slow.updates:.2f} | {rate} | {ratio} | {differ} '
      f'| {slow.gigabytes:.2f} | {memory} |'
    )
  return table


def difference(expected: Measurement, actual: Measurement) -> float:
  """Returns the largest relative difference of the losses."""
  return learner_benchmark.loss_difference([expected.losses], [actual.losses])


def wrong(
  cpu: Dict[Case, Measurement], fast: Dict[Case, Measurement]
) -> List[Case]:
  """Returns the cases whose losses are not those of the CPU.

  Args:
    cpu: measurements on the CPU, in float32.
    fast: measurements on the accelerator.
  """
  return [
    case
    for case, measurement in fast.items()
    # Not a number is wrong, too.
    if not difference(cpu[case._replace(precision='float32')], measurement)
    < TOLERANCES[case.precision]
  ]


def make_cases(
  forms: Sequence[str], batch_sizes: Sequence[int], precisions: Sequence[str]
) -> List[Case]:
  """Returns all cases, the small ones first.

  Args:
    forms: names of the networks.
    batch_sizes: numbers of transitions in a batch.
    precisions: precisions on the accelerator; those of convolutions are left out
      where there is none.
  """
  return [
    Case(form, batch_size, precision)
    for form, batch_size, precision in itertools.product(
      forms, batch_sizes, precisions
    )
    if form != FEATURES or not precision.endswith('float16')
  ]


def parse_arguments(argv: Optional[Sequence[str]]) -> argparse.Namespace:
  """Parses the command line, which `--help` describes.

  Args:
    argv: arguments of the command line; those of this process by default.
  """
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument(
    '--forms',
    nargs='+',
    choices=[FEATURES, *pixel_forms.FORMS],
    default=[FEATURES, pixel_forms.TWO_CORES, PAPER],
    help='names of the networks',
  )
  parser.add_argument(
    '--batch_sizes',
    nargs='+',
    type=int,
    default=[64, 256],
    help='numbers of transitions in a batch',
  )
  parser.add_argument(
    '--precisions',
    nargs='+',
    choices=list(TOLERANCES),
    default=['float32', 'tensorfloat32', 'float16'],
    help='precisions on the accelerator; the CPU has float32',
  )
  parser.add_argument(
    '--seconds',
    type=float,
    default=5.0,
    help='seconds of each measurement; at least two calls are made',
  )
  return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> int:
  """Prints the table, and returns 1 if losses differ by more than rounding.

  Args:
    argv: arguments of the command line; those of this process by default.
  """
  options = parse_arguments(argv)
  cases = make_cases(options.forms, options.batch_sizes, options.precisions)
  fast = run_in_process(cases, options.seconds, True)
  if fast is None:
    check = accelerator_checks.check_accelerator()
    print(f'No accelerator, so the CPU alone is measured ({check.found}).')
  # What is compared with float32 needs that.
  plain = make_cases(options.forms, options.batch_sizes, ['float32'])
  cpu = run_in_process(plain, options.seconds, False)
  assert cpu is not None
  print('\n'.join(lines(cpu, fast)), flush=True)
  differing = wrong(cpu, fast or {})
  for case in differing:
    print(f'The losses of {case} are not those of the CPU.')
  return 1 if differing else 0


if __name__ == '__main__':
  sys.exit(main())
