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
"""Halves in one process, with a replay server of their own."""

import contextlib
from typing import Any, Dict, List, Mapping, Optional, Protocol, Sequence
import weakref

from acme import core
from acme import specs
from acme import types
from acme.agents import agent
from acme.agents.tf.d4pg import agent as acme_d4pg
import reverb
import sonnet as snt

from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import half as half_lib
from acme_metamimic.replay import answers
from acme_metamimic.replay import footprint
from acme_metamimic.replay import saving
from acme_metamimic.tf import learners
from acme_metamimic.tf import snapshots


class TablesBuilder(Protocol):
  """What is asked of the builder of the halves' replay."""

  def expected_bytes(self, environment_spec: specs.EnvironmentSpec) -> int: ...

  def make_replay_tables(
    self, environment_spec: specs.EnvironmentSpec
  ) -> Sequence[reverb.Table]: ...


class Halves(contextlib.AbstractContextManager):
  """An agent in one process: a task half, and beside it an imitation half or none.

  It closes at the end of a `with` statement, or as the interpreter exits.
  """

  def __init__(
    self,
    builder: TablesBuilder,
    environment_spec: specs.EnvironmentSpec,
    *,
    checkpoint_directory: Optional[str],
    keeps_replay: bool,
    learns_beside_acting: bool,
  ):
    """Starts the replay server; there are no halves yet.

    Args:
      builder: builder of the tables.
      environment_spec: spec of what the tables are made for.
      checkpoint_directory: folder of the run; None for no checkpoints.
      keeps_replay: whether `save` also writes what the tables hold, and the
        server starts from what was written.
      learns_beside_acting: whether each learner has a thread of its own.

    Raises:
      ValueError: if the replay has no folder to be kept in.
      NoAnswerError: if the server cannot be reached.
    """
    self._expected_bytes = builder.expected_bytes(environment_spec)
    footprint.report(self._expected_bytes)
    self._checkpoint_directory = checkpoint_directory
    self._replay_directory = saving.directory(
      checkpoint_directory, keeps_replay
    )
    self._learns_beside_acting = learns_beside_acting
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

  def _add(
    self,
    name: str,
    builder: d4pg_builder.D4PGBuilder,
    spec: specs.EnvironmentSpec,
    networks: acme_d4pg.D4PGNetworks,
    **settings: Any,
  ) -> None:
    """Adds a half.

    Args:
      name: 'imitation' or 'task'.
      builder: builder of the half.
      spec: spec of the environment as its learner sees it.
      networks: online networks, without variables.
      **settings: further arguments of `half.make_half`.
    """
    self._halves[name] = half_lib.make_half(
      builder,
      spec,
      networks,
      self._client,
      checkpoint_directory=self._checkpoint_directory,
      learns_beside_acting=self._learns_beside_acting,
      **settings,
    )

  @property
  def task(self) -> agent.Agent:
    """Acts with noise, records into the task table, and updates its learner."""
    return self._halves[specs_lib.TASK].agent

  @property
  def task_learner(self) -> core.Learner:
    """The learner of Algorithm 4."""
    return self._halves[specs_lib.TASK].learner

  @property
  def task_evaluator(self) -> core.Actor:
    """Acts by the current task policy; adds no noise, records nothing."""
    return self._halves[specs_lib.TASK].evaluator

  def task_policy(self, observation: types.NestedArray) -> types.NestedArray:
    """Returns pi(o_t) without noise, for one observation without `goal`."""
    return self.task_evaluator.select_action(observation)

  @property
  def policies(self) -> Mapping[str, snt.Module]:
    """Policies that are evaluated, by half, from batched observations."""
    return {name: half.policy for name, half in self._halves.items()}

  @property
  def replay_client(self) -> reverb.Client:
    """Client of the server that holds the tables."""
    return self._client

  @property
  def expected_bytes(self) -> int:
    """Bytes that the replay takes at most when all tables are full."""
    return self._expected_bytes

  def save(self) -> bool:
    """Writes a checkpoint of each learner, and of the replay if it is kept.

    Returns:
      False if one was not written; see `D4PGLearner.save`.

    Raises:
      Exception: what a learner's step in a thread of its own has raised.
    """
    for half in self._halves.values():
      half.agent.wait()
    saved = [learners.save(half.learner) for half in self._halves.values()]
    if self._replay_directory is not None:
      saved.append(saving.save(self._client, self._replay_directory))
    return all(saved)

  def export(self, directory: str) -> List[str]:
    """Writes the policies, without noise, as SavedModels.

    Args:
      directory: gets the folder `<half>_policy` of each half; see
        `snapshots.export_policy`.

    Returns:
      Their paths.
    """
    return snapshots.export_policies(self.policies, directory)

  def close(self) -> None:
    """Stops the learners' threads and the replay server; the agent is done.

    Loops that still hold a half make the server wait some seconds for it.

    Raises:
      Exception: what a learner's step in a thread of its own has raised, once all
        has stopped.
    """
    self._close()

  def __exit__(self, *unused_error: object) -> None:
    """Closes the agent."""
    self.close()
