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

"""Default networks of both halves: MLPs for vectors, a torso for images."""

from typing import Callable, Optional, Sequence

from acme import specs
from acme import types
from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.tf import networks as acme_networks
import numpy as np
import sonnet as snt

from acme_metamimic import network_arguments as arguments
from acme_metamimic import specs as specs_lib
from acme_metamimic.tf import mlps
from acme_metamimic.tf import observation_networks
from acme_metamimic.tf import resnet
from acme_metamimic.tf import views

Scales = observation_networks.Scales
Details = observation_networks.Details

# Sizes of the hidden layers. With these, two cores make over a hundred updates a
# second from vectors.
DEFAULT_LAYER_SIZES = (256, 256)


def make_imitation_networks(
  environment_spec: specs.EnvironmentSpec,
  *,
  policy_layer_sizes: Sequence[int] = DEFAULT_LAYER_SIZES,
  critic_layer_sizes: Sequence[int] = DEFAULT_LAYER_SIZES,
  vmin: float = 0.0,
  vmax: float = 100.0,
  num_atoms: int = 101,
  normalised_critic: bool = False,
  goal_difference_scale: Optional[Scales] = None,
  observation_scale: Optional[Scales] = None,
  torso: Callable[[], snt.Module] = resnet.ResNetTorso,
  policy_keys: Optional[Sequence[str]] = None,
  critic_keys: Optional[Sequence[str]] = None,
  hidden: Optional[views.Components] = None,
  auxiliary_targets: Optional[views.AuxiliaryTargets] = None,
  siamese: bool = False,
) -> acme_d4pg.D4PGNetworks:
  """Makes the networks of the imitation policy pi(o_t, g_t) and of its critic.

  The goal is the demonstration's next frame, g_t = d_{t+1} (section 2.1).

  Args:
    environment_spec: specs of the imitation environment, whose observations are
      vectors, or uint8 images [H, W, C] of one height and width.
    policy_layer_sizes: sizes of the policy's hidden layers.
    critic_layer_sizes: sizes of the critic's hidden layers.
    vmin: lowest atom of the value distribution; Table 1.
    vmax: highest atom of the value distribution; Table 1.
    num_atoms: number of atoms of the value distribution; Table 1, `Vbins`.
    normalised_critic: whether all hidden layers of the critic are normalised, see
      `tf.mlps`; otherwise the first alone, as in Acme's D4PG.
    goal_difference_scale: scale factors of `goal - observation`, by key. Choose
      them so that the motion of one control step is of order one. For keys that
      are left out, by default all, the goal itself is shown in place of the
      difference.
    observation_scale: scale factors of the observations, by key. A key that is
      left out is not scaled.
    torso: function that makes the images' torso, a module from uint8[B, H, W, C]
      to float32[B, D]. The images of the observation and of the goal are
      concatenated along the channels. The default is the paper's large network
      (figure 3); `acme.tf.networks.ResNetTorso` is IMPALA's. It is not called if
      there are no images.
    policy_keys: keys of the observation that the policy sees, where they are not
      the critic's; all by default. Policy and critic then have features of their
      own, each trained by its own loss; otherwise they share the critic's.
    critic_keys: keys that the critic sees; all by default.
    hidden: components, by key, that such a policy does not see of the
      observation and of the goal; none by default.
    auxiliary_targets: what the features of such a policy are trained to predict
      beside the action, from keys that it need not see; None for nothing.
    siamese: whether the images of observation and goal go through one torso one
      after the other, instead of concatenated along the channels. The features
      are those of both and their difference.

  Returns:
    Policy, critic and observation network, without variables until `init` is
    called.

  Raises:
    ValueError: if the spec or a scale does not fit.
  """
  specs_lib.validate_imitation_spec(environment_spec)
  observations = specs_lib.imitation_spec(environment_spec).observations
  goal = observations[specs_lib.GOAL]
  arguments.check_scale('goal_difference_scale', goal_difference_scale, goal)
  arguments.check_scale('observation_scale', observation_scale, observations)
  if siamese:
    arguments.check_siamese(observations, goal)
  return _assemble(
    observations,
    _make_policy(environment_spec.actions, policy_layer_sizes),
    _make_critic(critic_layer_sizes, vmin, vmax, num_atoms, normalised_critic),
    lambda seen: _make_observation_network(
      arguments.image_keys(seen),
      torso,
      observation_networks.GoalConditionedObservation(
        goal_difference_scale, observation_scale
      ),
      siamese,
    ),
    policy_keys,
    critic_keys,
    hidden,
    auxiliary_targets,
  )


def make_task_networks(
  environment_spec: specs.EnvironmentSpec,
  *,
  policy_layer_sizes: Sequence[int] = DEFAULT_LAYER_SIZES,
  critic_layer_sizes: Sequence[int] = DEFAULT_LAYER_SIZES,
  vmin: float = 0.0,
  vmax: float = 100.0,
  num_atoms: int = 101,
  normalised_critic: bool = False,
  observation_scale: Optional[Scales] = None,
  details: Optional[Details] = None,
  torso: Callable[[], snt.Module] = resnet.ResNetTorso,
  policy_keys: Optional[Sequence[str]] = None,
  critic_keys: Optional[Sequence[str]] = None,
  hidden: Optional[views.Components] = None,
  auxiliary_targets: Optional[views.AuxiliaryTargets] = None,
) -> acme_d4pg.D4PGNetworks:
  """Makes the networks of the unconditional policy pi(o_t) and of its critic.

  Args:
    environment_spec: specs of the task environment, or of the imitation
      environment, whose goal is left out. Observations are vectors, or uint8
      images [H, W, C] of one height and width.
    policy_layer_sizes: sizes of the policy's hidden layers.
    critic_layer_sizes: sizes of the critic's hidden layers.
    vmin: lowest atom of the value distribution; Table 1.
    vmax: highest atom of the value distribution; Table 1.
    num_atoms: number of atoms of the value distribution; Table 1, `Vbins`.
    normalised_critic: whether all hidden layers of the critic are normalised, see
      `tf.mlps`; otherwise the first alone, as in Acme's D4PG.
    observation_scale: scale factors of the observations, by key. A key that is
      left out is not scaled.
    details: further features of the observations that policy and critic see;
      none by default. What decides a task is shown to the imitation policy by
      the difference to its goal.
    torso: function that makes the images' torso, a module from uint8[B, H, W, C]
      to float32[B, D]. The default is the paper's large network (figure 3). It
      is not called if there are no images.
    policy_keys: as for `make_imitation_networks`.
    critic_keys: as for `make_imitation_networks`.
    hidden: as for `make_imitation_networks`.
    auxiliary_targets: as for `make_imitation_networks`; its goal differences are
      left out.

  Returns:
    Policy, critic and observation network, without variables until `init` is
    called. They take observations without `goal`.

  Raises:
    ValueError: if the spec, a scale or the details do not fit.
  """
  specs_lib.validate_actions(environment_spec.actions)
  observations = specs_lib.task_spec(environment_spec).observations
  arguments.check_scale('observation_scale', observation_scale, observations)
  arguments.check_details(details, observations)
  if auxiliary_targets is not None:
    auxiliary_targets = auxiliary_targets._replace(goal_difference={})
  return _assemble(
    observations,
    _make_policy(environment_spec.actions, policy_layer_sizes),
    _make_critic(critic_layer_sizes, vmin, vmax, num_atoms, normalised_critic),
    lambda seen: _make_observation_network(
      arguments.image_keys(seen),
      torso,
      observation_networks.ScaledObservation(observation_scale, details),
    ),
    policy_keys,
    critic_keys,
    hidden,
    auxiliary_targets,
  )


def _assemble(
  observations: types.NestedSpec,
  policy: snt.Module,
  critic: snt.Module,
  make_observation_network: Callable[[types.NestedSpec], snt.Module],
  policy_keys: Optional[Sequence[str]],
  critic_keys: Optional[Sequence[str]],
  hidden: Optional[views.Components],
  auxiliary_targets: Optional[views.AuxiliaryTargets],
) -> acme_d4pg.D4PGNetworks:
  """Joins policy and critic by features that they share, or gives each its own.

  Args:
    observations: specs of the observations.
    policy: network from features to actions.
    critic: network from features and actions to value distributions.
    make_observation_network: makes the network from observations of given specs
      to features.
    policy_keys: keys that the policy sees; None for all.
    critic_keys: keys that the critic sees; None for all.
    hidden: components that the policy does not see; None for none.
    auxiliary_targets: what the policy's own features are to predict.

  Raises:
    ValueError: if a key or a target is not observed, or there are targets for
      features that are not the policy's own.
  """
  if policy_keys is None and critic_keys is None:
    if auxiliary_targets is not None or hidden:
      raise ValueError(
        "auxiliary_targets and hidden are of features that are the policy's "
        'own: give policy_keys and critic_keys as well, even if they are the '
        'same.'
      )
    return acme_d4pg.D4PGNetworks(
      policy, critic, make_observation_network(observations)
    )
  arguments.check_targets(auxiliary_targets, observations)
  policy_keys = arguments.checked_keys('policy_keys', policy_keys, observations)
  critic_keys = arguments.checked_keys('critic_keys', critic_keys, observations)
  return acme_d4pg.D4PGNetworks(
    policy_network=views.ViewingPolicy(
      policy_keys,
      make_observation_network(views.select(observations, policy_keys)),
      policy,
      auxiliary_targets,
      arguments.checked_hidden(hidden, observations),
    ),
    critic_network=views.ViewingCritic(
      critic_keys,
      make_observation_network(views.select(observations, critic_keys)),
      critic,
    ),
    observation_network=views.WholeObservation(policy_keys),
  )


def _make_policy(
  action_spec: specs.BoundedArray, layer_sizes: Sequence[int]
) -> snt.Module:
  """Makes a deterministic policy whose first actions are near mid-range.

  Args:
    action_spec: spec of the actions, with the bounds of their range.
    layer_sizes: sizes of the hidden layers.

  Returns:
    Module from float32[B, D] to actions, float32[B, A].
  """
  return snt.Sequential(
    [
      acme_networks.LayerNormMLP(layer_sizes, activate_final=True),
      acme_networks.NearZeroInitializedLinear(int(np.prod(action_spec.shape))),
      acme_networks.TanhToSpec(action_spec),
    ]
  )


def _make_critic(
  layer_sizes: Sequence[int],
  vmin: float,
  vmax: float,
  num_atoms: int,
  normalised: bool,
) -> snt.Module:
  """Makes a distributional critic.

  Args:
    layer_sizes: sizes of the hidden layers.
    vmin: lowest atom of the value distribution.
    vmax: highest atom of the value distribution.
    num_atoms: number of evenly spaced atoms from `vmin` to `vmax`.
    normalised: whether all hidden layers are normalised.

  Returns:
    Module from float32[B, D] and actions float32[B, A] to value distributions.
  """
  mlp = (
    mlps.NormalisedMLP(layer_sizes)
    if normalised
    else acme_networks.LayerNormMLP(layer_sizes, activate_final=True)
  )
  return snt.Sequential(
    [
      acme_networks.CriticMultiplexer(critic_network=mlp),
      acme_networks.DiscreteValuedHead(vmin, vmax, num_atoms),
    ]
  )


def _make_observation_network(
  image_keys: Sequence[str],
  torso: Callable[[], snt.Module],
  vector_network: snt.Module,
  siamese: bool = False,
) -> snt.Module:
  """Makes the observation network.

  Args:
    image_keys: keys of the images in an observation.
    torso: function that makes the images' torso.
    vector_network: network from an observation without images to a vector.
    siamese: whether observation and goal go through the torso apart.

  Returns:
    The vectors' network, beside a torso if there are images.
  """
  if not image_keys:
    return vector_network
  return observation_networks.PixelObservation(
    torso(), image_keys, vector_network, siamese
  )
