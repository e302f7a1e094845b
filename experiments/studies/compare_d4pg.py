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
"""Our D4PG, the goal input left out, against Acme's own on a control task.

  python -m experiments.studies.compare_d4pg --domain=cartpole --task=swingup

Both have the same networks and settings, act from state, and make one update a
step. They are trained one after the other; the curves of the policies without
noise are written to a CSV file and a picture.
"""

import csv
import os
from typing import Any, Callable, NamedTuple, Sequence

from absl import app
from absl import flags
import acme
from acme import core
from acme import specs
from acme import wrappers
from acme.agents.tf import actors
from acme.agents.tf import d4pg as acme_d4pg
from acme.agents.tf.d4pg import agent as acme_agent
from acme.utils import loggers
from dm_control import suite
import dm_env
from matplotlib import figure
import numpy as np
import sonnet as snt
import tensorflow as tf

import acme_metamimic

_DOMAIN = flags.DEFINE_string('domain', 'cartpole', "The suite's domain.")
_TASK = flags.DEFINE_string('task', 'swingup', 'Its task.')
_STEPS = flags.DEFINE_integer(
  'budget_steps', 60_000, 'Environment steps of each.'
)
_PERIOD = flags.DEFINE_integer(
  'evaluation_steps', 5_000, 'Steps between evaluations.'
)
_EPISODES = flags.DEFINE_integer(
  'evaluation_episodes', 5, 'Episodes in an evaluation.'
)
_SEED = flags.DEFINE_integer('agent_seed', 0, 'Of networks, noise and starts.')
_FOLDER = flags.DEFINE_string(
  'curve_folder', 'runs/compare_d4pg', 'For the results.'
)

OURS, ACMES = 'ours', 'Acme'
COLUMNS = ('agent', 'steps', 'return')


class Point(NamedTuple):
  """A point of a curve."""

  agent: str
  steps: int
  value: float


class Contestant(NamedTuple):
  """Acts and learns, acts without noise, and holds the replay server."""

  actor: core.Actor
  evaluator: core.Actor
  owner: Any


class _Silent(loggers.Logger):
  def write(self, data: loggers.LoggingData) -> None:
    pass

  def close(self) -> None:
    pass


def make_environment(domain: str, task: str, seed: int) -> dm_env.Environment:
  """Returns a task of the suite, with float32 and actions in [-1, 1]."""
  environment = suite.load(domain, task, {'random': seed})
  environment = wrappers.CanonicalSpecWrapper(environment, clip=True)
  return wrappers.SinglePrecisionWrapper(environment)


def _make_ours(
  spec: specs.EnvironmentSpec,
  networks: acme_agent.D4PGNetworks,
  config: acme_metamimic.D4PGConfig,
) -> Contestant:
  agent = acme_metamimic.D4PG(spec, networks, config, logger=_Silent())
  return Contestant(agent.agent, agent.evaluator, agent)


def _make_acmes(
  spec: specs.EnvironmentSpec,
  networks: acme_agent.D4PGNetworks,
  config: acme_metamimic.D4PGConfig,
) -> Contestant:
  agent = acme_d4pg.D4PG(
    environment_spec=spec,
    policy_network=networks.policy_network,
    critic_network=networks.critic_network,
    observation_network=networks.observation_network,
    discount=config.discount,
    batch_size=config.batch_size,
    target_update_period=config.target_update_period,
    policy_optimizer=_adam(config.policy_learning_rate),
    critic_optimizer=_adam(config.critic_learning_rate),
    min_replay_size=config.min_replay_size,
    max_replay_size=config.max_replay_size,
    # One update an observation, as ours.
    samples_per_insert=config.batch_size,
    n_step=config.n_step,
    sigma=config.sigma,
    logger=_Silent(),
    checkpoint=False,
  )
  # The agent trains these very networks.
  evaluator = actors.FeedForwardActor(networks.make_policy(spec))
  return Contestant(agent, evaluator, agent)


def _adam(learning_rate: float) -> snt.Optimizer:
  return snt.optimizers.Adam(learning_rate)


MAKERS: dict[str, Callable[..., Contestant]] = {
  OURS: _make_ours,
  ACMES: _make_acmes,
}


def evaluate(
  environment: dm_env.Environment, actor: core.Actor, num_episodes: int
) -> float:
  """Returns the mean return of a policy without noise."""
  loop = acme.EnvironmentLoop(environment, actor, logger=_Silent())
  returns = [loop.run_episode()['episode_return'] for _ in range(num_episodes)]
  return float(np.mean(returns))


def train(
  name: str,
  domain: str,
  task: str,
  *,
  steps: int,
  period: int,
  num_episodes: int,
  seed: int,
  **settings: Any,
) -> list[Point]:
  """Trains an agent.

  Args:
    name: `ours` or `Acme`.
    domain: of the suite.
    task: of the domain.
    steps: of the environment, rounded up to whole episodes.
    period: steps between two evaluations, likewise.
    num_episodes: in an evaluation.
    seed: of networks, noise and starts.
    **settings: of `D4PGConfig`.

  Returns:
    The curve.
  """
  tf.random.set_seed(seed)
  environment = make_environment(domain, task, seed)
  test_environment = make_environment(domain, task, seed + 1)
  spec = acme.make_environment_spec(environment)
  config = acme_metamimic.D4PGConfig(**settings)
  networks = acme_metamimic.make_task_networks(
    spec, vmin=config.vmin, vmax=config.vmax, num_atoms=config.num_atoms
  )
  contestant = MAKERS[name](spec, networks, config)
  loop = acme.EnvironmentLoop(environment, contestant.actor, logger=_Silent())
  points: list[Point] = []
  done = 0
  while True:
    if done >= len(points) * period or done >= steps:
      value = evaluate(test_environment, contestant.evaluator, num_episodes)
      points.append(Point(name, done, value))
      print(f'{name:5} {done:8d} steps: return {value:.1f}', flush=True)
    if done >= steps:
      return points
    done += int(loop.run_episode()['episode_length'])


def write(folder: str, title: str, points: Sequence[Point]) -> None:
  """Writes `curves.csv` and `curves.png`.

  Args:
    folder: for both; made if it is not there.
    title: of the picture.
    points: of all curves.
  """
  os.makedirs(folder, exist_ok=True)
  with open(os.path.join(folder, 'curves.csv'), 'w', newline='') as file:
    csv.writer(file).writerows([COLUMNS, *points])
  picture = figure.Figure(figsize=(6, 4))
  axes = picture.subplots()
  for name in MAKERS:
    curve = [(p.steps, p.value) for p in points if p.agent == name]
    if curve:
      axes.plot(*np.transpose(curve), label=name)
  axes.set(title=title, xlabel='environment steps', ylabel='return, no noise')
  axes.legend()
  picture.savefig(os.path.join(folder, 'curves.png'), dpi=120)


def main(argv: Sequence[str]) -> None:
  """Trains both and writes the curves after each.

  Args:
    argv: what is left of the command line.

  Raises:
    app.UsageError: if there is something left.
  """
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments {argv[1:]}: see --help.')
  points: list[Point] = []
  for name in MAKERS:
    points += train(
      name,
      _DOMAIN.value,
      _TASK.value,
      steps=_STEPS.value,
      period=_PERIOD.value,
      num_episodes=_EPISODES.value,
      seed=_SEED.value,
    )
    write(_FOLDER.value, f'{_DOMAIN.value} {_TASK.value}', points)


if __name__ == '__main__':
  app.run(main)
