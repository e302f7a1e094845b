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

"""Measures how exactly an imitation policy has to see.

  python -m experiments.studies.blur_observations features data/unseen \
      --errors 0 0.1 0.2 0.34
  python -m experiments.studies.blur_observations features data/unseen \
      --hide-velocities

The scene is as it is; what the policy is shown of it is changed. Positions of hand
and blocks, in the observation and in the goal, get errors of a given mean size, as
those of a torso's have; half of their variance stays the same for an episode.
Velocities, which no picture shows, may be hidden.
"""

import argparse
import math
from typing import Dict, Mapping, Optional, Sequence

from acme import types
import numpy as np

from acme_metamimic import shipped
from acme_metamimic import specs as specs_lib
from environments.block_stacking import features
from experiments import evaluation
from experiments import exported_policy
from experiments import paths
from experiments.datasets import run_dataset
from experiments.domains import block_stacking
from experiments.domains import domain as domain_lib

_METRES = 0.01
# Standard deviation of normal errors whose mean absolute value is one.
_STANDARD_DEVIATION = math.sqrt(math.pi / 2)
_PLACES = ('hand', 'top', 'bottom')

Frame = Mapping[str, np.ndarray]


class BlurredPolicy:
  """A policy of one episode that is shown what is not quite there."""

  def __init__(
    self,
    policy: evaluation.Policy,
    error: float = 0.0,
    hides_velocities: bool = False,
    seed: int = 0,
  ):
    """Initializes the policy.

    Args:
      policy: policy of observations with 'body' and 'blocks', and a goal.
      error: mean absolute error of each coordinate of hand and blocks, in
        centimetres.
      hides_velocities: whether all velocities are shown as zero.
      seed: seed of the errors.
    """
    self._policy = policy
    self._random = np.random.default_rng(seed)
    # Two parts of equal variance, one that stays and one that changes.
    self._sigma = error * _METRES * _STANDARD_DEVIATION / math.sqrt(2.0)
    self._lasting = self._draw()
    self._hidden = features.velocities() if hides_velocities else {}

  def _draw(self) -> Dict[str, np.ndarray]:
    """Returns errors in metres, [3] for each place."""
    return {
      place: self._sigma * self._random.standard_normal(3) for place in _PLACES
    }

  def __call__(self, observation: types.NestedArray) -> types.NestedArray:
    """Returns the action for an observation."""
    return self._policy(
      {
        **self._blur(observation),
        specs_lib.GOAL: self._blur(observation[specs_lib.GOAL]),
      }
    )

  def _blur(self, frame: Frame) -> Dict[str, np.ndarray]:
    """Returns a frame as it is shown, float32 arrays by key."""
    changing = self._draw()
    error = {place: self._lasting[place] + changing[place] for place in _PLACES}
    shown = {key: np.array(frame[key]) for key in ('body', 'blocks')}
    body, blocks = features.BODY_LAYOUT, features.BLOCKS_LAYOUT
    shown['body'][body['hand_position']] += error['hand']
    for name, by in (
      ('top_position', error['top']),
      ('bottom_position', error['bottom']),
      ('hand_to_top', error['top'] - error['hand']),
      ('top_to_bottom', error['bottom'] - error['top']),
    ):
      shown['blocks'][blocks[name]] += by
    for key, hidden in self._hidden.items():
      shown[key][hidden] = 0.0
    return shown


def measure(
  name: str,
  path: str,
  error: float,
  hides_velocities: bool,
  max_episodes: Optional[int] = None,
) -> Mapping[str, float]:
  """Follows demonstrations with a policy that is shown what is not quite there.

  Args:
    name: folder of a run, an exported policy, or a name that comes with the
      package.
    path: path of the dataset.
    error: as for `BlurredPolicy`.
    hides_velocities: whether all velocities are shown as zero.
    max_episodes: number of demonstrations to follow; all by default.

  Returns:
    Means of `evaluation.OneShotMetrics` by name.

  Raises:
    DatasetError: if the dataset cannot be used.
    PolicyError: if the policy cannot, or sees more than body and blocks.
  """
  policy = exported_policy.ExportedPolicy(shipped.find_policy(name))
  domain = block_stacking.BlockStacking()
  dataset = run_dataset.open_checked(path, domain)
  environment = domain.follow(dataset, domain_lib.VALIDATION, seed=0)
  policy.check(environment.observation_spec())
  followed = [
    evaluation.follow(
      environment,
      BlurredPolicy(policy, error, hides_velocities, seed=index),
      index,
    )
    for index in range(len(dataset))[:max_episodes]
  ]
  environment.close()
  return evaluation.mean(followed)


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    description='Measures how exactly an imitation policy has to see.'
  )
  parser.add_argument(
    'policy',
    type=paths.expand,
    help='Folder of a run or a policy, or a name such as features.',
  )
  parser.add_argument(
    'dataset',
    type=paths.expand,
    help='Folder or file of the demonstrations.',
  )
  parser.add_argument(
    '--errors',
    type=float,
    nargs='+',
    default=[0.0],
    help='Mean absolute errors of positions, in centimetres.',
  )
  parser.add_argument(
    '--hide-velocities',
    action='store_true',
    help='Whether the policy is shown no velocities.',
  )
  parser.add_argument(
    '--max-episodes',
    type=int,
    help='Number of demonstrations to follow; all by default.',
  )
  return parser


def main(argv: Optional[Sequence[str]] = None) -> None:
  """Measures and prints the table.

  Args:
    argv: arguments of the command line; those of this process by default.
  """
  options = _parser().parse_args(argv)
  print(
    '| error (cm) | velocities | imitation reward | task return | stacked |'
  )
  print('|---' * 5 + '|')
  seen = 'hidden' if options.hide_velocities else 'seen'
  for error in options.errors:
    row = measure(
      options.policy,
      options.dataset,
      error,
      options.hide_velocities,
      options.max_episodes,
    )
    print(
      f'| {error:g} | {seen} | {row["imitation_reward"]:.3f} | '
      f'{row["task_return"]:.3f} | {row["stacked"]:.0%} |',
      flush=True,
    )


if __name__ == '__main__':
  main()
