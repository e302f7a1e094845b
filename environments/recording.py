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

"""Records scripted demonstrators: only episodes that stack are kept."""

from typing import Callable, NamedTuple, Optional

import numpy as np

from environments import demonstrations
from environments import demonstrators
from environments import rewards
from environments import state_environment

# An attempt for each kept episode, this many times over, before giving up.
_MAX_ATTEMPTS_PER_EPISODE = 5


class Recording(NamedTuple):
  """Demonstrations, and how many attempts they took."""

  demonstrations: list[demonstrations.Demonstration]
  num_attempts: int

  @property
  def num_discarded(self) -> int:
    """Episodes that did not stack."""
    return self.num_attempts - len(self.demonstrations)


def record_episode(
  environment: state_environment.StateEnvironment,
  style: demonstrators.Style,
  seed: int,
) -> Optional[demonstrations.Demonstration]:
  """Records one episode.

  Args:
    environment: what is observed is recorded.
    style: how the demonstrator moves.
    seed: of the initial poses and of the demonstrator; the same seed gives the
      same episode.

  Returns:
    The demonstration, or None if the blocks were not stacked at its end.
  """
  environment.random_state.seed(seed)
  demonstrator = demonstrators.ScriptedDemonstrator(style, seed)
  timestep = environment.reset()
  demonstrator.reset(environment)
  frames, states = [timestep.observation], [environment.get_state()]
  actions, task_rewards = [], []
  while not timestep.last():
    action = demonstrator.act()
    if demonstrator.done:
      break
    timestep = environment.step(action)
    actions.append(action)
    task_rewards.append(timestep.reward)
    frames.append(timestep.observation)
    states.append(environment.get_state())
  if not task_rewards or task_rewards[-1] != rewards.STACKED:
    return None
  return demonstrations.Demonstration(
    observations={key: np.stack([f[key] for f in frames]) for key in frames[0]},
    states=np.stack(states),
    actions=np.stack(actions),
    rewards=np.array(task_rewards, np.float32),
    demonstrator=style.name,
    seed=seed,
  )


def record(
  environment: state_environment.StateEnvironment,
  style: demonstrators.Style,
  num_episodes: int,
  seed: int,
  on_episode: Callable[
    [demonstrations.Demonstration], object
  ] = lambda demonstration: None,
) -> Recording:
  """Records episodes until enough of them stack.

  Args:
    environment: what is observed is recorded.
    style: how the demonstrator moves.
    num_episodes: that are kept.
    seed: of the first attempt; the next one has the next seed.
    on_episode: is called with each kept episode.

  Returns:
    The demonstrations and the number of attempts.

  Raises:
    RuntimeError: if hardly any attempt stacks.
  """
  kept: list[demonstrations.Demonstration] = []
  attempts = 0
  while len(kept) < num_episodes:
    if attempts >= _MAX_ATTEMPTS_PER_EPISODE * num_episodes:
      raise RuntimeError(
        f'Demonstrator {style.name!r} stacked {len(kept)} of {attempts} times; '
        'check the block size and the episode length.'
      )
    demonstration = record_episode(environment, style, seed + attempts)
    attempts += 1
    if demonstration is not None:
      kept.append(demonstration)
      on_episode(demonstration)
  return Recording(kept, attempts)
