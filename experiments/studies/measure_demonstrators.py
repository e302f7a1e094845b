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

"""Measures the scripted demonstrators over many attempts.

  python -m experiments.studies.measure_demonstrators
  python -m experiments.studies.measure_demonstrators \
      --styles steady hesitant --physics-timesteps 0.002 0.005 0.01

Prints a row for each style and physics time step: the share of attempts that
stack the blocks, and the returns, lengths and hand speeds of these.
"""

import argparse
from typing import NamedTuple, Optional, Sequence

import numpy as np

from environments import block_stacking
from environments import demonstrations as demonstrations_lib
from environments import rewards
from environments import state_environment
from environments.block_stacking import demonstrators
from environments.block_stacking import features
from environments.demonstrations import recording

_HAND_VELOCITY = features.BODY_LAYOUT['hand_velocity']


class Measurement(NamedTuple):
  """A row of the table; all but the first two are of attempts that stack.

  Attributes:
    attempts: number of attempted episodes.
    stacked: share of the attempts at whose end the blocks are stacked.
    mean_return: mean of the task return.
    std_return: standard deviation of the task return.
    steps_to_stack: mean number of control steps before the reward is 1.
    length: mean number of control steps in an episode.
    hand_speed: 95th percentile of the hand's speed, in m/s.
  """

  attempts: int
  stacked: float
  mean_return: float
  std_return: float
  steps_to_stack: float
  length: float
  hand_speed: float


def summarize(
  demonstrations: Sequence[demonstrations_lib.Demonstration], attempts: int
) -> Measurement:
  """Summarizes recorded attempts.

  Args:
    demonstrations: attempts that stack the blocks, with the observation 'body'.
    attempts: number of all attempts.

  Raises:
    ValueError: if no attempt stacks.
  """
  if not demonstrations:
    raise ValueError(
      f'None of {attempts} attempts stacks; check the style and the physics '
      'time step.'
    )
  returns = [d.task_return for d in demonstrations]
  velocities = np.concatenate(
    [d.observations['body'][:, _HAND_VELOCITY] for d in demonstrations]
  )
  return Measurement(
    attempts=attempts,
    stacked=len(demonstrations) / attempts,
    mean_return=float(np.mean(returns)),
    std_return=float(np.std(returns)),
    steps_to_stack=float(
      np.mean([np.argmax(d.rewards == rewards.STACKED) for d in demonstrations])
    ),
    length=float(np.mean([len(d) for d in demonstrations])),
    hand_speed=float(np.percentile(np.linalg.norm(velocities, axis=1), 95)),
  )


def measure(
  environment: state_environment.StateEnvironment,
  style: demonstrators.Style,
  attempts: int,
) -> Measurement:
  """Records attempts with the seeds from 0 on and summarizes them.

  Args:
    environment: block-stacking environment that observes 'body'.
    style: style of motion of the demonstrator.
    attempts: number of episodes that are attempted.

  Raises:
    ValueError: if no attempt stacks.
  """
  recorded = (
    recording.record_episode(environment, style, seed)
    for seed in range(attempts)
  )
  return summarize([d for d in recorded if d is not None], attempts)


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    description='Measures the scripted demonstrators.'
  )
  parser.add_argument(
    '--styles',
    nargs='+',
    default=list(demonstrators.STYLES),
    choices=list(demonstrators.STYLES),
    help='Names of the scripted demonstrators to measure.',
  )
  parser.add_argument(
    '--attempts',
    type=int,
    default=100,
    help='Number of attempts for each row, with the seeds from 0 on.',
  )
  parser.add_argument(
    '--physics-timesteps',
    type=float,
    nargs='+',
    default=[block_stacking.PHYSICS_TIMESTEP],
    help='Time steps of the physics to measure with, in seconds.',
  )
  return parser


def main(argv: Optional[Sequence[str]] = None) -> None:
  """Measures and prints the table.

  Args:
    argv: arguments of the command line; those of this process by default.
  """
  options = _parser().parse_args(argv)
  print('| style | physics (ms) | attempts | stacked | return | std | ', end='')
  print('stacked after | steps | hand speed (m/s) |')
  print('|---' * 9 + '|')
  for timestep in options.physics_timesteps:
    environment = block_stacking.load(('body',), physics_timestep=timestep)
    for name in options.styles:
      row = measure(environment, demonstrators.STYLES[name], options.attempts)
      print(
        f'| {name} | {1e3 * timestep:g} | {row.attempts} | {row.stacked:.0%} | '
        f'{row.mean_return:.0f} | {row.std_return:.0f} | '
        f'{row.steps_to_stack:.0f} | {row.length:.0f} | {row.hand_speed:.2f} |',
        flush=True,
      )
    environment.close()


if __name__ == '__main__':
  main()
