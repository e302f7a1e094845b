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

"""Exploration: the policy with Gaussian noise on its actions."""

from typing import Sequence

from acme import specs
from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.tf import networks as acme_networks
import sonnet as snt
import tensorflow as tf

from acme_metamimic.d4pg import config as d4pg_config


class GaussianNoise(snt.Module):
  """Adds Gaussian noise, with a standard deviation for each component.

  Acme's `ClippedGaussian` has one standard deviation for all components.
  """

  def __init__(self, sigmas: Sequence[float], name: str = 'gaussian_noise'):
    """Initializes the module.

    Args:
      sigmas: standard deviation of the noise on each of the N components of an
        input, in units of that component.
      name: name of the module.
    """
    super().__init__(name=name)
    self._sigmas = tf.constant(sigmas, tf.float32)

  def __call__(self, inputs: tf.Tensor) -> tf.Tensor:
    """Adds noise to each input.

    Args:
      inputs: arrays of N components, float32[..., N].

    Returns:
      The inputs with noise, float32[..., N].
    """
    noise = tf.random.normal(tf.shape(inputs), dtype=inputs.dtype)
    return inputs + tf.cast(self._sigmas, inputs.dtype) * noise


def make_policy(
  networks: acme_d4pg.D4PGNetworks,
  spec: specs.EnvironmentSpec,
  config: d4pg_config.D4PGConfig,
) -> snt.Module:
  """Makes the policy that an actor explores with.

  Args:
    networks: observation and policy network of a half, which maps observations
      to deterministic actions.
    spec: specs of the half's environment, whose action bounds hold with noise,
      too.
    config: configuration of the half, whose `sigmas` or `sigma` are the noise's
      standard deviations.

  Returns:
    Module from observations to actions with noise, clipped to the bounds.

  Raises:
    ValueError: if `config.sigmas` has not one value for each component of the
      action.
  """
  if config.sigmas is None:
    return networks.make_policy(spec, config.sigma)
  if spec.actions.shape != (len(config.sigmas),):
    raise ValueError(
      f'sigmas={config.sigmas} must have one value for each component of the '
      f'action, whose shape is {spec.actions.shape}: change sigmas in the '
      'config, or use sigma, which is the same for all.'
    )
  return with_noise(networks.make_policy(spec), spec.actions, config.sigmas)


def with_noise(
  policy: snt.Module, action_spec: specs.BoundedArray, sigmas: Sequence[float]
) -> snt.Module:
  """Returns a policy with noise on its actions, clipped to their bounds.

  Args:
    policy: module from observations to actions.
    action_spec: spec of the actions.
    sigmas: standard deviation of the noise on each of their components.
  """
  return snt.Sequential(
    [policy, GaussianNoise(sigmas), acme_networks.ClipToSpec(action_spec)]
  )
