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

from typing import Dict, Optional, Sequence, Tuple

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


class AutoregressiveNoise(snt.Module):
  """Adds Gaussian noise that is correlated from one call to the next.

  A first-order autoregressive process for each component, as in Korenkevych et
  al., 2019, "Autoregressive Policies for Continuous Control Deep Reinforcement
  Learning". At every call the noise is distributed as that of `GaussianNoise`.
  """

  def __init__(
    self,
    sigmas: Sequence[float],
    correlations: Sequence[float],
    name: str = 'autoregressive_noise',
  ):
    """Initializes the module.

    Args:
      sigmas: standard deviation of the noise on each of the N components of an
        input, in units of that component.
      correlations: correlation of each component's noise with that of the call
        before, in [0, 1).
      name: name of the module.
    """
    super().__init__(name=name)
    self._sigmas = tf.constant(sigmas, tf.float32)
    self._correlations = tf.constant(correlations, tf.float32)
    self._processes = _Processes()

  def __call__(self, inputs: tf.Tensor) -> tf.Tensor:
    """Adds the next noise to each input.

    Args:
      inputs: arrays of N components, float32[B, N]. Each row has a noise of its
        own, which goes on at the next call with as many.

    Returns:
      The inputs with noise, float32[B, N].
    """
    noise = self._processes.of_shape(tuple(inputs.shape))
    innovation = tf.random.normal(noise.shape)
    scale = tf.sqrt(1.0 - tf.square(self._correlations))
    noise.assign(self._correlations * noise + scale * innovation)
    return inputs + tf.cast(self._sigmas * noise, inputs.dtype)


class _Processes:
  """Holds the noise, out of sight of Sonnet.

  As one of its module's variables it would be one of the policy's, which actors
  fetch from a learner that has none.
  """

  def __init__(self) -> None:
    self._values: Dict[Tuple[int, ...], tf.Variable] = {}

  def of_shape(self, shape: Tuple[int, ...]) -> tf.Variable:
    """Returns the noise of inputs of a shape, which begins at the first call."""
    if shape not in self._values:
      # Outside of what is being traced, which must not make variables.
      with tf.init_scope():
        self._values[shape] = tf.Variable(
          tf.random.normal(shape), trainable=False
        )
    return self._values[shape]


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
    config: configuration of the half: `sigmas` or `sigma`, the noise's standard
      deviations, and `noise_correlations`.

  Returns:
    Module from observations to actions with noise, clipped to the bounds.

  Raises:
    ValueError: if `config.sigmas` or `config.noise_correlations` has not one value
      for each component of the action.
  """
  if config.sigmas is None and config.noise_correlations is None:
    return networks.make_policy(spec, config.sigma)
  sigmas, correlations = config.sigmas, config.noise_correlations
  if sigmas is None:
    sigmas = (config.sigma,) * len(correlations or ())
  for name, values in (
    ('noise_correlations', correlations),
    ('sigmas', sigmas),
  ):
    if values is not None and spec.actions.shape != (len(values),):
      raise ValueError(
        f'{name}={values} must have one value for each component of the '
        f'action, whose shape is {spec.actions.shape}: change {name} in the '
        'config, or leave it out for the same in all.'
      )
  return with_noise(
    networks.make_policy(spec), spec.actions, sigmas, correlations
  )


def with_noise(
  policy: snt.Module,
  action_spec: specs.BoundedArray,
  sigmas: Sequence[float],
  correlations: Optional[Sequence[float]] = None,
) -> snt.Module:
  """Returns a policy with noise on its actions, clipped to their bounds.

  Args:
    policy: module from observations to actions.
    action_spec: spec of the actions.
    sigmas: standard deviation of the noise on each of their components.
    correlations: correlation of each component's noise with that of the step
      before; None for none, and then each input of a batch has its own noise.
  """
  noise = (
    GaussianNoise(sigmas)
    if correlations is None
    else AutoregressiveNoise(sigmas, correlations)
  )
  return snt.Sequential([policy, noise, acme_networks.ClipToSpec(action_spec)])
