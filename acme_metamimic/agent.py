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

from typing import Callable, Optional

from acme import core
from acme import specs
from acme import types
from acme.agents import agent
from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.utils import counting
from acme.utils import loggers

from acme_metamimic import builder as builder_lib
from acme_metamimic import config as config_lib
from acme_metamimic import networks as networks_lib
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.d4pg import half as half_lib
from acme_metamimic.d4pg import halves
from acme_metamimic.replay import answers
from acme_metamimic.tf import terminal

LoggerFactory = Callable[[str], loggers.Logger]

_IMITATION_LEARNER = 'imitation_learner'
_TASK_LEARNER = 'task_learner'


class MetaMimic(halves.Halves):
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
    d4pg_config.check_same(config, builder.config)
    self._config = builder.config
    super().__init__(
      builder,
      environment_spec,
      checkpoint_directory=checkpoint_directory,
      keeps_replay=keeps_replay,
      learns_beside_acting=learns_beside_acting,
    )
    logger_factory = logger_factory or terminal.make_logger
    self._add(
      specs_lib.IMITATION,
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
      counter=counter,
    )
    self._add(
      specs_lib.TASK,
      builder.task,
      specs_lib.task_spec(environment_spec),
      task_networks
      or networks_lib.make_task_networks(
        environment_spec, **half_lib.support(self._config.task)
      ),
      label=_TASK_LEARNER,
      logger=logger_factory(_TASK_LEARNER),
      counter=counter,
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
  def imitation_learner(self) -> core.Learner:
    """The learner of Algorithm 2."""
    return self._halves[specs_lib.IMITATION].learner

  @property
  def imitation_evaluator(self) -> core.Actor:
    """Acts by the current imitation policy; adds no noise, records nothing."""
    return self._halves[specs_lib.IMITATION].evaluator

  def imitation_policy(
    self, observation: types.NestedArray
  ) -> types.NestedArray:
    """Returns pi(o_t, g_t) without noise, for one observation with `goal`."""
    return self._halves[specs_lib.IMITATION].evaluator.select_action(
      observation
    )

  def drop_task_items(self) -> None:
    """Empties the task table, for one that is to be filled by a better policy."""
    answers.reset(self._client, self._config.task.replay_table_name)
