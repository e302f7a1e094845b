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
"""What early termination does to learning: a table over its cutoff distance.

  python -m experiments.studies.measure_early_termination results/cutoffs
  python -m experiments.studies.measure_early_termination results/cutoffs \
      --cutoffs 0.05 0.1 0.2 none --seeds 0 1 2 --updates 50000
  python -m experiments.studies.measure_early_termination results/discount \
      --cutoffs 0.05 --discount 0.9 --finger-sigma 0.3 --updates 125000

Trains the imitation half alone for each cutoff and seed, with as many updates
and environment steps each, and follows the validation demonstrations one-shot
at equal intervals. Writes a curve of each training (curves.csv) and a table of
the cutoffs (table.md, table.csv) into a new folder.
"""

import argparse
import dataclasses
import os
from typing import Iterator, Mapping, Optional, Sequence

import acme
from acme.utils import counting
import numpy as np
import tensorflow as tf

import acme_metamimic
from environments import demonstrations as demonstrations_lib
from environments.block_stacking import demonstrators
from environments.demonstrations import recording
from experiments import acting
from experiments import command_line
from experiments import evaluation
from experiments import experiment as experiment_lib
from experiments import overrides
from experiments import paths
from experiments import presets
from experiments import reporting
from experiments.datasets import run_dataset
from experiments.domains import block_stacking
from experiments.domains import domain as domain_lib

_DEMONSTRATIONS = experiment_lib.Demonstrations()
_UPDATES = 'imitation_learner_steps'

_CURVE_COLUMNS = (
  'cutoff',
  'seed',
  'updates',
  'environment_steps',
  'episode_steps',
  *evaluation.OneShotMetrics.names(),
)
_TITLES: Mapping[str, str] = {
  'cutoff': 'cutoff (m)',
  'episode_steps': 'steps of a training episode',
  **reporting.COLUMNS,
}

Dataset = Sequence[demonstrations_lib.Demonstration]
Point = Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Settings:
  """Settings of one training.

  Attributes:
    cutoff: deviation of the hand-to-block vector at which training episodes
      end, in metres; None never ends one early.
    seed: seed of starts, networks and noise.
    updates: number of updates of the learner, one for each environment step.
    evaluations: number of evaluations, at equal intervals, the last at the end.
    experiment: experiment whose imitation half is trained.
  """

  cutoff: Optional[float]
  seed: int
  updates: int
  evaluations: int
  experiment: experiment_lib.Experiment


def train(
  settings: Settings, training_set: Dataset, validation_set: Dataset
) -> Iterator[Point]:
  """Trains the imitation half, and yields a point for each evaluation.

  Args:
    settings: settings of the training.
    training_set: demonstrations to imitate.
    validation_set: demonstrations to follow one-shot, without noise.

  Yields:
    A value for each column of the curves; 'episode_steps' is the mean length of
    the training episodes since the point before.
  """
  tf.random.set_seed(settings.seed)
  experiment = overrides.replace(
    settings.experiment, 'domain.early_termination_distance', settings.cutoff
  )
  domain = experiment.domain
  assert isinstance(domain, block_stacking.BlockStacking)
  environment = domain.follow(training_set, domain_lib.ACTOR, settings.seed)
  validation = domain.follow(
    validation_set, domain_lib.VALIDATION, settings.seed + 1
  )
  spec = acme.make_environment_spec(environment)
  counter = counting.Counter()
  config = experiment.one_process_config
  agent = acme_metamimic.MetaMimic(
    spec,
    *experiment.make_networks(spec),
    config,
    builder=experiment.make_builder(config, None),
    counter=counter,
    logger_factory=lambda label: acting.LatestLogger(),
  )
  loop = acme.EnvironmentLoop(
    environment, agent.imitation, logger=acting.LatestLogger()
  )
  steps = 0.0
  for number in range(1, settings.evaluations + 1):
    target = settings.updates * number // settings.evaluations
    lengths: list[float] = []
    while not lengths or counter.get_counts().get(_UPDATES, 0) < target:
      lengths.append(loop.run_episode()['episode_length'])
    steps += sum(lengths)
    metrics = evaluation.follow_all(validation, agent.imitation_policy)
    yield {
      'cutoff': np.inf if settings.cutoff is None else settings.cutoff,
      'seed': settings.seed,
      'updates': counter.get_counts().get(_UPDATES, 0),
      'environment_steps': steps,
      'episode_steps': float(np.mean(lengths)),
      **evaluation.mean(metrics),
    }
  del loop  # The replay server waits for those who hold its writers.
  agent.close()
  environment.close()
  validation.close()


def summarize(points: Sequence[Point]) -> list[reporting.Row]:
  """Returns a row for each cutoff: means over the later half of the points.

  One policy swings from evaluation to evaluation; the mean over several, and
  over the seeds, tells the cutoffs apart.

  Args:
    points: evaluations of all trainings.
  """
  rows: list[reporting.Row] = []
  for cutoff in dict.fromkeys(point['cutoff'] for point in points):
    own = [point for point in points if point['cutoff'] == cutoff]
    half = max(point['updates'] for point in own) / 2
    later = [point for point in own if point['updates'] > half]
    rows.append(
      {
        'cutoff': f'{cutoff:g}' if np.isfinite(cutoff) else 'none',
        **{
          name: float(np.mean([point[name] for point in later]))
          for name in _TITLES
          if name != 'cutoff'
        },
      }
    )
  return rows


def _record(style: str, count: int, seed: int) -> Dataset:
  environment = block_stacking.BlockStacking().load()
  episodes = recording.record(
    environment, demonstrators.STYLES[style], count, seed
  )
  recorded = list(episodes)
  environment.close()
  return recorded


def _cutoff(text: str) -> Optional[float]:
  if text == 'none':
    return None
  value = float(text)
  if not 0.0 < value < np.inf:
    raise argparse.ArgumentTypeError(
      f'is {text}; it must be a positive distance in metres, or none'
    )
  return value


def _discount(text: str) -> float:
  value = float(text)
  if not 0.0 <= value < 1.0:
    raise argparse.ArgumentTypeError(f'is {text}; it must lie in [0, 1)')
  return value


def _positive(text: str) -> int:
  value = int(text)
  if value < 1:
    raise argparse.ArgumentTypeError(f'is {value}; it must be at least 1')
  return value


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    description='Measures what early termination does to learning.'
  )
  add = parser.add_argument
  add(
    'folder', type=paths.expand, help='New folder for the table and the curves.'
  )
  add(
    '--cutoffs',
    type=_cutoff,
    nargs='+',
    default=[0.05, 0.1, 0.2, None],
    help='Distances in metres, or none.',
  )
  add(
    '--seeds', type=int, nargs='+', default=[0], help='Seeds of the trainings.'
  )
  add(
    '--updates',
    type=_positive,
    default=50_000,
    help='Updates of each training.',
  )
  add(
    '--evaluations',
    type=_positive,
    default=10,
    help='Evaluations in each training.',
  )
  add(
    '--demonstrations',
    type=_positive,
    default=60,
    help='Demonstrations to train on.',
  )
  add(
    '--discount',
    type=_discount,
    default=0.95,
    help='Discount of the imitation half.',
  )
  add(
    '--finger-sigma',
    type=float,
    default=0.6,
    help="Standard deviation of the fingers' noise.",
  )
  add(
    '--validation',
    type=_positive,
    default=20,
    help='Demonstrations to follow one-shot.',
  )
  return parser


def _make_experiment(
  discount: float, finger_sigma: float
) -> experiment_lib.Experiment:
  """Returns the demo's experiment with another horizon and other noise."""
  experiment = presets.make('features')
  joints = (experiment.imitation.sigma,) * 6
  return overrides.apply(
    experiment,
    [
      f'imitation.discount={discount}',
      # Of rewards of at most 1 in each step.
      f'imitation.vmax={round(1.0 / (1.0 - discount), 6)}',
      f'imitation.sigmas={joints + (finger_sigma,) * 3}',
    ],
  )


def main(argv: Optional[Sequence[str]] = None) -> None:
  """Records, trains for each cutoff and seed, and prints the table."""
  options = _parser().parse_args(argv)
  command_line.quiet()
  try:
    experiment = _make_experiment(options.discount, options.finger_sigma)
  except ValueError as error:
    raise SystemExit(f'Error: {error}') from None
  try:
    os.makedirs(options.folder)
  except OSError as error:
    raise SystemExit(
      f'Error: the folder {options.folder!r} cannot be made '
      f'({error.strerror}); give a new one.'
    ) from None
  training_set = _record(
    _DEMONSTRATIONS.train_demonstrator, options.demonstrations, 0
  )
  validation_set = _record(
    _DEMONSTRATIONS.validation_demonstrator,
    options.validation,
    run_dataset.VALIDATION_SEED_OFFSET,
  )
  curves = reporting.Curves(
    os.path.join(options.folder, 'curves.csv'), _CURVE_COLUMNS
  )
  points: list[Point] = []
  for seed in options.seeds:
    for cutoff in options.cutoffs:
      settings = Settings(
        cutoff, seed, options.updates, options.evaluations, experiment
      )
      for point in train(settings, training_set, validation_set):
        curves.append(point)
        points.append(point)
        print(
          f'cutoff {cutoff}, seed {seed}, {point["updates"]} updates: imitation '
          f'reward {point["imitation_reward"]:.3f}, stacked '
          f'{point["stacked"]:.0%}',
          flush=True,
        )
  table = os.path.join(options.folder, 'table.md')
  reporting.show_table(summarize(points), table, _TITLES)


if __name__ == '__main__':
  # One thread an operation: small matrices do not gain from more.
  tf.config.threading.set_intra_op_parallelism_threads(1)
  main()
