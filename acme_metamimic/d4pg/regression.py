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
"""D4PG whose policy also regresses to replayed actions.

A task policy that learns from an imitation actor's experience finds what that
actor did hard to reach by the gradient of its critic alone: the critic knows
little of actions that nobody took, and overestimates them. The regression moves
the policy towards actions in the replay that are worth it. They are the actors'
own, as the paper's section 2.2 means it, and never a demonstrator's.

Source: Nair et al., 2018, "Overcoming Exploration in Reinforcement Learning with
Demonstrations", section 4.3, behaviour cloning with a Q-filter; the MetaMimic
paper has no such term.
"""

from typing import Any, Optional, Sequence

from acme import types
import reverb
import tensorflow as tf
import tree

from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.d4pg import learning
from acme_metamimic.d4pg import losses
from acme_metamimic.d4pg import smoothness
from acme_metamimic.d4pg import updates
from acme_metamimic.replay import provenance
from acme_metamimic.tf import optimizers

_METRICS = ('regression_loss', 'regression_share')


class RegressingD4PGLearner(learning.D4PGLearner):
  """D4PG with the policy loss `dpg + w mean(1[passes] |a - pi(o)|^2)`.

  Both terms are computed at the first observation of a transition, where its
  action was chosen; D4PG's own is computed at the last one. So the regression
  costs one more evaluation of the critic. The terms of the base class that have a
  weight are added to it.
  """

  def __init__(
    self,
    *,
    regression_weight: float,
    regression_filter: str = d4pg_config.BETTER,
    final_regression_weight: Optional[float] = None,
    regression_decay_updates: int = 1,
    **arguments: Any,
  ):
    """Initializes the learner; the networks' variables must exist.

    Args:
      regression_weight: weight w of the regression at first.
      regression_filter: which actions pass: `config.BETTER`, those with Q(o, a)
        above Q(o, pi(o)); `config.BETTER_OR_IMITATION`, all of imitation actors
        as well, which needs a table that samples uniformly; `config.ADVANTAGE`,
        those after which n steps brought more than Q(o, pi(o)); or `config.ALL`.
      final_regression_weight: weight at the end of its linear decay; None for
        no decay.
      regression_decay_updates: number of updates that the decay takes.
      **arguments: arguments of `learning.D4PGLearner`.
    """
    self._regression_weight = optimizers.linear_schedule(
      regression_weight,
      regression_weight
      if final_regression_weight is None
      else final_regression_weight,
      regression_decay_updates,
    )
    self._regression_filter = regression_filter
    super().__init__(**arguments)

  @property
  def _metric_names(self) -> Sequence[str]:
    return (*super()._metric_names, *_METRICS)

  def _policy_losses(
    self, sample: reverb.ReplaySample, o_t: tf.Tensor, tape: tf.GradientTape
  ) -> updates.PolicyLosses:
    """Computes the policy loss of each transition; see the base class."""
    del o_t
    transitions = sample.data
    observation = self._observe(transitions.observation)
    action, auxiliary = self._act(observation)
    # TensorFlow does not compute what is not used.
    next_observation = self._observe(transitions.next_observation)
    next_action = self._policy_network(next_observation)
    smooth = smoothness.losses(action, next_action, self._smoothness_weight)
    with tape.stop_recording():
      q_values, dqda = self._action_gradient(observation, action)
      next_values = self._critic_network(next_observation, next_action).mean()
      passes = self._passes(sample, observation, q_values, next_values)
    squares = tf.reduce_sum(tf.square(action - transitions.action), axis=-1)
    regression = passes * squares
    return updates.PolicyLosses(
      losses.dpg_loss(action, dqda)
      + self._regression_weight(self._num_steps) * regression
      + auxiliary.losses
      + smooth.losses,
      q_values,
      {
        **auxiliary.metrics,
        **smooth.metrics,
        'regression_loss': tf.reduce_mean(regression),
        'regression_share': tf.reduce_mean(passes),
      },
      tf.stop_gradient(next_action),
    )

  def _observe(self, observation: types.NestedTensor) -> types.NestedTensor:
    """Returns observations as the policy takes them, [B, D]."""
    observed = self._observation_network(observation)
    if self._policy_trains_torso:
      return observed
    return tree.map_structure(tf.stop_gradient, observed)

  def _passes(
    self,
    sample: reverb.ReplaySample,
    observation: tf.Tensor,
    q_values: tf.Tensor,
    next_values: tf.Tensor,
  ) -> tf.Tensor:
    """Returns 1 for the actions that pass the filter and 0 for others, [B].

    Args:
      sample: batch of B transitions.
      observation: observations as the policy takes them, [B, D].
      q_values: critic's values of the policy's actions there, float32[B].
      next_values: those of its actions at the next observations, float32[B].
    """
    if self._regression_filter == d4pg_config.ALL:
      return tf.ones_like(q_values)
    if self._regression_filter == d4pg_config.ADVANTAGE:
      returns = self._returns(sample.data, next_values)
      return tf.cast(returns > q_values, q_values.dtype)
    replayed = self._critic_network(observation, sample.data.action).mean()
    passes = replayed > q_values
    if self._regression_filter == d4pg_config.BETTER_OR_IMITATION:
      passes |= provenance.is_imitation(sample.info.priority)
    return tf.cast(passes, q_values.dtype)

  def _returns(
    self, transitions: types.Transition, next_values: tf.Tensor
  ) -> tf.Tensor:
    """Returns the rewards of n steps and the value of what follows, [B].

    Unlike Q(o, a) they have what happened after the action, and the policy's own
    action where they end. What the critic expects too much of that action is
    expected of the one that they are compared with, too.
    """
    discount = tf.cast(self._discount, transitions.discount.dtype)
    return transitions.reward + discount * transitions.discount * next_values
