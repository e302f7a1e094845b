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

"""One half of the distributed program, in the process of any of its nodes."""

import copy
import threading
from typing import Any, Callable, Sequence, Tuple

from acme import core
from acme import specs
from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.tf import variable_utils
import sonnet as snt
import tree

from acme_metamimic import builder as builder_lib
from acme_metamimic import config as config_lib
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import exploration
from acme_metamimic.d4pg import half as half_lib
from acme_metamimic.d4pg import updates

NetworkFactory = Callable[
  [specs.EnvironmentSpec],
  Tuple[acme_d4pg.D4PGNetworks, acme_d4pg.D4PGNetworks],
]

# Acme's name for the target networks' variables, which actors follow.
_POLICY = 'policy'

# Where nodes are threads of one process, TensorFlow must not trace in two.
TRACING = threading.Lock()


class ProgramHalf:
  """What the nodes of one half are made of; it pickles."""

  def __init__(
    self,
    name: str,
    builder: builder_lib.MetaMimicBuilder,
    config: config_lib.MetaMimicConfig,
    environment_spec: specs.EnvironmentSpec,
    network_factory: NetworkFactory,
  ):
    """Initializes the half.

    Args:
      name: 'imitation' or 'task'.
      builder: makes the parts of both halves.
      config: of the agent.
      environment_spec: of the imitation environment.
      network_factory: makes the networks of both halves from that spec.
    """
    is_imitation = name == config_lib.IMITATION
    self._index = specs_lib.STREAMS.index(name)
    self._environment_spec = environment_spec
    self._network_factory = network_factory
    view = specs_lib.imitation_spec if is_imitation else specs_lib.task_spec
    self._spec = view(environment_spec)
    self.name = name
    self.config = config.imitation if is_imitation else config.task
    make_parts = (
      half_lib.imitation_parts if is_imitation else half_lib.task_parts
    )
    self.parts = make_parts(builder)

  @property
  def observation(self) -> Any:
    """An observation as the half's networks see it."""
    return tree.map_structure(
      lambda spec: spec.generate_value(), self._spec.observations
    )

  @property
  def served(self) -> Sequence[str]:
    """Names of the actors' variables and, last, of the evaluators'."""
    if self.config.policy_averaging_horizon == 1:
      return (_POLICY,)
    return (_POLICY, updates.EVALUATION_POLICY)

  def make_networks(self) -> d4pg_builder.NetworkPair:
    """Returns online and target networks, with variables."""
    with TRACING:
      online = self._networks()
      target = copy.deepcopy(online)
      online.init(self._spec)
      target.init(self._spec)
    return online, target

  def make_policy(self, explores: bool = False) -> snt.Module:
    """Returns a policy with variables.

    Args:
      explores: whether it has the noise of the config.
    """
    with TRACING:
      networks = self._networks()
      networks.init(self._spec)
      if explores:
        return exploration.make_policy(networks, self._spec, self.config)
      return networks.make_policy(self._spec)

  def trace(self, actor: core.Actor) -> None:
    """Traces the TensorFlow functions of an actor."""
    with TRACING:
      actor.select_action(self.observation)

  def _networks(self) -> acme_d4pg.D4PGNetworks:
    return self._network_factory(self._environment_spec)[self._index]


def make_variable_client(
  source: core.VariableSource,
  policy: snt.Module,
  period: int = 1,
  name: str = _POLICY,
) -> variable_utils.VariableClient:
  """Returns a client that has the source's variables already.

  Args:
    source: of a policy's variables.
    policy: gets them.
    period: steps from one request to the next.
    name: of the variables at the source.
  """
  client = variable_utils.VariableClient(
    source, {name: policy.variables}, period
  )
  client.update_and_wait()
  return client
