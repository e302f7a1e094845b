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

"""Default networks of the two halves: MLPs on flat observations."""

from collections import abc
from typing import Dict, Mapping, Optional, Sequence, Union

from acme import specs
from acme import types
from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.tf import networks as acme_networks
from acme.tf import utils as tf2_utils
import numpy as np
import sonnet as snt
import tensorflow as tf

from acme_metamimic import specs as specs_lib

# By key of the observation; a number, or an array that broadcasts to the key's.
Scales = Mapping[str, Union[float, np.ndarray]]

# Two layers of 256 keep two cores at over a hundred updates a second.
DEFAULT_LAYER_SIZES = (256, 256)

# Scaled goal differences are clipped here, as a demonstration that is out of
# reach must not drown the rest of the observation.
GOAL_DIFFERENCE_LIMIT = 5.0


@snt.allow_empty_variables
class ScaledObservation(snt.Module):
  """Scales flat observations by key and concatenates them, sorted by key."""

  def __init__(
    self,
    scale: Optional[Scales] = None,
    name: str = 'scaled_observation',
  ):
    """Initializes the module.

    Args:
      scale: factor for some of the keys, each broadcastable to the key's shape.
      name: name of the module.
    """
    super().__init__(name=name)
    self._scale = _to_float32(scale)

  def __call__(self, observation: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Returns float32[B, D] for a dict (or one tensor) of batched tensors."""
    if not isinstance(observation, abc.Mapping):
      return _flatten(observation)
    return tf.concat(
      [
        _flatten(observation[key]) * self._scale.get(key, 1.0)
        for key in sorted(observation)
      ],
      axis=-1,
    )


@snt.allow_empty_variables
class GoalConditionedObservation(snt.Module):
  """Concatenates an observation with what is left to do to reach its goal.

  A goal is one control step away, so that its difference to the observation is
  tiny beside the observation itself. Scaled to be of order one for a step's
  motion, it is the first thing that the policy can react to.
  """

  def __init__(
    self,
    difference_scale: Optional[Scales] = None,
    observation_scale: Optional[Scales] = None,
    name: str = 'goal_conditioned_observation',
  ):
    """Initializes the module.

    Args:
      difference_scale: factor for `goal - observation` for some of the goal's
        keys, each broadcastable to the key's shape. The difference is clipped
        to +-5. The goal itself is passed on for the other keys.
      observation_scale: factor for some of the observation's keys, and for the
        goal's where the goal itself is passed on.
      name: name of the module.
    """
    super().__init__(name=name)
    self._scale = _to_float32(difference_scale)
    self._observation_scale = _to_float32(observation_scale)

  def __call__(
    self, observation: Mapping[str, types.NestedTensor]
  ) -> tf.Tensor:
    """Returns float32[B, D] for a dict of batched tensors with `goal`."""
    goal = observation[specs_lib.GOAL]
    parts = [
      _flatten(observation[key]) * self._observation_scale.get(key, 1.0)
      for key in sorted(observation)
      if key != specs_lib.GOAL
    ]
    for key in sorted(goal):
      part = _flatten(goal[key])
      if key in self._scale:
        difference = self._scale[key] * (part - _flatten(observation[key]))
        part = tf.clip_by_value(
          difference, -GOAL_DIFFERENCE_LIMIT, GOAL_DIFFERENCE_LIMIT
        )
      else:
        part *= self._observation_scale.get(key, 1.0)
      parts.append(part)
    return tf.concat(parts, axis=-1)


def make_imitation_networks(
  environment_spec: specs.EnvironmentSpec,
  *,
  policy_layer_sizes: Sequence[int] = DEFAULT_LAYER_SIZES,
  critic_layer_sizes: Sequence[int] = DEFAULT_LAYER_SIZES,
  vmin: float = 0.0,
  vmax: float = 100.0,
  num_atoms: int = 101,
  goal_difference_scale: Optional[Scales] = None,
  observation_scale: Optional[Scales] = None,
) -> acme_d4pg.D4PGNetworks:
  """Makes the networks of pi(o_t, g_t), g_t = d_{t+1}, and of its critic.

  Args:
    environment_spec: of the imitation environment; flat observations.
    policy_layer_sizes: sizes of the policy's hidden layers.
    critic_layer_sizes: sizes of the critic's hidden layers.
    vmin: lowest atom; Table 1.
    vmax: highest atom; Table 1.
    num_atoms: number of atoms; Table 1.
    goal_difference_scale: factors for `goal - observation`, by key; choose them
      so that the motion of one control step is of order one. Keys that are left
      out (all of them, by default) show the goal itself.
    observation_scale: factors for the observations, by key; 1 where left out.

  Returns:
    The three networks, without variables until their `init` is called.

  Raises:
    ValueError: if the spec or a scale does not fit.
  """
  specs_lib.validate_imitation_spec(environment_spec)
  observations = specs_lib.imitation_spec(environment_spec).observations
  _validate_flat(observations)
  goal = observations[specs_lib.GOAL]
  _validate_scale('goal_difference_scale', goal_difference_scale, goal)
  _validate_scale('observation_scale', observation_scale, observations)
  return acme_d4pg.D4PGNetworks(
    policy_network=_make_policy(environment_spec.actions, policy_layer_sizes),
    critic_network=_make_critic(critic_layer_sizes, vmin, vmax, num_atoms),
    observation_network=GoalConditionedObservation(
      goal_difference_scale, observation_scale
    ),
  )


def make_task_networks(
  environment_spec: specs.EnvironmentSpec,
  *,
  policy_layer_sizes: Sequence[int] = DEFAULT_LAYER_SIZES,
  critic_layer_sizes: Sequence[int] = DEFAULT_LAYER_SIZES,
  vmin: float = 0.0,
  vmax: float = 100.0,
  num_atoms: int = 101,
  observation_scale: Optional[Scales] = None,
) -> acme_d4pg.D4PGNetworks:
  """Makes the networks of the unconditional pi(o_t) and of its critic.

  Args:
    environment_spec: of the task environment, or of the imitation environment,
      whose goal is left out.
    policy_layer_sizes: sizes of the policy's hidden layers.
    critic_layer_sizes: sizes of the critic's hidden layers.
    vmin: lowest atom; Table 1.
    vmax: highest atom; Table 1.
    num_atoms: number of atoms; Table 1.
    observation_scale: factors for the observations, by key; 1 where left out.

  Returns:
    The three networks, without variables until their `init` is called. They take
    observations without `goal`.

  Raises:
    ValueError: if the spec or a scale does not fit.
  """
  specs_lib.validate_actions(environment_spec.actions)
  observations = specs_lib.task_spec(environment_spec).observations
  _validate_flat(observations)
  _validate_scale('observation_scale', observation_scale, observations)
  return acme_d4pg.D4PGNetworks(
    policy_network=_make_policy(environment_spec.actions, policy_layer_sizes),
    critic_network=_make_critic(critic_layer_sizes, vmin, vmax, num_atoms),
    observation_network=ScaledObservation(observation_scale),
  )


def _make_policy(
  action_spec: specs.BoundedArray, layer_sizes: Sequence[int]
) -> snt.Module:
  """Returns a deterministic policy, near the middle of the range at first."""
  return snt.Sequential(
    [
      acme_networks.LayerNormMLP(layer_sizes, activate_final=True),
      acme_networks.NearZeroInitializedLinear(int(np.prod(action_spec.shape))),
      acme_networks.TanhToSpec(action_spec),
    ]
  )


def _make_critic(
  layer_sizes: Sequence[int], vmin: float, vmax: float, num_atoms: int
) -> snt.Module:
  """Returns a critic with atoms at linspace(vmin, vmax, num_atoms)."""
  return snt.Sequential(
    [
      acme_networks.CriticMultiplexer(
        critic_network=acme_networks.LayerNormMLP(
          layer_sizes, activate_final=True
        )
      ),
      acme_networks.DiscreteValuedHead(vmin, vmax, num_atoms),
    ]
  )


def _flatten(x: tf.Tensor) -> tf.Tensor:
  return tf.cast(tf2_utils.batch_concat(x), tf.float32)


def _to_float32(
  scale: Optional[Scales],
) -> Dict[str, np.ndarray]:
  return {
    key: np.asarray(value, dtype=np.float32)
    for key, value in (scale or {}).items()
  }


def _validate_flat(observations: types.NestedSpec) -> None:
  """Raises if an observation needs a torso."""
  if isinstance(observations, abc.Mapping):
    for key, value in observations.items():
      if isinstance(value, abc.Mapping):
        _validate_flat(value)
      elif len(value.shape) > 1:
        raise ValueError(
          f'observation {key!r} has shape {value.shape}, but these networks '
          'take flat vectors: leave it out of the observations or pass a torso '
          'as the observation network of your own D4PGNetworks.'
        )


def _validate_scale(
  name: str,
  scale: Optional[Scales],
  observations: types.NestedSpec,
) -> None:
  """Raises if a scale has no observation of a fitting shape."""
  if not scale:
    return
  if not isinstance(observations, abc.Mapping):
    raise ValueError(
      f'{name} has the keys {sorted(scale)}, but the observation is one array: '
      'leave the scale out or make the observation a dict.'
    )
  for key, value in scale.items():
    if key not in observations:
      raise ValueError(
        f'{name} has the key {key!r}, which is none of {sorted(observations)}: '
        'remove it.'
      )
    shape = observations[key].shape
    if not _broadcasts(np.shape(value), shape):
      raise ValueError(
        f'{name}[{key!r}] has shape {np.shape(value)}: give a scalar or an '
        f'array of shape {shape}.'
      )


def _broadcasts(source: Sequence[int], destination: Sequence[int]) -> bool:
  """Returns whether a shape broadcasts to another."""
  try:
    return np.broadcast_shapes(source, destination) == tuple(destination)
  except ValueError:
    return False
