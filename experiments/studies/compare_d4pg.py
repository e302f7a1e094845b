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
"""Compares this package's D4PG, without a goal, with Acme's on a control task.

  python -m experiments.studies.compare_d4pg --domain=cartpole --task=swingup

Both have the same networks and settings, act from state, and make one update for
each environment step. They are trained one after the other; the curves of the
policies without noise are written to a CSV file and a picture.
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
from experiments import command_line
from experiments import paths

_DOMAIN = flags.DEFINE_string(
  'domain', 'cartpole', "Name of the domain in dm_control's suite."
)
_TASK = flags.DEFINE_string(
  'task', 'swingup', 'Name of the task in the domain.'
)
_STEPS = flags.DEFINE_integer(
  'budget_steps', 60_000, 'Number of environment steps that each agent trains.'
)
_PERIOD = flags.DEFINE_integer(
  'evaluation_steps',
  5_000,
  'Number of environment steps from one evaluation to the next.',
)
_EPISODES = flags.DEFINE_integer(
  'evaluation_episodes', 5, 'Number of episodes in an evaluation.'
)
_SEED = flags.DEFINE_integer(
  'agent_seed', 0, 'Seed of networks, noise and initial states.'
)
_FOLDER = paths.define(
  'curve_folder', 'runs/compare_d4pg', 'Path of the folder for the curves.'
)

OURS, ACMES = 'ours', 'Acme'
COLUMNS = ('agent', 'steps', 'return')


class Point(NamedTuple):
  """A point of a learning curve.

  Attributes:
    agent: name of the agent, `OURS` or `ACMES`.
    steps: number of environment steps so far.
    value: mean return of the policy without noise.
  """

  agent: str
  steps: int
  value: float


class Contestant(NamedTuple):
  """An agent that is compared.

  Attributes:
    actor: actor that acts with noise and learns.
    evaluator: actor that acts without noise.
    owner: object that keeps the replay server alive.
  """

  actor: core.Actor
  evaluator: core.Actor
  owner: Any


class _Silent(loggers.Logger):
  def write(self, data: loggers.LoggingData) -> None:
    pass

  def close(self) -> None:
    pass


def make_environment(domain: str, task: str, seed: int) -> dm_env.Environment:
  """Returns a task of dm_control's suite, in float32 with actions in [-1, 1].

  Args:
    domain: name of the domain in the suite.
    task: name of the task in the domain.
    seed: seed of the initial states.
  """
  environment = suite.load(domain, task, {'random': seed})
  environment = wrappers.CanonicalSpecWrapper(environment, clip=True)
  return wrappers.SinglePrecisionWrapper(environment)


def _make_ours(
  spec: specs.EnvironmentSpec,
  networks: acme_agent.D4PGNetworks,
  config: acme_metamimic.D4PGConfig,
) -> Contestant:
  agent = acme_metamimic.D4PG(spec, networks, config, logger=_Silent())
  return Contestant(agent.task, agent.task_evaluator, agent)


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
    # One update for each observation, as in the other agent.
    samples_per_insert=config.batch_size,
    n_step=config.n_step,
    sigma=config.sigma,
    logger=_Silent(),
    checkpoint=False,
  )
  # The agent trains these networks, not copies of them.
  evaluator = actors.FeedForwardActor(networks.make_policy(spec))
  return Contestant(agent, evaluator, agent)


def _adam(learning_rate: float) -> snt.Optimizer:
  return snt.optimizers.Adam(learning_rate)


# Functions that make the agents, by name.
MAKERS: dict[str, Callable[..., Contestant]] = {
  OURS: _make_ours,
  ACMES: _make_acmes,
}


def evaluate(
  environment: dm_env.Environment, actor: core.Actor, num_episodes: int
) -> float:
  """Returns the mean return of some episodes.

  Args:
    environment: environment that is acted in.
    actor: actor without noise.
    num_episodes: number of episodes.
  """
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
    name: name of the agent, `OURS` or `ACMES`.
    domain: name of the domain in dm_control's suite.
    task: name of the task in the domain.
    steps: number of environment steps, rounded up to whole episodes.
    period: number of environment steps from one evaluation to the next, rounded
      up to whole episodes.
    num_episodes: number of episodes in an evaluation.
    seed: seed of networks, noise and initial states.
    **settings: fields of `D4PGConfig`.

  Returns:
    The points of the learning curve.
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
    folder: path of the folder for both files, which is made if it is missing.
    title: title of the picture.
    points: points of all learning curves.
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
  """Trains both agents and writes the curves after each.

  Args:
    argv: name of the program, and arguments that are not flags.

  Raises:
    app.UsageError: if there are arguments that are not flags.
  """
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments {argv[1:]}: see --help.')
  command_line.quiet()
  try:
    os.makedirs(_FOLDER.value, exist_ok=True)
  except OSError as error:
    raise SystemExit(
      f'Error: the folder {_FOLDER.value!r} cannot be made ({error.strerror}); '
      'give another.'
    ) from None
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
