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

"""D4PG alone: MetaMimic with the imitation half left out."""

from typing import Optional

from acme import specs
from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.utils import counting
from acme.utils import loggers

from acme_metamimic import networks as networks_lib
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.d4pg import half as half_lib
from acme_metamimic.d4pg import halves
from acme_metamimic.tf import terminal


class D4PG(halves.Halves):
  """A task half with a replay server of its own, in one process.

  With `d4pgfd.builder.D4PGfDBuilder` it is D4PGfD. It closes at the end of a
  `with` statement, or as the interpreter exits.
  """

  def __init__(
    self,
    environment_spec: specs.EnvironmentSpec,
    networks: Optional[acme_d4pg.D4PGNetworks] = None,
    config: Optional[d4pg_config.D4PGConfig] = None,
    *,
    counter: Optional[counting.Counter] = None,
    logger: Optional[loggers.Logger] = None,
    checkpoint_directory: Optional[str] = None,
    builder: Optional[d4pg_builder.D4PGBuilder] = None,
    label: str = 'learner',
    keeps_replay: bool = False,
    learns_beside_acting: bool = False,
  ):
    """Initializes the agent and starts its replay server.

    Args:
      environment_spec: spec of an environment with scalar rewards.
      networks: policy and critic, without variables; MLPs by default.
      config: configuration of the agent; the builder's, or Table 1's task half,
        by default.
      counter: counts updates, as `<label>_steps`.
      logger: receives the learner's metrics; the terminal by default.
      checkpoint_directory: folder of the run, to resume from and to save to;
        None for no checkpoints.
      builder: builder of the parts; D4PG's by default.
      label: name of the learner: prefix of its counts, folder of its
        checkpoints.
      keeps_replay: whether `save` also writes what the tables hold, and the agent
        starts from what was written.
      learns_beside_acting: whether the learner has a thread of its own; see
        `MetaMimic`.

    Raises:
      ValueError: if the spec does not fit, there are a config and a builder of
        another, or the replay has no folder to be kept in.
      NoAnswerError: if its replay server cannot be reached.
    """
    specs_lib.validate_task_spec(environment_spec)
    builder = builder or d4pg_builder.D4PGBuilder(
      config or d4pg_config.D4PGConfig()
    )
    d4pg_config.check_same(config, builder.config)
    super().__init__(
      builder,
      environment_spec,
      checkpoint_directory=checkpoint_directory,
      keeps_replay=keeps_replay,
      learns_beside_acting=learns_beside_acting,
    )
    self._add(
      specs_lib.TASK,
      builder,
      environment_spec,
      networks
      or networks_lib.make_task_networks(
        environment_spec, **half_lib.support(builder.config)
      ),
      label=label,
      logger=logger or terminal.make_logger(label),
      counter=counter,
    )
