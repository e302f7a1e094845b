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

"""Calibrates the scales of equation 2 by measured distances of frames.

  python -m experiments.studies.calibrate_rewards

The paper gives the coefficients, 15 for pixels and 2 for the body (Table 1), and
no scale inside the exponentials. A policy that is one frame late does well and
should earn most of the reward, at least 0.9; a frame of another demonstration
should earn almost nothing, at most 0.1. For each observation a table has the mean
squared distance of such pairs of frames, and the term's reward with the current
scale and with the middle of the scales that meet both demands.
"""

import argparse
from typing import Iterator, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from environments import block_stacking
from environments import demonstrations as demonstrations_lib
from environments import rewards
from environments.block_stacking import demonstrators
from environments.block_stacking import features
from environments.demonstrations import recording

ONE_LATE_AT_LEAST, OTHER_AT_MOST = 0.9, 0.1

# Names of the relations between two frames of a pair.
SAME, LATE, LATER, OTHER = (
  'same frame',
  'one frame late',
  'five frames late',
  'other demonstration',
)
# Number of frames by which the first frame of a pair is late.
_LATENESS = {SAME: 0, LATE: 1, LATER: 5}

# Squared distances of pairs of frames, float64 [N], by their relation.
Distances = Mapping[str, np.ndarray]


class Range(NamedTuple):
  """The scales that tell a late frame from another demonstration's.

  Attributes:
    lowest: smallest scale at which frames of another demonstration earn at most
      `OTHER_AT_MOST` on average.
    highest: largest scale at which frames that are one late earn at least
      `ONE_LATE_AT_LEAST` on average.
  """

  lowest: float
  highest: float

  @property
  def suggestion(self) -> float:
    """Geometric mean: a compromise if the demands exclude each other."""
    return float(np.sqrt(self.lowest * self.highest))


def reward(distances: np.ndarray, scale: float) -> float:
  """Returns the mean of a term of equation 2, without its coefficient.

  Args:
    distances: squared distances of pairs of frames, float64 [N].
    scale: factor of the squared distance inside the exponential.
  """
  return float(np.mean(np.exp(-scale * distances)))


def measure(
  demonstrations: Sequence[demonstrations_lib.Demonstration],
  key: str,
  weights: Optional[np.ndarray],
  every: int = 1,
  seed: int = 0,
) -> Distances:
  """Returns the squared distances of pairs of frames, by their relation.

  Only frames before the blocks are stacked count: afterwards the hand rests, and
  a late frame is the same frame.

  Args:
    demonstrations: demonstrations with the observation, at least two.
    key: key of the observation that is compared.
    weights: factor of each component's difference, see `rewards.RewardTerm`.
    every: number of frames from one comparison to the next.
    seed: seed of the choice of frames of other demonstrations.

  Raises:
    ValueError: if there are fewer than two demonstrations.
  """
  if len(demonstrations) < 2:
    raise ValueError(
      f'There are {len(demonstrations)} demonstrations; give at least 2, to '
      'compare one with another.'
    )
  random_state = np.random.RandomState(seed)
  distances: dict[str, list[float]] = {name: [] for name in (*_LATENESS, OTHER)}
  for index, demonstration in enumerate(demonstrations):
    frames = demonstration.observations[key]
    for step in range(max(_LATENESS.values()), _motion(demonstration), every):
      pairs = {name: frames[step - late] for name, late in _LATENESS.items()}
      shift = random_state.randint(1, len(demonstrations))
      other = demonstrations[(index + shift) % len(demonstrations)]
      pairs[OTHER] = other.observations[key][
        random_state.randint(_motion(other))
      ]
      for name, observed in pairs.items():
        distances[name].append(
          rewards.squared_distance(observed, frames[step], weights)
        )
  return {name: np.array(values) for name, values in distances.items()}


def _motion(demonstration: demonstrations_lib.Demonstration) -> int:
  """Returns the number of frames before the blocks are stacked."""
  stacked = demonstration.rewards == rewards.STACKED
  return int(np.argmax(stacked)) if stacked.any() else len(demonstration)


def scales(distances: Distances) -> Range:
  """Returns the scales that meet both demands.

  Args:
    distances: squared distances of pairs of frames, by their relation.
  """
  # Distances spread over decades, and so may the scales.
  candidates = np.geomspace(1e-4, 1e8, 1201)
  other = [reward(distances[OTHER], scale) for scale in candidates]
  late = [reward(distances[LATE], scale) for scale in candidates]
  # Both fall with the scale.
  return Range(
    lowest=float(candidates[np.argmax(np.array(other) <= OTHER_AT_MOST)]),
    highest=float(
      candidates[np.flatnonzero(np.array(late) >= ONE_LATE_AT_LEAST)[-1]]
    ),
  )


def table(
  key: str, distances: Distances, term: rewards.RewardTerm
) -> Iterator[str]:
  """Yields the rows of an observation: distances, and rewards for two scales.

  Args:
    key: key of the observation.
    distances: squared distances of pairs of frames, by their relation.
    term: current term of equation 2 for the observation.
  """
  found = scales(distances)
  for name, values in distances.items():
    yield (
      f'| {key} | {name} | {values.mean():.3g} | '
      f'{reward(values, term.scale):.2f} | '
      f'{reward(values, found.suggestion):.2f} |'
    )
  yield (
    f'| {key} | *scale*, {found.lowest:.3g} to {found.highest:.3g} | | '
    f'{term.scale:g} | {found.suggestion:.3g} |'
  )


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    description='Measures distances of frames and suggests scales.'
  )
  parser.add_argument(
    '--demonstrations',
    type=int,
    default=10,
    help='Number of demonstrations to record and measure on.',
  )
  parser.add_argument(
    '--style',
    default=demonstrators.PAPER_TRAINING,
    choices=list(demonstrators.STYLES),
    help='Name of the scripted demonstrator that records them.',
  )
  parser.add_argument(
    '--every',
    type=int,
    default=3,
    help='Number of frames from one comparison to the next.',
  )
  return parser


def main(argv: Optional[Sequence[str]] = None) -> None:
  """Records demonstrations, measures distances and prints the table.

  Args:
    argv: arguments of the command line; those of this process by default.
  """
  options = _parser().parse_args(argv)
  environment = block_stacking.load(block_stacking.OBSERVABLES)
  style = demonstrators.STYLES[options.style]
  recorded = list(
    recording.record(environment, style, options.demonstrations, seed=0)
  )
  environment.close()
  terms = {
    'image': features.pixel_reward_terms()['image'],
    **features.feature_reward_terms(),
  }
  print('| observation | pair of frames | squared distance | ', end='')
  print('reward | reward, suggested scale |')
  print('|---' * 5 + '|')
  for key, term in terms.items():
    distances = measure(recorded, key, term.weights, options.every)
    print('\n'.join(table(key, distances, term)), flush=True)


if __name__ == '__main__':
  main()
