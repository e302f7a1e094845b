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

"""MetaMimic as a Launchpad program."""

import contextlib
import functools
import os
from typing import Any, Callable, List, Optional, Sequence

import acme
from acme import specs
from acme.utils import counting
from acme.utils import loggers
import dm_env
import launchpad as lp
import reverb
import sonnet as snt

from acme_metamimic import builder as builder_lib
from acme_metamimic import config as config_lib
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.program import batched_loop
from acme_metamimic.program import config as program_config_lib
from acme_metamimic.program import connections
from acme_metamimic.program import half as program_half
from acme_metamimic.program import nodes
from acme_metamimic.program import observers
from acme_metamimic.program import replay_node
from acme_metamimic.program import variables
from acme_metamimic.replay import footprint
from acme_metamimic.replay import sharding
from acme_metamimic.replay import tables
from acme_metamimic.tf import learners
from acme_metamimic.tf import snapshots
from acme_metamimic.tf import terminal

ACTOR, TRAINING, VALIDATION = 'actor', 'training', 'validation'
# What each half is evaluated on, a node for each, in this order.
EVALUATED = {
  specs_lib.IMITATION: (TRAINING, VALIDATION),
  specs_lib.TASK: (VALIDATION,),
}

# From what an environment is for, one of the three above, and a seed.
EnvironmentFactory = Callable[[str, int], dm_env.Environment]
# From a label such as `imitation_actor/3`.
LoggerFactory = Callable[[str], loggers.Logger]


class DistributedMetaMimic:
  """Program definition for MetaMimic, in the form of Acme's DistributedD4PG."""

  def __init__(
    self,
    imitation_environment_factory: EnvironmentFactory,
    task_environment_factory: EnvironmentFactory,
    network_factory: program_half.NetworkFactory,
    config: Optional[config_lib.MetaMimicConfig] = None,
    program_config: Optional[program_config_lib.ProgramConfig] = None,
    environment_spec: Optional[specs.EnvironmentSpec] = None,
    builder: Optional[builder_lib.MetaMimicBuilder] = None,
    logger_factory: Optional[LoggerFactory] = None,
    checkpoint_directory: Optional[str] = None,
  ):
    """Initializes the definition; what is given must pickle.

    Args:
      imitation_environment_factory: makes the environments of Algorithm 1, for
        actors and for evaluators on training and validation demonstrations.
      task_environment_factory: makes the environments of Algorithm 3, for
        actors, and with 'validation' for the evaluator.
      network_factory: makes the networks of both halves from the imitation
        environment's spec.
      config: configuration of the agent, with the number of actors; by default
        the builder's if there is one shard, or Table 1.
      program_config: configuration of the nodes.
      environment_spec: spec of the imitation environment; that of one that is
        made for it by default.
      builder: builder of the parts; D4PG for both halves by default. Its config
        has a shard's share of the capacities, see `program.config.share`.
      logger_factory: makes each node's logger. By default all log to the
        terminal.
      checkpoint_directory: folder of the run, which every learner, counter and
        replay resumes from and saves to, and which gets both policies in
        `policies` when the program stops. None for neither.

    Raises:
      ValueError: if the spec does not fit, or the builder has another config,
        with the remedy.
    """
    self._program = program_config or program_config_lib.ProgramConfig()
    num_shards = self._program.num_replay_shards
    if config is None and builder is not None and num_shards == 1:
      config = builder.config
    self._config = config or config_lib.MetaMimicConfig()
    self._environment_factories = {
      specs_lib.IMITATION: imitation_environment_factory,
      specs_lib.TASK: task_environment_factory,
    }
    self._spec = environment_spec or acme.make_environment_spec(
      imitation_environment_factory(ACTOR, self._program.seed)
    )
    specs_lib.validate_imitation_spec(self._spec)
    _check_shards(self._config, num_shards)
    share = program_config_lib.share(self._config, num_shards)
    self._builder = builder or builder_lib.MetaMimicBuilder(share)
    d4pg_config.check_same(share, self._builder.config)
    self._halves = {
      name: program_half.ProgramHalf(
        name, self._builder, self._config, self._spec, network_factory
      )
      for name in specs_lib.STREAMS
    }
    self._logger_factory = logger_factory or terminal.make_logger
    self._checkpoint_directory = checkpoint_directory

  def replay(self) -> List[reverb.Table]:
    """Both tables of one shard."""
    footprint.report(self._builder.expected_bytes(self._spec))
    return self._builder.make_replay_tables(self._spec)

  def counter(self) -> nodes.CounterNode:
    """The parent of all counters."""
    return nodes.CounterNode(
      counting.Counter(),
      checkpoint_directory=self._checkpoint_directory,
      # No older than the replay that it is resumed with.
      checkpoint_period_minutes=min(
        1.0, self._program.replay_checkpoint_period_minutes
      ),
      logger=self._logger_factory('counter'),
    )

  def coordinator(self, counter: counting.Counter) -> nodes.LimiterNode:
    """Stops the program when a limit of `program_config` is reached."""
    return nodes.LimiterNode(
      connections.PatientClient(counter), self._program.limits
    )

  def learner(
    self, half: str, replay: Sequence[reverb.Client], counter: counting.Counter
  ) -> nodes.LearnerNode:
    """The learner of Algorithm 2 or 4."""
    own, label = self._halves[half], f'{half}_learner'
    client: Any = (
      replay[0] if len(replay) == 1 else sharding.ShardedClient(replay)
    )
    networks = own.make_networks()
    evaluated = own.make_evaluated(networks)
    connections.wait_until_listening(*replay)
    # Waits for the replay, which must not wait for the lock.
    dataset = own.builder.make_dataset_iterator(client)
    with program_half.TRACING:
      learner = own.builder.make_learner(
        networks,
        dataset,
        replay_client=client,
        counter=counting.Counter(connections.PatientClient(counter), label),
        logger=self._logger_factory(label),
        checkpoint_directory=self._checkpoint_directory,
        checkpoint_name=label,
      )
      is_traced = learners.trace(learner)
    config = own.config
    return nodes.LearnerNode(
      learner,
      own.served,
      has_data=functools.partial(
        tables.has_items,
        replay,
        config.replay_table_name,
        -(-max(config.batch_size, config.min_replay_size) // len(replay)),
      ),
      half_precision=self._program.half_precision,
      first_step=contextlib.nullcontext()
      if is_traced
      else program_half.TRACING,
      export=self._make_export(
        half, learners.evaluation_policy(learner) or evaluated
      ),
    )

  def cacher(
    self, half: str, index: int, source: Any
  ) -> variables.VariableCache:
    """A copy of a learner's policy, for the actors of a host."""
    connections.wait_until_listening(source)
    return variables.VariableCache(
      connections.PatientClient(source),
      self._halves[half].served,
      half_precision=self._program.half_precision,
      logger=self._logger_factory(f'{half}_cacher/{index}'),
    )

  def actor(
    self,
    half: str,
    index: int,
    replay: reverb.Client,
    source: Any,
    counter: counting.Counter,
  ) -> nodes.ActorNode:
    """An actor of Algorithm 1 or 3, in one or several environments."""
    number = self._program.environments_per_actor
    environments = [
      self._environment_factories[half](
        ACTOR, self._environment_seed(half, index * number + i)
      )
      for i in range(number)
    ]
    own = self._halves[half]
    remote = variables.RemoteVariables(connections.PatientClient(source))
    policy = own.make_policy()
    connections.wait_until_listening(replay, source)
    adders = [own.builder.make_adder(replay) for _ in environments]
    counter = counting.Counter(
      connections.PatientClient(counter), f'{half}_actor'
    )
    logger = self._logger_factory(f'{half}_actor/{index}')
    if number == 1:
      actor = own.builder.make_actor(policy, adders[0], remote)
      own.trace(actor)
      return nodes.ActorNode(
        acme.EnvironmentLoop(
          environments[0],
          actor,
          counter,
          logger,
          observers=(observers.DivergenceObserver(),),
        )
      )
    loop = batched_loop.BatchedEnvironmentLoop(
      environments,
      own.builder.on_environment(policy),
      adders,
      variable_client=program_half.make_variable_client(
        remote, policy, own.config.variable_update_period
      ),
      counter=counter,
      logger=logger,
    )
    with program_half.TRACING:
      loop.select_actions([own.observation] * number)
    return nodes.ActorNode(loop)

  def evaluator(
    self,
    half: str,
    split: str,
    source: Any,
    counter: counting.Counter,
  ) -> nodes.EvaluatorNode:
    """The policy without noise, on one set of demonstrations."""
    label = f'{half}_evaluator/{split}'
    own = self._halves[half]
    policy = own.make_policy(evaluation=True)
    connections.wait_until_listening(source)
    actor = own.builder.make_actor(policy)
    own.trace(actor)
    logger = self._logger_factory(label)
    return nodes.EvaluatorNode(
      acme.EnvironmentLoop(
        self._environment_factories[half](split, self._program.seed),
        actor,
        counting.Counter(
          connections.PatientClient(counter), f'{half}_{split}_evaluator'
        ),
        logger,
      ),
      program_half.make_variable_client(
        variables.RemoteVariables(connections.PatientClient(source)),
        policy,
        name=own.served[-1],
      ),
      logger,
      num_episodes=self._program.evaluation_episodes,
      period_seconds=self._program.evaluation_period_seconds,
    )

  def build(self, name: str = 'metamimic') -> lp.Program:
    """Builds the program."""
    program = lp.Program(name=name)
    with program.group('replay'):
      replay = [
        program.add_node(self._replay_node(index))
        for index in range(self._program.num_replay_shards)
      ]
    with program.group('counter'):
      counter = program.add_node(lp.CourierNode(self.counter))
    if self._program.limits:
      with program.group('coordinator'):
        program.add_node(lp.CourierNode(self.coordinator, counter))

    sources = {}
    for half in specs_lib.STREAMS:
      with program.group(f'{half}_learner'):
        learner = lp.CourierNode(self.learner, half, replay, counter)
        sources[half] = [program.add_node(learner)]
    if self._program.num_caches:
      with program.group('cacher'):
        sources = {
          half: [
            program.add_node(lp.CourierNode(self.cacher, half, index, learner))
            for index in range(self._program.num_caches)
          ]
          for half, (learner,) in sources.items()
        }
    self._add_actors(program, replay, counter, sources)
    self._add_evaluators(program, counter, sources)
    return program

  def _add_actors(
    self, program: lp.Program, replay: Any, counter: Any, sources: Any
  ) -> None:
    """Adds actors, which take shards and sources in turn."""
    for half, count in (
      (specs_lib.IMITATION, self._config.num_imitation_actors),
      (specs_lib.TASK, self._config.num_task_actors),
    ):
      with program.group(f'{half}_actor'):
        for index in range(count):
          shard = replay[index % len(replay)]
          source = sources[half][index % len(sources[half])]
          program.add_node(
            lp.CourierNode(self.actor, half, index, shard, source, counter)
          )

  def _add_evaluators(
    self, program: lp.Program, counter: Any, sources: Any
  ) -> None:
    for half, splits in EVALUATED.items():
      with program.group(f'{half}_evaluator'):
        for split in splits:
          program.add_node(
            lp.CourierNode(
              self.evaluator, half, split, sources[half][0], counter
            )
          )

  def _replay_node(self, index: int) -> replay_node.ReplayNode:
    directory = None
    if self._checkpoint_directory is not None:
      directory = os.path.join(
        self._checkpoint_directory, 'checkpoints', f'replay_{index}'
      )
    return replay_node.ReplayNode(
      self.replay,
      checkpoint_directory=directory,
      checkpoint_period_minutes=self._program.replay_checkpoint_period_minutes,
      logger_fn=functools.partial(self._logger_factory, f'replay/{index}'),
    )

  def _make_export(self, half: str, policy: snt.Module) -> Callable[[], object]:
    """Returns what writes a policy to where a run in one process does."""
    if self._checkpoint_directory is None:
      return lambda: None
    path = snapshots.policy_path(self._checkpoint_directory, half)
    # Now, as the time is short when the program stops.
    with program_half.TRACING:
      snapshot = snapshots.PolicySnapshot(policy)
    return lambda: snapshot.write(path)

  def _environment_seed(self, half: str, index: int) -> int:
    # Halves take numbers in turn, past those of the evaluators.
    halves = specs_lib.STREAMS
    return self._program.seed + 1 + index * len(halves) + halves.index(half)


def _check_shards(config: config_lib.MetaMimicConfig, num_shards: int) -> None:
  """Raises if a shard would get no data, or its size would have to be known."""
  if num_shards > config.num_imitation_actors:
    raise ValueError(
      f'num_replay_shards={num_shards} leaves shards without data, as there are '
      f'num_imitation_actors={config.num_imitation_actors}: have at least as '
      'many actors as shards.'
    )
  for half in (config.imitation, config.task):
    if num_shards > 1 and half.remover == d4pg_config.PROPORTIONAL:
      raise ValueError(
        f'remover={half.remover!r} of table {half.replay_table_name!r} needs '
        f'one replay, not num_replay_shards={num_shards}: use '
        f"'{d4pg_config.MIN_HEAP}', or one shard."
      )
