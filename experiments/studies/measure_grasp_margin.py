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
r"""Measures how exactly a block has to be grasped.

  python -m experiments.studies.measure_grasp_margin data/unseen \
      --distances 0 0.2 0.4 0.6 1

Repeats the demonstrators' own actions with both blocks moved by a distance, in a
direction of each episode's own. What the demonstrators themselves lose so is what
an imitation policy loses whose hand is as far from where theirs was.
"""

import argparse
from typing import Mapping, Optional, Sequence

from environments import demonstrations as demonstrations_lib
from experiments import evaluation
from experiments import paths
from experiments import perturbed_starts
from experiments.datasets import run_dataset
from experiments.domains import block_stacking

_METRES = 0.01


def measure(
  demonstrations: Sequence[demonstrations_lib.Demonstration],
  distance: float,
  seed: int = 0,
) -> Mapping[str, float]:
  """Repeats demonstrations' actions with the blocks moved.

  Args:
    demonstrations: the demonstrations.
    distance: distance by which each block is moved, in centimetres.
    seed: seed of the directions.

  Returns:
    Means of `evaluation.OneShotMetrics` by name.

  Raises:
    ValueError: if the distance is negative or not finite.
  """
  domain = block_stacking.BlockStacking()
  moved = perturbed_starts.move_blocks(
    domain, demonstrations, _METRES * distance, seed
  )
  with perturbed_starts.following(domain, moved) as environment:
    return evaluation.mean(
      evaluation.follow_all(environment, evaluation.replay_actions(environment))
    )


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    description='Measures how exactly a block has to be grasped.'
  )
  parser.add_argument(
    'dataset',
    type=paths.expand,
    help='Folder or file of the demonstrations.',
  )
  parser.add_argument(
    '--distances',
    type=float,
    nargs='+',
    default=[0.0, 0.2, 0.4, 0.6, 1.0],
    help='Distances by which the blocks are moved, in centimetres.',
  )
  parser.add_argument(
    '--max-episodes',
    type=int,
    help='Number of demonstrations to repeat; all by default.',
  )
  return parser


def main(argv: Optional[Sequence[str]] = None) -> None:
  """Measures and prints the table.

  Args:
    argv: arguments of the command line; those of this process by default.
  """
  options = _parser().parse_args(argv)
  try:
    dataset = run_dataset.open_checked(
      options.dataset, block_stacking.BlockStacking()
    )
    demonstrations = [
      dataset[index] for index in range(len(dataset))[: options.max_episodes]
    ]
    print('| blocks moved by (cm) | task return | stacked |')
    print('|---' * 3 + '|')
    for distance in options.distances:
      row = measure(demonstrations, distance)
      print(
        f'| {distance:g} | {row["task_return"]:.3f} | {row["stacked"]:.0%} |',
        flush=True,
      )
  except (demonstrations_lib.DatasetError, ValueError) as error:
    raise SystemExit(f'Error: {error}') from None


if __name__ == '__main__':
  main()
