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

"""MetaMimic in one process."""

import contextlib
import functools
import os
from typing import Callable, Dict, Mapping, Optional
import weakref

from acme import core
from acme import specs
from acme import types
from acme.agents import agent
from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.utils import counting
from acme.utils import loggers
import reverb
import sonnet as snt

from acme_metamimic import builder as builder_lib
from acme_metamimic import config as config_lib
from acme_metamimic import networks as networks_lib
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import half as half_lib
from acme_metamimic.replay import answers
from acme_metamimic.replay import footprint
from acme_metamimic.replay import saving
from acme_metamimic.tf import learners
from acme_metamimic.tf import snapshots
from acme_metamimic.tf import terminal

LoggerFactory = Callable[[str], loggers.Logger]

_IMITATION_LEARNER = 'imitation_learner'
_TASK_LEARNER = 'task_learner'


class MetaMimic(contextlib.AbstractContextManager):
  """Two D4PG agents that learn side by side from one memory.

  The imitation half acts in an imitation environment (Algorithm 1) and feeds
  both tables; the task half acts in the task environment (Algorithm 3) and
  feeds its own. Each learns from its own table (Algorithms 2 and 4). The halves
  share nothing but the replay server, so that each can be driven by a thread
  and an `acme.EnvironmentLoop` of its own:

    with MetaMimic(acme.make_environment_spec(imitation_environment)) as agent:

      def act(environment, half):
        loop = acme.EnvironmentLoop(environment, half)
        for _ in range(num_episodes):
          loop.run_episode()

      task = threading.Thread(target=act, args=(task_environment, agent.task))
      task.start()
      act(imitation_environment, agent.imitation)
      task.join()

  In a thread it is `run_episode`: a loop's `run` listens to signals, which
  Python allows in the main thread alone ("signal only works in main thread").
  An agent that is still open closes as the interpreter exits.
  """

  def __init__(
    self,
    environment_spec: specs.EnvironmentSpec,
    imitation_networks: Optional[acme_d4pg.D4PGNetworks] = None,
    task_networks: Optional[acme_d4pg.D4PGNetworks] = None,
    config: Optional[config_lib.MetaMimicConfig] = None,
    counter: Optional[counting.Counter] = None,
    logger_factory: Optional[LoggerFactory] = None,
    checkpoint_directory: Optional[str] = None,
    builder: Optional[builder_lib.MetaMimicBuilder] = None,
    keeps_replay: bool = False,
    learns_beside_acting: bool = False,
  ):
    """Initializes the agent and starts its replay server.

    Args:
      environment_spec: spec of the imitation environment. That of the task
        environment is the same without goal and with the task's reward and
        discount alone.
      imitation_networks: pi(o_t, g_t) and its critic; by default those of
        `make_imitation_networks`: MLPs on vectors, the paper's ResNet on images.
      task_networks: pi(o_t) and its critic; by default those of
        `make_task_networks`.
      config: configuration of the agent; the builder's, or Table 1, by default.
      counter: counts both learners' updates, as `imitation_learner_steps` and
        `task_learner_steps`.
      logger_factory: makes a logger from a label, `imitation_learner` or
        `task_learner`. By default both log to the terminal.
      checkpoint_directory: folder of the run: both learners resume from it and
        save to it. None for no checkpoints.
      builder: builder of the parts; D4PG for both halves by default.
      keeps_replay: whether `save` also writes what the tables hold, and the agent
        starts from what was written. It takes about as much room on the disk as
        in memory, and the server stands still meanwhile.
      learns_beside_acting: whether each learner has a thread of its own, so that
        a half acts while it learns. There are as many updates for each
        observation as otherwise; the last ones may still be under way after
        `update`. It is faster where there are more cores than threads that act.

    Raises:
      ValueError: if the spec does not fit, there are a config and a builder of
        another, or the replay has no folder to be kept in, with the remedy.
      NoAnswerError: if its replay server cannot be reached.
    """
    specs_lib.validate_imitation_spec(environment_spec)
    builder = builder or builder_lib.MetaMimicBuilder(config)
    builder_lib.check_same(config, builder.config)
    self._config = builder.config
    self._expected_bytes = builder.expected_bytes(environment_spec)
    footprint.report(self._expected_bytes)
    self._replay_directory = saving.directory(
      checkpoint_directory, keeps_replay
    )
    self._server = saving.start_server(
      builder.make_replay_tables(environment_spec), self._replay_directory
    )
    self._halves: Dict[str, half_lib.Half] = {}
    # By the interpreter's exit at the latest, whatever was raised.
    self._close = weakref.finalize(
      self, half_lib.close, self._halves, self._server
    )
    self._client = reverb.Client(f'localhost:{self._server.port}')
    answers.check_started(self._client)
    make_half = functools.partial(
      half_lib.make_half,
      client=self._client,
      counter=counter,
      checkpoint_directory=checkpoint_directory,
      learns_beside_acting=learns_beside_acting,
    )
    logger_factory = logger_factory or terminal.make_logger
    self._halves[specs_lib.IMITATION] = make_half(
      builder.imitation,
      specs_lib.imitation_spec(environment_spec),
      imitation_networks
      or networks_lib.make_imitation_networks(
        environment_spec, **half_lib.support(self._config.imitation)
      ),
      # With references to the goals, where there are any.
      observations=environment_spec.observations,
      label=_IMITATION_LEARNER,
      logger=logger_factory(_IMITATION_LEARNER),
    )
    self._halves[specs_lib.TASK] = make_half(
      builder.task,
      specs_lib.task_spec(environment_spec),
      task_networks
      or networks_lib.make_task_networks(
        environment_spec, **half_lib.support(self._config.task)
      ),
      label=_TASK_LEARNER,
      logger=logger_factory(_TASK_LEARNER),
    )

  @property
  def imitation(self) -> agent.Agent:
    """Acts with noise, records into both tables, and updates its learner."""
    return self._halves[specs_lib.IMITATION].agent

  def make_imitation_source(self, sigma: float) -> core.Actor:
    """Makes an imitation actor whose experience is for the task half.

    It acts by the policy that is evaluated, which swings less than the one that
    is trained, records into both tables, and updates no learner.

    Args:
      sigma: standard deviation of its noise on each component of the action.
    """
    return self._halves[specs_lib.IMITATION].make_source(sigma)

  @property
  def task(self) -> agent.Agent:
    """Acts with noise, records into the task table, and updates its learner."""
    return self._halves[specs_lib.TASK].agent

  @property
  def imitation_learner(self) -> core.Learner:
    """The learner of Algorithm 2."""
    return self._halves[specs_lib.IMITATION].learner

  @property
  def task_learner(self) -> core.Learner:
    """The learner of Algorithm 4."""
    return self._halves[specs_lib.TASK].learner

  @property
  def imitation_evaluator(self) -> core.Actor:
    """Acts by the current imitation policy; adds no noise, records nothing."""
    return self._halves[specs_lib.IMITATION].evaluator

  @property
  def task_evaluator(self) -> core.Actor:
    """Acts by the current task policy; adds no noise, records nothing."""
    return self._halves[specs_lib.TASK].evaluator

  @property
  def replay_client(self) -> reverb.Client:
    """Client of the server that holds both tables."""
    return self._client

  @property
  def policies(self) -> Mapping[str, snt.Module]:
    """Policies that are evaluated, by half, from batched observations."""
    return {name: half.policy for name, half in self._halves.items()}

  def imitation_policy(
    self, observation: types.NestedArray
  ) -> types.NestedArray:
    """Returns pi(o_t, g_t) without noise, for one observation with `goal`."""
    return self._halves[specs_lib.IMITATION].evaluator.select_action(
      observation
    )

  def task_policy(self, observation: types.NestedArray) -> types.NestedArray:
    """Returns pi(o_t) without noise, for one observation without `goal`."""
    return self._halves[specs_lib.TASK].evaluator.select_action(observation)

  def drop_task_items(self) -> None:
    """Empties the task table, for one that is to be filled by a better policy."""
    answers.reset(self._client, self._config.task.replay_table_name)

  @property
  def expected_bytes(self) -> int:
    """Bytes that the replay takes at most when both tables are full."""
    return self._expected_bytes

  def save(self) -> bool:
    """Writes a checkpoint of each learner, and of the replay if it is kept.

    Returns:
      False if one was not written; see `D4PGLearner.save`.
    """
    saved = [learners.save(half.learner) for half in self._halves.values()]
    if self._replay_directory is not None:
      saved.append(saving.save(self._client, self._replay_directory))
    return all(saved)

  def export(self, directory: str) -> list[str]:
    """Writes both policies, without noise, as SavedModels.

    Args:
      directory: gets `imitation_policy` and `task_policy`; see
        `snapshots.export_policy`.

    Returns:
      Their paths.
    """
    return [
      snapshots.export_policy(
        half.policy, os.path.join(directory, f'{name}_policy')
      )
      for name, half in self._halves.items()
    ]

  def close(self) -> None:
    """Stops the learners' threads and the replay server; the agent is done.

    Loops that still hold a half make the server wait some seconds for it.
    """
    self._close()

  def __exit__(self, *unused_error: object) -> None:
    """Closes the agent."""
    self.close()
