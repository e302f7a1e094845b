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
"""Small networks, batches and learners for tests of the learner."""

import copy
from typing import Any, Callable, Dict, List, Optional, Sequence

from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.tf import losses as acme_losses
from acme.tf import networks as acme_networks
from acme.tf import utils as tf2_utils
import numpy as np
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import learning
from tests.acme_metamimic import fakes

BATCH_SIZE = 8
NUM_BATCHES = 10
DISCOUNT = 0.97
SPEC = specs_lib.imitation_spec(fakes.imitation_spec())
SAMPLES = fakes.make_samples(SPEC, BATCH_SIZE * NUM_BATCHES)


class CountingTorso(snt.Module):
  """A trainable observation network that counts how often Python calls it."""

  def __init__(self) -> None:
    super().__init__(name='torso')
    self.num_calls = 0
    self._layers = snt.Sequential([tf2_utils.batch_concat, snt.Linear(6)])

  def __call__(self, observation: Any) -> tf.Tensor:
    self.num_calls += 1
    return self._layers(observation)


def make_networks(layer_sizes: Sequence[int] = ()) -> d4pg_builder.NetworkPair:
  """Returns networks with these hidden layers; few are quick to trace."""

  def torso() -> List[snt.Module]:
    if not layer_sizes:
      return []
    return [acme_networks.LayerNormMLP(layer_sizes, activate_final=True)]

  online = acme_d4pg.D4PGNetworks(
    policy_network=snt.Sequential(
      [*torso(), snt.Linear(2), acme_networks.TanhToSpec(SPEC.actions)]
    ),
    critic_network=snt.Sequential(
      [
        acme_networks.CriticMultiplexer(),
        *torso(),
        acme_networks.DiscreteValuedHead(0.0, 10.0, 21),
      ]
    ),
    observation_network=CountingTorso(),
  )
  target = copy.deepcopy(online)
  online.init(SPEC)
  target.init(SPEC)
  return online, target


def arguments(
  networks: d4pg_builder.NetworkPair, skip: int = 0
) -> Dict[str, Any]:
  online, target = networks
  return {
    'policy_network': online.policy_network,
    'critic_network': online.critic_network,
    'observation_network': online.observation_network,
    'target_policy_network': target.policy_network,
    'target_critic_network': target.critic_network,
    'target_observation_network': target.observation_network,
    'discount': DISCOUNT,
    'target_update_period': 3,
    'dataset_iterator': fakes.make_iterator(SAMPLES, BATCH_SIZE, skip),
    'logger': fakes.RecordingLogger(),
  }


def make_learner(
  networks: Optional[d4pg_builder.NetworkPair] = None,
  skip: int = 0,
  **kwargs: Any,
) -> learning.D4PGLearner:
  defaults = arguments(networks or make_networks(), skip)
  return learning.D4PGLearner(**{**defaults, **kwargs})


def heeds_target_policy(
  make: Callable[[d4pg_builder.NetworkPair], learning.D4PGLearner],
) -> bool:
  """Returns whether a learner's critic loss depends on the target policy."""
  start = make_networks((8, 8))
  losses = []
  for shift in (0.0, 0.5):
    networks = make_networks((8, 8))
    copy_variables(start, networks)
    learner = make(networks)
    # Past the first update, which copies the online networks.
    learner._num_steps.assign(1)
    _, target = networks
    for variable in target.policy_network.trainable_variables:
      variable.assign(variable + shift)
    learner.step()
    (record,) = learner._logger.records
    losses.append(record['critic_loss'])
  return abs(losses[0] - losses[1]) > 1e-5


def variables(networks: d4pg_builder.NetworkPair) -> List[np.ndarray]:
  return [
    variable.numpy()
    for half in networks
    for network in (
      half.observation_network,
      half.critic_network,
      half.policy_network,
    )
    for variable in network.variables
  ]


def copy_variables(
  source: d4pg_builder.NetworkPair, destination: d4pg_builder.NetworkPair
) -> None:
  for source_half, destination_half in zip(source, destination, strict=True):
    for name in ('observation_network', 'critic_network', 'policy_network'):
      tree.map_structure(
        lambda a, b: b.assign(a),
        getattr(source_half, name).variables,
        getattr(destination_half, name).variables,
      )


def assert_close(actual: Any, expected: Any, **kwargs: Any) -> None:
  assert len(actual) == len(expected)
  for a, b in zip(actual, expected, strict=True):
    np.testing.assert_allclose(a, b, **kwargs)


def td_losses(
  networks: d4pg_builder.NetworkPair, transitions: Any
) -> tf.Tensor:
  """Returns Acme's critic loss before the first update, item by item."""
  # The first update begins by copying the online to the target networks.
  online, _ = networks
  o_tm1 = online.observation_network(transitions.observation)
  o_t = online.observation_network(transitions.next_observation)
  return acme_losses.categorical(
    online.critic_network(o_tm1, transitions.action),
    transitions.reward,
    DISCOUNT * transitions.discount,
    online.critic_network(o_t, online.policy_network(o_t)),
  )
