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

"""Acme's feed-forward actor, with less work around the policy."""

from typing import Optional

from acme import adders
from acme import types
from acme.agents.tf import actors
from acme.tf import utils as tf2_utils
from acme.tf import variable_utils
import sonnet as snt

from acme_metamimic.tf import traced_function


class FeedForwardActor(actors.FeedForwardActor):
  """Acme's actor, which traces the policy for its first observation alone.

  All observations must have the structure, shapes and dtypes of the first. Acme's
  actor looks up the trace that fits an observation at every step, which costs
  more than a small policy does, and leaks memory at every step; see
  `TracedFunction`.
  """

  def __init__(
    self,
    policy_network: snt.Module,
    adder: Optional[adders.Adder] = None,
    variable_client: Optional[variable_utils.VariableClient] = None,
  ):
    """Initializes the actor.

    Args:
      policy_network: policy, from batched observations to batched actions or
        their distribution.
      adder: adder that records observations, actions and rewards; None records
        nothing.
      variable_client: client that keeps the policy's variables up to date; None
        if the policy shares the learner's variables.
    """
    super().__init__(policy_network, adder, variable_client)

    def act(observation: types.NestedTensor) -> types.NestedTensor:
      # Acme's, without its own `tf.function`, which would leak memory again.
      action = self._policy.python_function(observation)
      return tf2_utils.squeeze_batch_dim(action)

    self._act = traced_function.TracedFunction(act)

  def select_action(self, observation: types.NestedArray) -> types.NestedArray:
    """Returns an action for one observation.

    Args:
      observation: observation without a batch dimension, of the same structure,
        shapes and dtypes in all calls.

    Returns:
      The policy's action, sampled if the policy returns a distribution.
    """
    return tf2_utils.to_numpy(self._act(observation))
