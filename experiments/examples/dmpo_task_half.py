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
"""Another learner in the task half: Acme's distributional MPO.

  python -m experiments.examples.dmpo_task_half                  # One process.
  python -m experiments.examples.dmpo_task_half --lp_launch_type=local_mt

MetaMimic asks a half for a builder. This one keeps the replay and the actors of
D4PG's, which any off-policy learner can use, and brings its own learner, and
networks whose policy is a distribution.
"""

import dataclasses
import os
from typing import Any, Iterator, Optional, Sequence

from absl import app
from absl import flags
from acme import specs
from acme.agents.tf import dmpo
from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.tf import networks
from acme.tf import savers
from acme.utils import counting
from acme.utils import loggers
import numpy as np
import reverb
import sonnet as snt

import acme_metamimic
from acme_metamimic import networks as networks_lib
from experiments import command_line
from experiments import experiment as experiment_lib
from experiments import one_process
from experiments import paths
from experiments import presets
from experiments import run_folder as run_folder_lib
from experiments import schedule
from experiments.distributed import launch as launch_lib
from experiments.domains import domain as domain_lib


class DMPONetworks(acme_d4pg.D4PGNetworks):
  """Networks whose policy samples to explore and takes the mean otherwise."""

  def make_policy(
    self, environment_spec: specs.EnvironmentSpec, sigma: float = 0.0
  ) -> snt.Module:
    """Returns a stochastic policy if `sigma` is positive, whatever its value."""
    head = (
      networks.StochasticSamplingHead()
      if sigma > 0.0
      else networks.StochasticMeanHead()
    )
    return snt.Sequential([self.observation_network, self.policy_network, head])


def make_networks(
  d4pg: acme_d4pg.D4PGNetworks,
  actions: specs.BoundedArray,
  layer_sizes: Sequence[int] = networks_lib.DEFAULT_LAYER_SIZES,
) -> DMPONetworks:
  """Returns D4PG's networks with another policy, of layers of these sizes."""
  size = int(np.prod(actions.shape))
  policy = [
    networks.LayerNormMLP(layer_sizes, activate_final=True),
    networks.MultivariateNormalDiagHead(size, init_scale=0.7),
  ]
  return DMPONetworks(
    policy_network=snt.Sequential(policy),
    critic_network=d4pg.critic_network,
    observation_network=d4pg.observation_network,
  )


class DMPOLearner(dmpo.DistributionalMPOLearner):
  """Acme's learner, which saves when told to, and into the run's folder."""

  def __init__(self, directory: Optional[str], name: str, **arguments: Any):
    super().__init__(**arguments, checkpoint=False)
    if directory is not None:
      objects = {
        'policy': self._policy_network,
        'critic': self._critic_network,
        'target_policy': self._target_policy_network,
        'target_critic': self._target_critic_network,
      }
      self._checkpointer = savers.Checkpointer(
        objects, directory=directory, subdirectory=name, add_uid=False
      )

  def save(self) -> bool:
    return self._checkpointer is not None and self._checkpointer.save(True)


class DMPOBuilder(acme_metamimic.D4PGBuilder):
  """D4PG's builder with another learner."""

  def make_learner(  # type: ignore[override]
    self,
    networks: Any,
    dataset: Iterator[reverb.ReplaySample],
    counter: Optional[counting.Counter] = None,
    logger: Optional[loggers.Logger] = None,
    *,
    replay_client: Optional[reverb.Client] = None,
    checkpoint_directory: Optional[str] = None,
    checkpoint_name: str = 'learner',
  ) -> DMPOLearner:
    """Makes the learner; see `D4PGBuilder.make_learner`."""
    online, target = networks
    return DMPOLearner(
      checkpoint_directory,
      checkpoint_name,
      policy_network=online.policy_network,
      critic_network=online.critic_network,
      observation_network=online.observation_network,
      target_policy_network=target.policy_network,
      target_critic_network=target.critic_network,
      target_observation_network=target.observation_network,
      discount=self.config.discount,
      num_samples=20,
      target_policy_update_period=self.config.target_update_period,
      target_critic_update_period=self.config.target_update_period,
      dataset=dataset,
      counter=counter,
      logger=logger,
    )


class DMPOExperiment(experiment_lib.Experiment):
  """An experiment whose task half learns by DMPO."""

  def make_networks(
    self, environment_spec: specs.EnvironmentSpec
  ) -> experiment_lib.NetworkPair:
    """Makes the networks of both halves; see `Experiment`."""
    imitation, task = super().make_networks(environment_spec)
    return imitation, make_networks(
      task, environment_spec.actions, self.networks.policy_layer_sizes
    )

  def make_builder(
    self,
    config: acme_metamimic.MetaMimicConfig,
    dataset: Optional[domain_lib.Dataset],
  ) -> acme_metamimic.MetaMimicBuilder:
    """Makes the builder of both halves; see `Experiment`."""
    noise_scale = self.domain.noise_scale()
    return acme_metamimic.MetaMimicBuilder(
      config,
      task_builder=DMPOBuilder(config.task, noise_scale=noise_scale),
      goal_frames=self.domain.make_goal_frames(dataset),
      noise_scale=noise_scale,
    )


def make_experiment(preset: str, minutes: float) -> DMPOExperiment:
  """Returns a preset with DMPO in its task half.

  Args:
    preset: name of the preset.
    minutes: minutes of training.
  """
  base = presets.make(preset)
  fields = {f.name: getattr(base, f.name) for f in dataclasses.fields(base)}
  return DMPOExperiment(
    **{**fields, 'budget': schedule.Budget(minutes=minutes)}
  )


def _define_flags() -> None:
  flags.DEFINE_string(
    'lp_launch_type',
    None,
    'Launch type of the program; one process by default.',
    allow_override=True,
  )
  flags.DEFINE_string('preset', 'light', 'Experiment to change.')
  flags.DEFINE_float('minutes', 1.0, 'Minutes of training.')
  paths.define(
    'run_folder', None, 'New folder for the results; runs/<date> by default.'
  )


def main(unused_argv: list[str]) -> None:
  """Runs the experiment in the form that the flags say."""
  command_line.quiet()
  given = flags.FLAGS
  experiment = make_experiment(given.preset, given.minutes)
  run_folder = given.run_folder or run_folder_lib.default()
  if given.lp_launch_type is None:
    one_process.run(experiment, run_folder)
    return
  outcome = launch_lib.run(
    experiment, launch_lib.Launch(given.lp_launch_type), run_folder
  )
  # Threads inside TensorFlow or gRPC may never end.
  os._exit(outcome.exit_code)


if __name__ == '__main__':
  _define_flags()
  app.run(main)
