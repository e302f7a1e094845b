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

"""Records scripted demonstrators and keeps the episodes that stack the blocks."""

from typing import Iterator, Optional

from environments import state_environment
from environments.block_stacking import demonstrators
from environments.demonstrations import demonstration as demonstration_lib
from environments.demonstrations import take as take_lib

# Largest number of attempts for each kept episode, before giving up.
_MAX_ATTEMPTS_PER_EPISODE = 5


def record_episode(
  environment: state_environment.StateEnvironment,
  style: demonstrators.Style,
  seed: int,
) -> Optional[demonstration_lib.Demonstration]:
  """Records one episode.

  Args:
    environment: the environment, whose observations are recorded.
    style: style of motion of the demonstrator.
    seed: seed of the initial poses and of the demonstrator; the same seed gives
      the same episode.

  Returns:
    The demonstration, or None if the blocks are not stacked at its end.
  """
  environment.random_state.seed(seed)
  demonstrator = demonstrators.ScriptedDemonstrator(style, seed)
  timestep = environment.reset()
  demonstrator.reset(environment)
  take = take_lib.Take(environment, timestep, seed)
  while not timestep.last():
    action = demonstrator.act()
    if demonstrator.done:
      break
    timestep = take.step(action)
  return take.demonstration(style.name) if take.stacked else None


def record(
  environment: state_environment.StateEnvironment,
  style: demonstrators.Style,
  num_episodes: int,
  seed: int,
) -> Iterator[demonstration_lib.Demonstration]:
  """Yields episodes that stack, each as soon as it is recorded.

  Args:
    environment: the environment, whose observations are recorded.
    style: style of motion of the demonstrator.
    num_episodes: number of episodes that are yielded.
    seed: seed of the first attempt; each further attempt has the next seed, so
      that the seed of the last episode tells how many attempts there were.

  Yields:
    Demonstrations at whose end the blocks are stacked.

  Raises:
    DatasetError: if fewer than one in five attempts stack the blocks.
  """
  stacked = 0
  attempts = 0
  while stacked < num_episodes:
    if attempts >= _MAX_ATTEMPTS_PER_EPISODE * num_episodes:
      raise demonstration_lib.DatasetError(
        f'Demonstrator {style.name!r} stacked {stacked} of {attempts} times; '
        'check the block size and the episode length.'
      )
    demonstration = record_episode(environment, style, seed + attempts)
    attempts += 1
    if demonstration is not None:
      stacked += 1
      yield demonstration
