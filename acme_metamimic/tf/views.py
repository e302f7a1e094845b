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
"""Policies and critics that see different parts of an observation.

A critic serves training alone. Where training is in simulation it may see the
state, while the policy sees what there is at test time, such as pixels.

Source: Pinto et al., 2018, "Asymmetric Actor Critic for Image-Based Robot
Learning".
"""

from typing import Dict, Mapping, NamedTuple, Optional, Sequence

from acme import types
import numpy as np
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic import specs as specs_lib

Scales = Mapping[str, np.ndarray]
# Some components of vectors by key, bool arrays of the vectors' shapes.
Components = Mapping[str, np.ndarray]


def select(
  observation: Mapping[str, types.NestedTensor], keys: Sequence[str]
) -> Dict[str, types.NestedTensor]:
  """Returns some of the keys of an observation, and of its goal if it has one.

  A goal may have fewer of them.

  Args:
    observation: tensors or specs by key.
    keys: keys to select.
  """
  selected = {key: observation[key] for key in keys}
  if specs_lib.GOAL in observation:
    goal = observation[specs_lib.GOAL]
    selected[specs_lib.GOAL] = {key: goal[key] for key in keys if key in goal}
  return selected


def hide(
  observation: Mapping[str, types.NestedTensor], hidden: Components
) -> Dict[str, types.NestedTensor]:
  """Returns an observation, and its goal, with zero for some components.

  Args:
    observation: batched tensors by key.
    hidden: components to hide.
  """
  shown = dict(observation)
  for key in hidden.keys() & shown.keys():
    shown[key] = shown[key] * np.logical_not(hidden[key]).astype(np.float32)
  if specs_lib.GOAL in shown:
    shown[specs_lib.GOAL] = hide(shown[specs_lib.GOAL], hidden)
  return shown


@snt.allow_empty_variables
class WholeObservation(snt.Module):
  """Observation network that hands on all there is, for views to select from.

  A snapshot of a policy behind it takes what the policy sees alone.
  """

  def __init__(
    self, policy_keys: Sequence[str], name: str = 'whole_observation'
  ):
    """Initializes the module.

    Args:
      policy_keys: keys that the policy sees.
      name: name of the module.
    """
    super().__init__(name=name)
    self._policy_keys = tuple(policy_keys)
    self._signature: Optional[Sequence[types.NestedSpec]] = None

  def __call__(self, observation: types.NestedTensor) -> types.NestedTensor:
    """Returns the observation.

    Args:
      observation: batched tensors by key.
    """
    return tree.map_structure(tf.identity, observation)

  # Acme sets it as it makes variables, and reads it for a snapshot.
  @property
  def _input_signature(self) -> Sequence[types.NestedSpec]:
    if self._signature is None:
      raise AttributeError('_input_signature is there once variables are made.')
    return self._signature

  @_input_signature.setter
  def _input_signature(self, signature: Sequence[types.NestedSpec]) -> None:
    self._signature = [select(s, self._policy_keys) for s in signature]


class AuxiliaryTargets(NamedTuple):
  """What a policy's features are trained to predict beside the action.

  Attributes:
    observation: scales of the observations by key, float32 arrays of their
      shapes; those that are zero are not predicted.
    goal_difference: the same for `goal - observation`; empty without goals.
  """

  observation: Scales
  goal_difference: Scales

  def values(self, observation: types.NestedTensor) -> tf.Tensor:
    """Returns the scaled targets, float32[B, K].

    Args:
      observation: batched tensors by key, with all of the targets' keys.
    """
    parts = [
      _scaled(observation[key], scale)
      for key, scale in self.observation.items()
    ]
    parts += [
      _scaled(observation[specs_lib.GOAL][key] - observation[key], scale)
      for key, scale in self.goal_difference.items()
    ]
    return tf.concat(parts, axis=-1)

  @property
  def scales(self) -> np.ndarray:
    """Scale of each target, float32[K]."""
    parts = [*self.observation.values(), *self.goal_difference.values()]
    return np.concatenate([part[np.flatnonzero(part)] for part in parts])


class ViewingPolicy(snt.Module):
  """A policy of some of an observation's keys, with features of its own."""

  def __init__(
    self,
    keys: Sequence[str],
    observation_network: snt.Module,
    head: snt.Module,
    auxiliary_targets: Optional[AuxiliaryTargets] = None,
    hidden: Optional[Components] = None,
    name: str = 'viewing_policy',
  ):
    """Initializes the module.

    Args:
      keys: keys that the policy sees.
      observation_network: network from what it sees to features, float32[B, D].
      head: network from features to actions.
      auxiliary_targets: what the features are trained to predict beside, by a
        linear layer; None for nothing.
      hidden: components that it does not see of what its keys show, of the
        observation and of the goal; none by default.
      name: name of the module.
    """
    super().__init__(name=name)
    self._keys = tuple(keys)
    self._observation_network = observation_network
    self._head = head
    self._hidden = dict(hidden or {})
    self._targets = auxiliary_targets
    self._predictor: Optional[snt.Linear] = None
    if auxiliary_targets is not None:
      self._predictor = snt.Linear(len(auxiliary_targets.scales))

  @property
  def has_auxiliary_targets(self) -> bool:
    """Whether the features are trained to predict something beside."""
    return self._targets is not None

  def features(self, observation: types.NestedTensor) -> tf.Tensor:
    """Returns the features of what the policy sees, float32[B, D].

    Args:
      observation: batched tensors by key, with at least the policy's keys.
    """
    seen = hide(select(observation, self._keys), self._hidden)
    features = self._observation_network(seen)
    self._make_predictor(features)
    return features

  @snt.once
  def _make_predictor(self, features: tf.Tensor) -> None:
    """Makes the predictor's variables, which acting alone would not."""
    if self._predictor is not None:
      self._predictor(features)

  def act(self, features: tf.Tensor) -> tf.Tensor:
    """Returns the actions for features.

    Args:
      features: features, float32[B, D].
    """
    return self._head(features)

  def __call__(self, observation: types.NestedTensor) -> tf.Tensor:
    """Returns the actions.

    Args:
      observation: batched tensors by key, with at least the policy's keys.
    """
    return self.act(self.features(observation))

  def auxiliary_errors(
    self, features: tf.Tensor, observation: types.NestedTensor
  ) -> tf.Tensor:
    """Returns the scaled errors of the auxiliary predictions, float32[B, K].

    Args:
      features: features of the observation, float32[B, D].
      observation: batched tensors by key, with all of the targets' keys.
    """
    assert self._targets is not None
    assert self._predictor is not None
    return self._predictor(features) - self._targets.values(observation)

  @property
  def auxiliary_scales(self) -> np.ndarray:
    """Scale of each auxiliary target, float32[K]."""
    assert self._targets is not None
    return self._targets.scales


class ViewingCritic(snt.Module):
  """A critic of some of an observation's keys, with features of its own."""

  def __init__(
    self,
    keys: Sequence[str],
    observation_network: snt.Module,
    head: snt.Module,
    name: str = 'viewing_critic',
  ):
    """Initializes the module.

    Args:
      keys: keys that the critic sees.
      observation_network: network from what it sees to features, float32[B, D].
      head: network from features and actions to values or their distributions.
      name: name of the module.
    """
    super().__init__(name=name)
    self._keys = tuple(keys)
    self._observation_network = observation_network
    self._head = head

  def __call__(
    self, observation: types.NestedTensor, action: tf.Tensor
  ) -> types.NestedTensor:
    """Returns the values of actions.

    Args:
      observation: batched tensors by key, with at least the critic's keys.
      action: actions, float32[B, A].
    """
    seen = select(observation, self._keys)
    return self._head(self._observation_network(seen), action)


def _scaled(values: tf.Tensor, scale: np.ndarray) -> tf.Tensor:
  """Returns the components that have a scale, times it, float32[B, K]."""
  chosen = np.flatnonzero(scale)
  return tf.gather(values, chosen, axis=-1) * scale[chosen]
