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
"""MetaMimic on an environment of the dm_control suite, with few demonstrations.

  python -m experiments.examples.point_mass

The imitation half follows a controller, the task half finds its own way.
"""

from typing import Any

from absl import app
import acme
from acme import wrappers
from dm_control import suite
import dm_env
import numpy as np

import acme_metamimic as mm
from acme_metamimic.tf import terminal
from environments import demonstrations as demonstrations_lib
from environments import imitation
from environments import rewards


class PointMass(wrappers.EnvironmentWrapper):
  """The suite's environment, which can start at a stored state."""

  def __init__(self, seed: int = 0):
    environment = suite.load('point_mass', 'easy', {'random': seed})
    self._physics = environment.physics
    super().__init__(wrappers.SinglePrecisionWrapper(environment))

  def get_state(self) -> np.ndarray:
    return self._physics.get_state()

  def reset_to(self, state: np.ndarray) -> dm_env.TimeStep:
    timestep = self.reset()
    with self._physics.reset_context():
      self._physics.set_state(state)
    values = np.split(np.asarray(state, 'f4'), 2)
    observation = dict(zip(('position', 'velocity'), values))
    return timestep._replace(observation=observation)


def record(environment: PointMass, steps: int) -> Any:
  """Returns a demonstration of a controller of position and speed."""
  timesteps, states = [environment.reset()], [environment.get_state()]
  actions = []
  for _ in range(steps):
    o = timesteps[-1].observation
    actions.append(np.clip(-60 * o['position'] - 10 * o['velocity'], -1, 1))
    timesteps.append(environment.step(actions[-1]))
    states.append(environment.get_state())
  frames = {k: np.stack([t.observation[k] for t in timesteps]) for k in o}
  earned = np.array([t.reward for t in timesteps[1:]], np.float32)
  return demonstrations_lib.Demonstration(
    frames, np.stack(states), np.stack(actions), earned, 'controller', seed=0
  )


def train(episodes: int, **settings: Any) -> dict[str, float]:
  """Trains both halves; returns what the last episodes earned a step."""
  follow = imitation.ImitationEnvironment(
    PointMass(),
    [record(PointMass(seed), 100) for seed in range(5)],
    reward_terms={'position': rewards.RewardTerm(1.0, 400.0)},
  )
  terminal.quiet_reverb()
  half: Any = {'discount': 0.9, 'vmax': 10.0, 'n_step': 3, **settings}
  agent = mm.MetaMimic(
    acme.make_environment_spec(follow),
    config=mm.MetaMimicConfig(
      mm.D4PGConfig(replay_table_name='imitation', **half),
      mm.D4PGConfig(**half),
    ),
  )
  task = wrappers.StepLimitWrapper(PointMass(seed=1), 100)
  halves = (follow, agent.imitation), (task, agent.task)
  loops = [acme.EnvironmentLoop(*half) for half in halves]
  for _ in range(episodes):
    returns = [loop.run_episode()['episode_return'] for loop in loops]
  agent.close()
  return {'imitation': returns[0]['imitation'] / 100, 'task': returns[1] / 100}


if __name__ == '__main__':
  app.run(lambda _: print(train(episodes=200)))
