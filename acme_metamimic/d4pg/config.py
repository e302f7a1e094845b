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


"""Configuration of D4PG; the defaults are the paper's Table 1."""

import dataclasses
import math
from typing import Optional, Tuple

from acme.agents.tf.d4pg import agent as acme_d4pg

# Removers of a prioritised table.
MIN_HEAP = 'min_heap'
PROPORTIONAL = 'proportional'

# Replayed actions that a policy regresses to: better ones than its own by the
# critic; these, and all that imitation actors took; those after which more came
# than was expected; or all.
BETTER = 'better'
BETTER_OR_IMITATION = 'better_or_imitation'
ADVANTAGE = 'advantage'
ALL = 'all'
_REGRESSION_FILTERS = (BETTER, BETTER_OR_IMITATION, ADVANTAGE, ALL)


@dataclasses.dataclass
class D4PGConfig(acme_d4pg.D4PGConfig):
  """Configuration of one D4PG half; the defaults are the paper's Table 1.

  The optimizers inherited from Acme's config are instances and hold state: one
  instance serves one learner. Left at None, the builder makes Adam with the two
  learning rates below.

  Attributes:
    discount: discount factor gamma; Table 1.
    batch_size: number of transitions in a batch; Table 1.
    prefetch_size: number of batches that the dataset keeps ready for the
      learner; Acme's default.
    target_update_period: number of updates between two copies of the online
      networks into the target networks; Table 1.
    min_replay_size: number of items in the table before it can be sampled;
      Acme's default.
    max_replay_size: capacity of the table, in items; Table 1.
    samples_per_insert: how many times at most an inserted item is sampled, on
      average; the table's rate limiter holds a learner that is too fast, and
      never an actor (see `acme_metamimic.replay.tables`). None, the default, for no
      limit. In one process `updates_per_observation` sets the ratio.
    n_step: number of steps of the n-step returns; Table 1.
    sigma: standard deviation of the Gaussian exploration noise, in units of the
      action; not in the paper, Acme's default.
    sigmas: standard deviation of the noise in each component of the action;
      None, the default, for `sigma` in all of them.
    noise_correlations: correlation of the noise in each component of the action
      with that of the step before; not in the paper, and None, none, by default.
      See `d4pg.exploration`.
    clipping: whether to clip dQ/da at norm 1 and gradients at global norm 40;
      not in the paper, Acme's default.
    replay_table_name: name of the table that the learner samples from.
    policy_learning_rate: Adam's step size for the policy. Table 1 draws it from
      loguniform([5e-5, 2e-4]), whose median is 1e-4.
    critic_learning_rate: Adam's step size for the critic; Table 1, as above.
    final_learning_rate_factor: factor that both learning rates have come to at
      the end of their linear decay; not in the paper, and 1, no decay, by default.
    learning_rate_decay_updates: number of updates that this decay takes.
    vmin: lowest atom of the value distribution; Table 1.
    vmax: highest atom of the value distribution; Table 1.
    num_atoms: number of atoms of the value distribution; Table 1, `Vbins`.
    normalised_critic: whether all hidden layers of the critic are normalised;
      not in the paper, and by default the first alone is, as in Acme. See
      `tf.mlps`.
    updates_per_step: number of updates in one call of `learner.step()`. More
      than one saves the cost of entering TensorFlow, and delays what follows a
      call (logs, priorities, checkpoints). 1 is Acme's granularity.
    updates_per_observation: number of updates for each observation that this
      half's own actor makes when actor and learner share one process. Not in the paper, where
      actors and learners run freely; at a quarter of this nothing was learned
      on features within the first thousands of steps.
    priority_exponent: exponent of the priorities in the sampling probability; 0
      samples uniformly.
    importance_sampling_exponent: exponent of the importance weights that
      correct for prioritised sampling; 0 leaves them out.
    policy_averaging_horizon: number of updates over which the evaluator's policy
      is averaged; not in the paper, and 1, no average, by default.
    policy_trains_torso: whether the policy's loss trains the observation network
      beside the critic's. The paper is silent. False, as in Acme's D4PG: the
      critic's loss alone makes features that both use, and an update costs a
      forward and a backward pass of the torso less, 4 forward passes' worth
      instead of 7. From pixels, gradients of a policy were also found to
      disturb the critic's features (Yarats et al., 2021, "Improving Sample
      Efficiency in Model-Free Reinforcement Learning from Images").
    uses_target_policy: whether the target policy chooses the actions that the
      critic's targets are of, as in Acme's D4PG; otherwise the online policy does
      (as in soft actor critic, Haarnoja et al., 2018), which saves a quarter of
      the passes through a torso that the policy has to itself.
    auxiliary_weight: weight in the policy loss of the mean squared error of what
      the policy's features predict beside the action, such as positions that a
      policy from pixels does not see; not in the paper, and 0, no such loss, by
      default. The networks are then made with `auxiliary_targets`.
    smoothness_weight: weight in the policy loss of the squared distance between
      the policy's actions at the two observations of a transition; not in the
      paper, and 0, no such loss, by default. See `d4pg.smoothness`.
    image_shift: largest random shift of a sampled observation's images, in pixels;
      not in the paper, and 0, no shift, by default. See `tf.augmentation`.
    observation_noise: standard deviation of Gaussian noise on the vectors of a
      sampled observation and of its goal, in the units of the builder's
      `noise_scale`; not in the paper, and 0, no noise, by default. All of the
      learner sees it, auxiliary targets and a teacher as well.
    regression_weight: weight of the policy's regression to replayed actions; not
      in the paper, and 0, no regression, by default. See `d4pg.regression`.
    regression_filter: which replayed actions the policy regresses to: `better`
      ones by the critic, `better_or_imitation`, those with an n-step `advantage`,
      or `all`.
    final_regression_weight: weight at the end of its linear decay; None for no
      decay.
    regression_decay_updates: number of updates that the decay takes.
    teacher: trained policy whose actions the policy learns: one of
      `shipped.names()`, or the folder of a run or of a SavedModel; not in the
      paper, and None, no teacher, by default. It may see what the critic sees, and
      the networks are made with `policy_keys` and `critic_keys`. See
      `d4pg.teacher`.
    teacher_weight: weight in the policy loss of the squared distance to the
      teacher's action. With 5 it drowned what else trains a torso, whose error
      rose; with 0.5 it did not (docs/results/earlier.md, "From pixels before", one seed).
    remover: what a full prioritised table drops: `min_heap`, the item of the
      lowest priority; or `proportional`, by the learner in proportion to a
      power of the priority (see `acme_metamimic.replay.removal`). The paper says
      "prioritized" alone; the first is exact and costs the learner nothing.
    removal_exponent: exponent of the priorities in proportional removal; Ape-X
      DPG.
    removal_period: number of updates between two proportional removals; Ape-X
      DPG.
    variable_update_period: number of environment steps between an actor's
      requests for new variables when it runs apart from its learner; Acme's D4PG
      has 1000.
    num_parallel_samplers: number of streams that sample the table in parallel. Acme's
      dataset takes 12, which compete with the learner for the cores of a small
      machine; two were fastest on two cores.
    checkpoint_period_minutes: minutes from one checkpoint of the learner to the
      next; Acme's default.
  """

  batch_size: int = 64
  sigmas: Optional[Tuple[float, ...]] = None
  noise_correlations: Optional[Tuple[float, ...]] = None
  samples_per_insert: Optional[float] = None
  replay_table_name: str = 'task'
  policy_learning_rate: float = 1e-4
  critic_learning_rate: float = 1e-4
  final_learning_rate_factor: float = 1.0
  learning_rate_decay_updates: int = 1
  vmin: float = 0.0
  vmax: float = 100.0
  num_atoms: int = 101
  normalised_critic: bool = False
  updates_per_step: int = 1
  updates_per_observation: float = 1.0
  priority_exponent: float = 0.0
  importance_sampling_exponent: float = 0.0
  policy_averaging_horizon: int = 1
  policy_trains_torso: bool = False
  uses_target_policy: bool = True
  auxiliary_weight: float = 0.0
  smoothness_weight: float = 0.0
  image_shift: int = 0
  observation_noise: float = 0.0
  regression_weight: float = 0.0
  regression_filter: str = BETTER
  final_regression_weight: Optional[float] = None
  regression_decay_updates: int = 1
  teacher: Optional[str] = None
  teacher_weight: float = 0.5
  remover: str = MIN_HEAP
  removal_exponent: float = -0.4
  removal_period: int = 100
  variable_update_period: int = 1000
  num_parallel_samplers: int = 2
  checkpoint_period_minutes: float = 10.0

  def __post_init__(self) -> None:
    self._check_positive_integers()
    self._check_reals()
    self._check_ratio()
    if self.remover not in (MIN_HEAP, PROPORTIONAL):
      raise ValueError(
        f'remover={self.remover!r} is unknown: use {MIN_HEAP!r} or '
        f'{PROPORTIONAL!r}.'
      )
    if self.regression_filter not in _REGRESSION_FILTERS:
      raise ValueError(
        f'regression_filter={self.regression_filter!r} is unknown: use one of '
        f'{_REGRESSION_FILTERS}.'
      )
    if (
      self.regression_filter == BETTER_OR_IMITATION
      and self.priority_exponent > 0.0
    ):
      raise ValueError(
        f"regression_filter='better_or_imitation' needs to know who made an item, "
        f'which a prioritised table does not (priority_exponent='
        f'{self.priority_exponent}): sample uniformly, or use another filter.'
      )
    if self.teacher is not None and self.regression_weight > 0.0:
      raise ValueError(
        f'teacher={self.teacher!r} and regression_weight={self.regression_weight}'
        ' exclude each other: leave one of them out.'
      )
    if not self.vmin < self.vmax:
      raise ValueError(
        f'vmin={self.vmin} must be below vmax={self.vmax}: give the lowest and '
        'the highest discounted return that the critic is to represent.'
      )
    if self.num_atoms < 2:
      raise ValueError(
        f'num_atoms={self.num_atoms} must be at least 2: a distribution over '
        'values needs an atom at vmin and one at vmax.'
      )
    if self.max_replay_size < max(self.batch_size, self.min_replay_size):
      raise ValueError(
        f'max_replay_size={self.max_replay_size} must hold a batch of '
        f'batch_size={self.batch_size} and min_replay_size='
        f'{self.min_replay_size} items: raise it or lower these.'
      )
    if not self.replay_table_name:
      raise ValueError(
        "replay_table_name='' is empty: name the table that the learner "
        "samples from, for instance 'task'."
      )

  @property
  def observations_per_step(self) -> float:
    """Observations of this half's actor for each `learner.step()`.

    An integer, or one over an integer; see `updates_per_observation`.
    """
    return self.updates_per_step / self.updates_per_observation

  def _check_ratio(self) -> None:
    """Checks that a whole number of steps meets a whole one of observations."""
    ratio = self.observations_per_step
    ratio = max(ratio, 1.0 / ratio)
    if abs(ratio - round(ratio)) > 1e-6:
      raise ValueError(
        f'updates_per_step={self.updates_per_step} and updates_per_observation='
        f'{self.updates_per_observation} do not divide: make one a multiple of '
        'the other.'
      )

  def _check_positive_integers(self) -> None:
    """Checks the fields that count something."""
    for name in (
      'batch_size',
      'prefetch_size',
      'target_update_period',
      'min_replay_size',
      'max_replay_size',
      'n_step',
      'updates_per_step',
      'policy_averaging_horizon',
      'regression_decay_updates',
      'learning_rate_decay_updates',
      'removal_period',
      'variable_update_period',
      'num_parallel_samplers',
    ):
      value = getattr(self, name)
      if value != int(value) or value < 1:
        raise ValueError(
          f'{name}={value} must be an integer of at least 1: change {name} in '
          'the config.'
        )

    if self.image_shift != int(self.image_shift) or self.image_shift < 0:
      raise ValueError(
        f'image_shift={self.image_shift} must be a number of pixels: use 0 to '
        'shift nothing.'
      )

  def _check_reals(self) -> None:
    """Checks the fields that are rates, exponents and the like."""
    for name in (
      'policy_learning_rate',
      'critic_learning_rate',
      'final_learning_rate_factor',
      'updates_per_observation',
      'checkpoint_period_minutes',
    ):
      if not getattr(self, name) > 0.0:
        raise ValueError(
          f'{name}={getattr(self, name)} must be positive: change {name} in '
          'the config.'
        )
    for name in (
      'priority_exponent',
      'importance_sampling_exponent',
      'sigma',
      'auxiliary_weight',
      'smoothness_weight',
      'observation_noise',
      'regression_weight',
      'teacher_weight',
    ):
      if not 0.0 <= getattr(self, name) < math.inf:
        raise ValueError(
          f'{name}={getattr(self, name)} must not be negative or infinite: use '
          '0 to switch it off.'
        )
    if not all(sigma >= 0.0 for sigma in self.sigmas or ()):
      raise ValueError(
        f'sigmas={self.sigmas} must not be negative: use 0 where there is to be '
        'no noise.'
      )
    if not all(0.0 <= value < 1.0 for value in self.noise_correlations or ()):
      raise ValueError(
        f'noise_correlations={self.noise_correlations} must lie in [0, 1): use 0 '
        'where noise is to be new at every step.'
      )
    if not -math.inf < self.removal_exponent <= 0.0:
      raise ValueError(
        f'removal_exponent={self.removal_exponent} must be finite and not '
        'positive, or what is sampled most is removed first: Ape-X DPG has '
        '-0.4.'
      )
    if not 0.0 <= self.discount <= 1.0:
      raise ValueError(
        f'discount={self.discount} must lie in [0, 1]: Table 1 of the paper '
        'has 0.99.'
      )
    if self.samples_per_insert is not None and self.samples_per_insert <= 0.0:
      raise ValueError(
        f'samples_per_insert={self.samples_per_insert} must be positive, or '
        'None for no limit.'
      )


def check_same(config: Optional[object], of_builder: object) -> None:
  """Raises if an agent and its builder have different configs.

  Args:
    config: configuration of the agent; None for that of the builder.
    of_builder: configuration of the builder.

  Raises:
    ValueError: if they differ, as parts would be made by one and run by the
      other.
  """
  if config is not None and config != of_builder:
    raise ValueError(
      f'config={config} is not that of the builder, {of_builder}: give the '
      'builder the same, or leave one of the two out.'
    )
