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
"""An experiment: everything that says what a run of MetaMimic is.

It is data, so that a run can be kept, resumed, compared and changed by a flag,
and it builds both forms of the agent: in one process, and as a Launchpad program.
"""

import dataclasses
import functools
import math
from typing import Any, Callable, Mapping, Optional, Tuple

from acme import specs
from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.utils import loggers

import acme_metamimic
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import half as half_lib
from acme_metamimic.program import config as program_config
from environments.block_stacking import demonstrators
from experiments import limits
from experiments import pixel_forms
from experiments import schedule
from experiments.domains import block_stacking
from experiments.domains import domain as domain_lib

LoggerFactory = Callable[[str], loggers.Logger]
NetworkPair = Tuple[acme_d4pg.D4PGNetworks, acme_d4pg.D4PGNetworks]


# Fields of a program that follow from `seed` and `budget`, and are not to be set.
DERIVED = (
  'program.seed',
  'program.max_actor_steps',
  'program.max_imitation_updates',
  'program.max_minutes',
)


@dataclasses.dataclass(frozen=True)
class Demonstrations:
  """Where the demonstrations come from.

  Attributes:
    dataset: folder of recorded demonstrations, in `train` and `validation`, or
      one dataset whose masks divide it; None to record them into the run's
      folder.
    train_mask: name of the mask of the dataset's demonstrations to train on;
      None for all in `train`, or for robomimic's `train` of one dataset.
    validation_mask: name of the mask of those to validate with; None for all in
      `validation`, or for robomimic's `valid` of one dataset.
    train_demonstrator: name of the scripted demonstrator to train on.
    validation_demonstrator: name of the scripted demonstrator to validate with.
    num_train: number of demonstrations to train on.
    num_validation: number of demonstrations to validate with.
  """

  dataset: Optional[str] = None
  train_mask: Optional[str] = None
  validation_mask: Optional[str] = None
  train_demonstrator: str = 'brisk'
  validation_demonstrator: str = 'careful'
  num_train: int = 60
  num_validation: int = 40

  def __post_init__(self) -> None:
    limits.check_least(self, num_train=1, num_validation=2)

  @property
  def scripted_demonstrators(self) -> Tuple[str, ...]:
    """Names of the two that are scripted, to compare with from other starts."""
    names = (self.train_demonstrator, self.validation_demonstrator)
    return tuple(n for n in dict.fromkeys(names) if n in demonstrators.STYLES)


@dataclasses.dataclass(frozen=True)
class Networks:
  """Sizes of the networks of both halves.

  Attributes:
    torso: name of the torso for images, one of `pixel_forms.FORMS`; unused
      without images.
    policy_layer_sizes: sizes of the policies' hidden layers. Two of 256 keep two
      cores at over a hundred updates a second.
    critic_layer_sizes: sizes of the critics' hidden layers.
    siamese: whether the images of observation and goal go through one torso one
      after the other; otherwise side by side along the channels.
    task_details: whether the networks of the task half see the domain's `details`,
      what decides the task, beside the observation; where that has its keys.
    compute_dtype: type that the torso's convolutions multiply; 'float16' and
      'bfloat16' are mixed precision, for accelerators. `docs/accelerators.md`
      says which has which.
  """

  torso: str = 'paper'
  policy_layer_sizes: Tuple[int, ...] = (256, 256)
  critic_layer_sizes: Tuple[int, ...] = (256, 256)
  siamese: bool = False
  task_details: bool = False
  compute_dtype: str = 'float32'

  def __post_init__(self) -> None:
    if self.torso not in pixel_forms.FORMS:
      raise ValueError(
        f'there is no such torso: use one of {", ".join(pixel_forms.FORMS)}, or '
        'add yours to experiments/pixel_forms.py.'
      )
    pixel_forms.make_torso(self.torso, self.compute_dtype)


@dataclasses.dataclass(frozen=True)
class Experiment:
  """What a run acts in, learns with and is measured by.

  Attributes:
    preset: name of the preset that it was made from.
    domain: environments, their observations and rewards.
    demonstrations: where the demonstrations come from.
    imitation: configuration of the imitation half. In a program its limit of
      samples an insert holds the learner to the actors; in one process
      `updates_per_observation` does.
    task: configuration of the task half.
    networks: sizes of the networks.
    num_imitation_actors: number of imitation actors of a program.
    num_task_actors: number of task actors of a program.
    task_steps_per_imitation_step: share of the task actor's steps in one
      process, where it waits for the imitation actor; unused with a task phase.
      The paper has as many task actors as imitation actors.
    task_phase: part of a run in one process that the task half has to itself.
    program: configuration of a program's nodes.
    budget: when the run is finished.
    evaluation: how a run in one process is evaluated.
    threads_per_operation: number of threads of an operation of TensorFlow in one
      process. Halves share the cores, and small matrices gain nothing from more.
    learns_beside_acting: whether in one process each learner has a thread beside
      the one that acts.
    keeps_replay: whether a run in one process saves what its tables hold, to go
      on with it after a resume. A program always does.
    seed: seed of demonstrations, starts, networks and noise.
  """

  preset: str
  domain: domain_lib.Domain = dataclasses.field(
    default_factory=block_stacking.BlockStacking
  )
  demonstrations: Demonstrations = dataclasses.field(
    default_factory=Demonstrations
  )
  imitation: acme_metamimic.D4PGConfig = dataclasses.field(
    default_factory=lambda: acme_metamimic.MetaMimicConfig().imitation
  )
  task: acme_metamimic.D4PGConfig = dataclasses.field(
    default_factory=lambda: acme_metamimic.MetaMimicConfig().task
  )
  networks: Networks = dataclasses.field(default_factory=Networks)
  num_imitation_actors: int = 1
  num_task_actors: int = 1
  task_steps_per_imitation_step: float = 1.0
  task_phase: schedule.TaskPhase = dataclasses.field(
    default_factory=schedule.TaskPhase
  )
  program: acme_metamimic.ProgramConfig = dataclasses.field(
    # Evaluators rest on a machine that they share with learners.
    default_factory=lambda: acme_metamimic.ProgramConfig(
      evaluation_period_seconds=60.0
    )
  )
  budget: schedule.Budget = dataclasses.field(default_factory=schedule.Budget)
  evaluation: schedule.Evaluation = dataclasses.field(
    default_factory=schedule.Evaluation
  )
  threads_per_operation: int = 1
  learns_beside_acting: bool = False
  keeps_replay: bool = True
  seed: int = 0

  # Whether there is an imitation half; see `task_experiment`.
  learns_imitation = True

  def __post_init__(self) -> None:
    limits.check_least(
      self,
      seed=0,
      num_imitation_actors=1,
      num_task_actors=1,
      threads_per_operation=1,
    )
    if self.seed >= 2**31:
      raise ValueError(f'seed={self.seed} must be less than {2**31}.')
    if self.program.seed or self.program.limits:
      raise ValueError(
        'program.seed and program.max_... are set by `seed` and `budget`: set '
        'these.'
      )
    if not self.task_steps_per_imitation_step > 0.0:
      raise ValueError(
        f'task_steps_per_imitation_step={self.task_steps_per_imitation_step} '
        'must be positive.'
      )

  @property
  def config(self) -> acme_metamimic.MetaMimicConfig:
    """Configuration of the agent as a program runs it."""
    return acme_metamimic.MetaMimicConfig(
      imitation=self.imitation,
      task=self.task,
      num_imitation_actors=self.num_imitation_actors,
      num_task_actors=self.num_task_actors,
    )

  @property
  def one_process_config(self) -> acme_metamimic.MetaMimicConfig:
    """Configuration of the agent as one process runs it.

    There a limit of samples would hold acting and learning alike, and both
    learners are saved together.
    """
    return dataclasses.replace(
      self.config,
      **{half: self.one_process_half(half) for half in specs_lib.STREAMS},
    )

  def one_process_half(self, half: str) -> acme_metamimic.D4PGConfig:
    """Returns the configuration of a half as one process runs it.

    Args:
      half: `imitation` or `task`.
    """
    return dataclasses.replace(
      getattr(self, half),
      samples_per_insert=None,
      checkpoint_period_minutes=math.inf,
    )

  def dataset(self, folder: str) -> Optional[domain_lib.Dataset]:
    """Returns where the demonstrations are; None if there are none.

    Args:
      folder: folder of the dataset.
    """
    if not self.domain.has_demonstrations:
      return None
    wanted = self.demonstrations
    return domain_lib.Dataset(
      folder,
      wanted.num_train,
      wanted.num_validation,
      wanted.train_mask,
      wanted.validation_mask,
    )

  def make_networks(
    self, environment_spec: specs.EnvironmentSpec
  ) -> NetworkPair:
    """Makes the networks of the imitation and of the task half.

    Args:
      environment_spec: spec of the imitation environment.

    Returns:
      Networks without variables.
    """
    imitation = acme_metamimic.make_imitation_networks(
      environment_spec,
      goal_difference_scale=_seen(
        self.domain.goal_difference_scale(), environment_spec
      ),
      siamese=self.networks.siamese,
      **half_lib.support(self.imitation),
      **self._views(self.imitation),
      **self._sizes(environment_spec),
    )
    return imitation, self.make_task_networks(environment_spec)

  def make_task_networks(
    self, environment_spec: specs.EnvironmentSpec
  ) -> acme_d4pg.D4PGNetworks:
    """Makes the networks of the task half.

    Args:
      environment_spec: spec of the imitation or of the task environment.

    Returns:
      Networks without variables.
    """
    details = self.domain.details() if self.networks.task_details else None
    if details and not environment_spec.observations.keys() >= {*details.keys}:
      details = None
    return acme_metamimic.make_task_networks(
      environment_spec,
      details=details,
      **half_lib.support(self.task),
      **self._views(self.task),
      **self._sizes(environment_spec),
    )

  def _views(self, half: acme_metamimic.D4PGConfig) -> Mapping[str, Any]:
    """Returns the arguments of a half's networks on who sees what."""
    if self.domain.critic_keys is None:
      return {}
    return {
      'policy_keys': self.domain.policy_keys,
      'critic_keys': self.domain.critic_keys,
      'hidden': self.domain.hidden(),
      'auxiliary_targets': self.domain.auxiliary_targets()
      if half.auxiliary_weight
      else None,
    }

  def _sizes(
    self, environment_spec: specs.EnvironmentSpec
  ) -> Mapping[str, Any]:
    """Returns the arguments that the networks of both halves share."""
    return {
      'policy_layer_sizes': self.networks.policy_layer_sizes,
      'critic_layer_sizes': self.networks.critic_layer_sizes,
      'observation_scale': _seen(
        self.domain.observation_scale(), environment_spec
      ),
      'torso': pixel_forms.make_torso(
        self.networks.torso, self.networks.compute_dtype
      ),
    }

  def make_builder(
    self,
    config: acme_metamimic.MetaMimicConfig,
    dataset: Optional[domain_lib.Dataset],
  ) -> acme_metamimic.MetaMimicBuilder:
    """Makes the builder of both halves; a subclass puts in another learner.

    Args:
      config: configuration of the agent.
      dataset: where the demonstrations are.
    """
    return acme_metamimic.MetaMimicBuilder(
      config,
      goal_frames=self.domain.make_goal_frames(dataset),
      noise_scale=self.domain.noise_scale(),
    )

  def make_agent(
    self,
    environment_spec: specs.EnvironmentSpec,
    dataset: Optional[domain_lib.Dataset],
    *,
    logger_factory: Optional[LoggerFactory] = None,
    checkpoint_directory: Optional[str] = None,
  ) -> acme_metamimic.MetaMimic:
    """Makes the agent in one process.

    Args:
      environment_spec: spec of the imitation environment.
      dataset: where the demonstrations are.
      logger_factory: makes the learners' loggers from their labels; the terminal
        by default.
      checkpoint_directory: folder of the run; None for no checkpoints.

    Returns:
      The agent, resumed from its checkpoints if there are any.
    """
    config = self.one_process_config
    return acme_metamimic.MetaMimic(
      environment_spec,
      *self.make_networks(environment_spec),
      config,
      builder=self.make_builder(config, dataset),
      logger_factory=logger_factory,
      checkpoint_directory=checkpoint_directory,
      keeps_replay=self.keeps_replay and checkpoint_directory is not None,
      learns_beside_acting=self.learns_beside_acting,
    )

  def make_program(
    self,
    dataset: Optional[domain_lib.Dataset],
    logger_factory: LoggerFactory,
    checkpoint_directory: str,
  ) -> acme_metamimic.DistributedMetaMimic:
    """Makes the definition of the distributed program.

    Args:
      dataset: where the demonstrations are, with an absolute path.
      logger_factory: makes each node's logger; it pickles.
      checkpoint_directory: folder of the run.

    Returns:
      The definition, whose `build` makes the program.

    Raises:
      ValueError: if the numbers of nodes do not fit each other.
    """
    program = dataclasses.replace(
      self.program,
      seed=self.seed,
      max_actor_steps=self.budget.actor_steps,
      max_imitation_updates=self.budget.imitation_updates,
      max_minutes=self.budget.minutes,
    )
    share = program_config.share(self.config, program.num_replay_shards)
    return acme_metamimic.DistributedMetaMimic(
      functools.partial(self.domain.make_imitation_environment, dataset),
      functools.partial(self.domain.make_task_environment, dataset),
      self.make_networks,
      config=self.config,
      program_config=program,
      builder=self.make_builder(share, dataset),
      logger_factory=logger_factory,
      checkpoint_directory=checkpoint_directory,
    )


def _seen(
  scales: domain_lib.Scales, environment_spec: specs.EnvironmentSpec
) -> domain_lib.Scales:
  """Returns the scales of what an environment shows."""
  shown = environment_spec.observations
  return {key: value for key, value in scales.items() if key in shown}
