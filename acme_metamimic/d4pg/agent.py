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

import contextlib
from typing import Dict, Optional
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

from acme_metamimic import networks as networks_lib
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.d4pg import half as half_lib
from acme_metamimic.replay import answers
from acme_metamimic.replay import footprint
from acme_metamimic.replay import saving
from acme_metamimic.tf import learners
from acme_metamimic.tf import snapshots
from acme_metamimic.tf import terminal


class D4PG(contextlib.AbstractContextManager):
  """A task half with a replay server of its own, in one process.

  With `from_demonstrations.D4PGfDBuilder` it is D4PGfD. It closes at the end of a
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
    if config is not None and config != builder.config:
      raise ValueError(
        f'config={config} is not that of the builder, {builder.config}: give '
        'one of the two.'
      )
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
    self._halves[specs_lib.TASK] = half_lib.make_half(
      builder,
      environment_spec,
      networks
      or networks_lib.make_task_networks(
        environment_spec, **half_lib.support(builder.config)
      ),
      self._client,
      label=label,
      logger=logger or terminal.make_logger(label),
      counter=counter,
      checkpoint_directory=checkpoint_directory,
      learns_beside_acting=learns_beside_acting,
    )

  @property
  def agent(self) -> agent.Agent:
    """Acts with noise, records, and updates the learner."""
    return self._half.agent

  @property
  def learner(self) -> core.Learner:
    """The learner."""
    return self._half.learner

  @property
  def evaluator(self) -> core.Actor:
    """Acts by the current policy; adds no noise, records nothing."""
    return self._half.evaluator

  @property
  def replay_client(self) -> reverb.Client:
    """Client of the replay server."""
    return self._client

  @property
  def evaluation_policy(self) -> snt.Module:
    """Policy that is evaluated, from batched observations."""
    return self._half.policy

  def policy(self, observation: types.NestedArray) -> types.NestedArray:
    """Returns pi(o_t) without noise, for one observation."""
    return self._half.evaluator.select_action(observation)

  @property
  def expected_bytes(self) -> int:
    """Bytes that the replay takes at most when it is full."""
    return self._expected_bytes

  def save(self) -> bool:
    """Writes a checkpoint, and the replay if it is kept.

    Returns:
      False if one was not written; see `D4PGLearner.save`.
    """
    saved = [learners.save(self._half.learner)]
    if self._replay_directory is not None:
      saved.append(saving.save(self._client, self._replay_directory))
    return all(saved)

  def export(self, directory: str) -> str:
    """Writes the policy, without noise, as a SavedModel.

    Args:
      directory: folder of the SavedModel; see `snapshots.export_policy`.

    Returns:
      Its path.
    """
    return snapshots.export_policy(self._half.policy, directory)

  def close(self) -> None:
    """Stops the learner's threads and the replay server; the agent is done."""
    self._close()

  def __exit__(self, *unused_error: object) -> None:
    """Closes the agent."""
    self.close()

  @property
  def _half(self) -> half_lib.Half:
    return self._halves[specs_lib.TASK]
