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

import contextlib
import copy
import gc
from typing import Callable, Dict, Iterator, NamedTuple, Optional

from acme import core
from acme import specs
from acme import types
from acme.agents import agent
from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.utils import counting
from acme.utils import loggers
import numpy as np
import reverb
import sonnet as snt
import tree

from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.d4pg import exploration
from acme_metamimic.replay import tables
from acme_metamimic.tf import background
from acme_metamimic.tf import counters
from acme_metamimic.tf import iterators
from acme_metamimic.tf import learners


class Half(NamedTuple):
  """What one half is made of.

  Attributes:
    agent: acts with noise, records, and updates the learner.
    make_source: makes an actor from a standard deviation of noise: it acts by
      the evaluator's policy and records, and leaves the learner alone.
    learner: learner of the half.
    policy: policy of the evaluator.
    evaluator: acts by the current policy; adds no noise, records nothing.
    data: iterator over the learner's batches.
  """

  agent: 'HalfAgent'
  make_source: Callable[[float], core.Actor]
  learner: core.Learner
  policy: snt.Module
  evaluator: core.Actor
  data: Iterator[reverb.ReplaySample]


def make_half(
  builder: d4pg_builder.D4PGBuilder,
  spec: specs.EnvironmentSpec,
  networks: acme_d4pg.D4PGNetworks,
  client: reverb.Client,
  *,
  label: str,
  logger: loggers.Logger,
  observations: Optional[types.NestedSpec] = None,
  counter: Optional[counting.Counter] = None,
  checkpoint_directory: Optional[str] = None,
  learns_beside_acting: bool = False,
) -> Half:
  """Makes a half whose tables are on a server.

  Args:
    builder: builder of the half.
    spec: spec of the environment as its learner sees it.
    networks: online networks, without variables.
    client: client of the server that holds its tables.
    label: name of the learner: prefix of its counts, folder of its checkpoints.
    logger: receives the learner's metrics.
    observations: spec of what its environment shows; what the learner sees by
      default.
    counter: counts its updates, as `<label>_steps`.
    checkpoint_directory: folder of the run; None for no checkpoints.
    learns_beside_acting: whether the learner has a thread of its own, in place
      of that which acts.

  Returns:
    The half, with all TensorFlow functions traced that can be before a step.

  Raises:
    ValueError: if a rate limiter would block the thread that must insert.
  """
  _check_no_limiter(builder.config)
  # Before `networks` has variables, so as not to copy any.
  pair = make_pair(networks, spec)
  data = builder.make_dataset_iterator(client)
  try:
    learner = builder.make_learner(
      pair,
      data,
      replay_client=client,
      counter=counters.ResumingCounter(counter, label),
      logger=logger,
      checkpoint_directory=checkpoint_directory,
      checkpoint_name=label,
    )
  except BaseException:
    iterators.release(data)
    raise
  actor = builder.make_actor(
    builder.make_policy(networks, spec), builder.make_adder(client)
  )
  policy = learners.evaluation_policy(learner) or builder.make_policy(
    networks, spec, evaluation=True
  )
  evaluator = builder.make_actor(policy)
  shown = observations or spec.observations

  def make_source(sigma: float) -> core.Actor:
    noise = [sigma] * int(np.prod(spec.actions.shape))
    source = builder.make_actor(
      exploration.with_noise(policy, spec.actions, noise),
      builder.make_adder(client),
    )
    _trace(shown, learner, source)
    return source

  _trace(shown, learner, actor, evaluator)
  return Half(
    HalfAgent(
      builder.config,
      actor,
      background.BackgroundLearner(learner)
      if learns_beside_acting
      else learner,
      client,
    ),
    make_source,
    learner,
    policy,
    evaluator,
    data,
  )


def close(halves: Dict[str, Half], server: reverb.Server) -> None:
  """Ends what an agent has running, be it as the interpreter exits.

  Args:
    halves: its halves by name, which are taken out.
    server: its replay server, which is stopped. It waits some seconds for
      writers that loops still hold.

  Raises:
    Exception: what a learner's step in a thread of its own has raised, once all
      has ended.
  """
  with contextlib.ExitStack() as stack:
    stack.callback(_stop, server)
    while halves:
      stack.callback(_end, halves.popitem()[1])


def _end(half: Half) -> None:
  """Ends a learner and lets go of its data, also if its last step has raised."""
  try:
    half.agent.wait()
  finally:
    learners.close(half.learner)
    # What raised may hold the learner until nothing can be cleaned up any more.
    iterators.release(half.data)


def _stop(server: reverb.Server) -> None:
  """Stops a server once nothing of its halves is left."""
  # The server waits for open writers, which close with their adders. What
  # TensorFlow leaves of its tracing may still hold these.
  gc.collect()
  # Stops it and gives its port back, which it would do when it is collected. That
  # may be when the interpreter has taken its modules apart.
  server.__del__()
  vars(server).clear()


def support(config: d4pg_config.D4PGConfig) -> dict:
  """Returns the arguments of a half's networks that its config decides.

  Args:
    config: configuration of the half.
  """
  return {
    'vmin': config.vmin,
    'vmax': config.vmax,
    'num_atoms': config.num_atoms,
    'normalised_critic': config.normalised_critic,
  }


def make_pair(
  online: acme_d4pg.D4PGNetworks, spec: specs.EnvironmentSpec
) -> d4pg_builder.NetworkPair:
  """Makes target networks, and the variables of both.

  Args:
    online: online networks, without variables.
    spec: spec of the environment as the half's learner sees it.

  Returns:
    Online and target networks.
  """
  target = copy.deepcopy(online)
  online.init(spec)
  target.init(spec)
  return online, target


def _trace(
  observations: types.NestedSpec, learner: core.Learner, *actors: core.Actor
) -> None:
  """Traces a half's TensorFlow functions, lest two threads do so at once."""
  observation = tree.map_structure(lambda s: s.generate_value(), observations)
  for actor in actors:
    actor.select_action(observation)
  learners.trace(learner)


class HalfAgent(agent.Agent):
  """Acme's agent, keeping `updates_per_observation`, that waits for its table.

  Acme's counts observations. Some of their items are still under way, and a
  learner that waits for those in the thread that acts would wait for ever.
  """

  def __init__(
    self,
    config: d4pg_config.D4PGConfig,
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

  def wait(self) -> None:
    """Waits for a step of the learner that is under way in its own thread."""
    if isinstance(self._learner, background.BackgroundLearner):
      self._learner.wait()

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


def _check_no_limiter(config: d4pg_config.D4PGConfig) -> None:
  """Raises if a limiter would block the thread that must insert."""
  if config.samples_per_insert is not None:
    raise ValueError(
      f'samples_per_insert={config.samples_per_insert} of table '
      f'{config.replay_table_name!r}: in one process a rate limiter blocks '
      'acting and learning alike; leave it at None and set '
      'updates_per_observation.'
    )
