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

"""One half in one process: an actor that acts and learns, and an evaluator."""

import copy
from typing import Callable, NamedTuple, Optional

from acme import core
from acme import specs
from acme import types
from acme.agents import agent
from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.utils import counting
from acme.utils import loggers
import reverb
import sonnet as snt
import tree

from acme_metamimic import builder as builder_lib
from acme_metamimic import config as config_lib
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import exploration
from acme_metamimic.d4pg import learning
from acme_metamimic.replay import tables
from acme_metamimic.tf import counters


class Parts(NamedTuple):
  """The methods of a builder that make one half; see `D4PGBuilder`'s."""

  make_dataset_iterator: Callable
  make_learner: Callable
  make_adder: Callable
  make_actor: Callable


def imitation_parts(builder: builder_lib.MetaMimicBuilder) -> Parts:
  """Returns the methods that make the imitation half."""
  return Parts(
    builder.make_imitation_dataset_iterator,
    builder.make_imitation_learner,
    builder.make_imitation_adder,
    builder.make_imitation_actor,
  )


def task_parts(builder: builder_lib.MetaMimicBuilder) -> Parts:
  """Returns the methods that make the task half."""
  return Parts(
    builder.make_task_dataset_iterator,
    builder.make_task_learner,
    builder.make_task_adder,
    builder.make_task_actor,
  )


class Half(NamedTuple):
  """What one half is made of; `policy` is its evaluator's."""

  agent: agent.Agent
  learner: learning.D4PGLearner
  policy: snt.Module
  evaluator: core.Actor


def make_half(
  parts: Parts,
  config: config_lib.D4PGConfig,
  spec: specs.EnvironmentSpec,
  networks: acme_d4pg.D4PGNetworks,
  client: reverb.Client,
  *,
  label: str,
  logger: loggers.Logger,
  observations: Optional[types.NestedSpec] = None,
  counter: Optional[counting.Counter] = None,
  checkpoint_directory: Optional[str] = None,
) -> Half:
  """Makes a half whose tables are on a server.

  Args:
    parts: the half's methods of its builder.
    config: of the half.
    spec: what its learner sees.
    networks: online networks, without variables.
    client: of the server that holds its tables.
    label: of the learner, the prefix of its counts.
    logger: the learner's.
    observations: what its actors see; what the learner does by default.
    counter: counts its updates, as `<label>_steps`.
    checkpoint_directory: folder of the run, or None.

  Returns:
    The half, with all TensorFlow functions traced.

  Raises:
    ValueError: if a rate limiter would block the thread that must insert.
  """
  _check_no_limiter(config)
  # Before `networks` has variables, so as not to copy any.
  pair = _make_pair(networks, spec)
  learner = parts.make_learner(
    pair,
    parts.make_dataset_iterator(client),
    replay_client=client,
    counter=counters.ResumingCounter(counter, label),
    logger=logger,
    checkpoint_directory=checkpoint_directory,
  )
  actor = parts.make_actor(
    exploration.make_policy(networks, spec, config), parts.make_adder(client)
  )
  policy = _evaluation_policy(learner, networks, spec)
  evaluator = parts.make_actor(policy)
  _trace(observations or spec.observations, learner, actor, evaluator)
  return Half(
    _HalfAgent(config, actor, learner, client), learner, policy, evaluator
  )


def support(config: config_lib.D4PGConfig) -> dict:
  """Returns the arguments of a half's networks that its config decides."""
  return {
    'vmin': config.vmin,
    'vmax': config.vmax,
    'num_atoms': config.num_atoms,
  }


def _make_pair(
  online: acme_d4pg.D4PGNetworks, spec: specs.EnvironmentSpec
) -> d4pg_builder.NetworkPair:
  """Returns online and target networks, with variables."""
  target = copy.deepcopy(online)
  online.init(spec)
  target.init(spec)
  return online, target


def _evaluation_policy(
  learner: core.Learner,
  networks: acme_d4pg.D4PGNetworks,
  spec: specs.EnvironmentSpec,
) -> snt.Module:
  """Returns the policy without noise, averaged if the learner does so."""
  if isinstance(learner, learning.D4PGLearner):
    return learner.evaluation_policy
  return networks.make_policy(spec)


def _trace(
  observations: types.NestedSpec, learner: core.Learner, *actors: core.Actor
) -> None:
  """Traces a half's TensorFlow functions, lest two threads do so at once."""
  observation = tree.map_structure(lambda s: s.generate_value(), observations)
  for actor in actors:
    actor.select_action(observation)
  if isinstance(learner, learning.D4PGLearner):
    learner.trace()


class _HalfAgent(agent.Agent):
  """Acme's agent, keeping `updates_per_observation`, that waits for its table.

  Acme's counts observations. Some of their items are still under way, and a
  learner that waits for those in the thread that acts would wait for ever.
  """

  def __init__(
    self,
    config: config_lib.D4PGConfig,
    actor: core.Actor,
    learner: core.Learner,
    client: reverb.Client,
  ):
    super().__init__(
      actor,
      learner,
      min_observations=max(config.batch_size, config.min_replay_size),
      observations_per_step=_truncatable(config.observations_per_step),
    )
    self._client = client
    self._table = config.replay_table_name
    self._has_data = False

  def update(self) -> None:
    """Runs the learner if it is time to, and if it has data."""
    if not self._has_data:
      if self._num_observations < self._min_observations:
        return
      self._has_data = tables.has_items(
        [self._client], self._table, self._min_observations
      )
    if self._has_data:
      super().update()


def _truncatable(observations_per_step: float) -> float:
  """Returns a ratio whose rounding error survives Acme's truncation to int."""
  if observations_per_step >= 1.0:
    return round(observations_per_step)
  return observations_per_step * (1.0 - 1e-6)


def _check_no_limiter(config: config_lib.D4PGConfig) -> None:
  """Raises if a limiter would block the thread that must insert."""
  if config.samples_per_insert is not None:
    raise ValueError(
      f'samples_per_insert={config.samples_per_insert} of table '
      f'{config.replay_table_name!r}: in one process a rate limiter blocks '
      'acting and learning alike; leave it at None and set '
      'updates_per_observation.'
    )
