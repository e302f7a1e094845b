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
from acme_metamimic.d4pg import half as half_lib
from acme_metamimic.tf import learners
from acme_metamimic.tf import placement

NetworkFactory = Callable[
  [specs.EnvironmentSpec],
  Tuple[acme_d4pg.D4PGNetworks, acme_d4pg.D4PGNetworks],
]

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
      name: name of the half, 'imitation' or 'task'.
      builder: builder of the agent, with a shard's share of the capacities.
      config: configuration of the agent, with the whole capacities.
      environment_spec: spec of the imitation environment.
      network_factory: makes the networks of both halves from that spec.
    """
    is_imitation = name == specs_lib.IMITATION
    self._index = specs_lib.STREAMS.index(name)
    self._environment_spec = environment_spec
    self._network_factory = network_factory
    self.name = name
    if is_imitation:
      self.builder: d4pg_builder.D4PGBuilder = builder.imitation
      self.config = config.imitation
      self._spec = specs_lib.imitation_spec(environment_spec)
      # With references to the goals, where there are any.
      self._observations = environment_spec.observations
    else:
      self.builder = builder.task
      self.config = config.task
      self._spec = specs_lib.task_spec(environment_spec)
      self._observations = self._spec.observations

  @property
  def observation(self) -> Any:
    """An observation as the half's environment shows it."""
    return tree.map_structure(
      lambda spec: spec.generate_value(), self._observations
    )

  @property
  def served(self) -> Sequence[str]:
    """Names of the actors' variables and, last, of the evaluators'."""
    if self.config.policy_averaging_horizon == 1:
      return (learners.POLICY,)
    return (learners.POLICY, learners.EVALUATION_POLICY)

  def make_networks(self) -> d4pg_builder.NetworkPair:
    """Returns online and target networks, with variables."""
    with TRACING:
      return half_lib.make_pair(self._networks(), self._spec)

  def make_policy(self, evaluation: bool = False) -> snt.Module:
    """Returns a policy with variables, on the CPU, as it is to act.

    Args:
      evaluation: whether it acts without the noise of the config.
    """
    with TRACING, placement.on_cpu():
      networks = self._networks()
      networks.init(self._spec)
      return self.builder.make_policy(networks, self._spec, evaluation)

  def make_evaluated(self, networks: d4pg_builder.NetworkPair) -> snt.Module:
    """Returns the policy without noise that shares a learner's variables.

    Args:
      networks: online and target networks, which the learner updates.
    """
    with TRACING:
      return self.builder.make_policy(networks[0], self._spec, evaluation=True)

  def trace(self, actor: core.Actor) -> None:
    """Traces the TensorFlow functions of an actor.

    Args:
      actor: actor or evaluator of this half.
    """
    with TRACING:
      actor.select_action(self.observation)

  def _networks(self) -> acme_d4pg.D4PGNetworks:
    return self._network_factory(self._environment_spec)[self._index]


def make_variable_client(
  source: core.VariableSource,
  policy: snt.Module,
  period: int = 1,
  name: str = learners.POLICY,
) -> variable_utils.VariableClient:
  """Returns a client that has the source's variables already.

  Args:
    source: source of a policy's variables.
    policy: policy that gets them.
    period: number of steps from one request to the next.
    name: name of the variables at the source.
  """
  client = variable_utils.VariableClient(
    source, {name: policy.variables}, period
  )
  client.update_and_wait()
  return client
