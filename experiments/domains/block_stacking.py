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
"""Block stacking as an experiment acts in it: what is seen and rewarded."""

import dataclasses
import math
from typing import Mapping, Optional, Sequence, Tuple

from acme import wrappers
import dm_env
import numpy as np

import acme_metamimic
from acme_metamimic.replay import goals
from acme_metamimic.tf import views
from environments import block_stacking
from environments import demonstrations as demonstrations_lib
from environments import fixed_starts
from environments import imitation
from environments import initializers
from environments import retries
from environments import rewards
from environments import state_environment
from environments.block_stacking import features
from experiments.domains import domain
from experiments.domains import grasp_details

Demonstrations = Sequence[demonstrations_lib.Demonstration]


@dataclasses.dataclass(frozen=True)
class BlockStacking(domain.Domain):
  """Observations, reward and episodes of block stacking; features by default.

  Attributes:
    observables: what is observed, of `block_stacking.OBSERVABLES`, which are
      recorded as well, and `OWN_OBSERVABLES`.
    policy_keys: what of it the agent sees; None for all. The rest serves the
      reward and the early termination, as proprioception does in the paper
      (section 3.2).
    critic_keys: what of it the critics see, where that is not what the policies
      see; None for the same. Critics serve training alone (Pinto et al., 2018).
    shows_velocities: whether policies see the velocities in `body` and `blocks`,
      their own and the goal's. If not, `critic_keys` are needed.
    shows_joints: the same for the angles and speeds of the arm's joints.
    auxiliary_keys: what is observed for `auxiliary_weight` alone: what the
      policies' features learn to predict, where no critic sees it.
    image_size: height and width of the images, in pixels; Table 1 has 128.
    pixel_coefficient: weight of the pixels in equation 2, beta_1; 15 in Table 1.
    joint_coefficient: weight of the body in equation 2, beta_2; 2 in Table 1.
    block_coefficient: weight of the blocks' positions, which take the place of
      the pixels where there are none; not in the paper.
    pixel_scale: scale inside the exponential of the pixels; docs/rewards.md has
      the measurements that the scales were chosen by.
    joint_scale: scale inside the exponential of the body.
    block_scale: scale inside the exponential of the blocks.
    finger_weight: factor of the differences of the fingers' angles, before they
      are squared, in the body's exponential; 1 counts them as the arm's. What the
      fingers hold decides how far they close.
    early_termination_distance: metres of hand-to-block deviation that end a
      training episode (appendix C.2); None ends none early. The reward is too
      flat beyond 5 cm to lead the arm back. After 50 000 updates of the imitation
      half alone, unseen demonstrations came to 0.54 of the task return with 5 cm,
      to 0.24 with 10 and to 0.10 with 20 (one seed; docs/rewards.md).
    curriculum_probability: share of the training episodes that start inside a
      demonstration: otherwise the end of a demonstration is not seen before its
      beginning is mastered. Measured with episodes that ended at 10 cm: after
      50 000 updates unseen demonstrations came to 0.69 and 0.40 of the task
      return (seeds 0 and 1), with 1.0 to 0.62 and 0.31, with 0.5 to anything
      from 0.14 to 0.78.
    curriculum_steps: such an episode starts in the first this many steps;
      appendix C.2.
    source_curriculum_probability: the same for an imitation actor whose
      experience is for the task half alone. Its episodes do not end early, so
      that what follows a slip is seen as well. From 60 000 such steps of an
      imitation policy the task policy came to within 8 % of its demonstrator
      (docs/results/regression); other shares were not tried.
    playback_speeds: how many times as fast demonstrations are played to an imitation
      actor that learns from them, each at each of these speeds. Once as they were
      shown by default.
    source_speed: how many times as fast they are played to the imitation actor
      whose experience is for the task half alone. 1, as they were shown, by default.
    task_episode_length: number of steps of the task policy's episodes; 200 are
      twice what the quick demonstrators need.
    task_curriculum_probability: share of the task actor's episodes that start
      inside a demonstration, the others at its beginning: the demonstration
      curriculum of the paper's Figure 8. 0, no curriculum, by default; they then
      start at random.
    task_retry_probability: share of the task actor's failed episodes that the next
      one goes on from; 0, none, by default.
    task_starts: number of starts that task policies are evaluated from, always
      the same. Of fifty episodes the mean return has a standard error of 5.
    goal_references: whether the replay keeps references to the demonstrations'
      frames in place of the goals.
  """

  has_demonstrations = True

  observables: Tuple[str, ...] = ('body', 'blocks')
  policy_keys: Optional[Tuple[str, ...]] = None
  critic_keys: Optional[Tuple[str, ...]] = None
  shows_velocities: bool = True
  shows_joints: bool = True
  auxiliary_keys: Tuple[str, ...] = ()
  image_size: int = 128
  pixel_coefficient: float = 0.0
  joint_coefficient: float = 1.0
  block_coefficient: float = 1.0
  pixel_scale: float = features.pixel_reward_terms()['image'].scale
  joint_scale: float = features.feature_reward_terms()['body'].scale
  block_scale: float = features.feature_reward_terms()['blocks'].scale
  finger_weight: float = 1.0
  early_termination_distance: Optional[float] = 0.05
  curriculum_probability: float = 0.75
  curriculum_steps: int = initializers.CURRICULUM_STEPS
  source_curriculum_probability: float = 0.5
  playback_speeds: Tuple[float, ...] = (1.0,)
  source_speed: float = 1.0
  task_episode_length: int = 200
  task_curriculum_probability: float = 0.0
  task_retry_probability: float = 0.0
  task_starts: int = 50
  goal_references: bool = False

  def __post_init__(self) -> None:
    known = (*block_stacking.OBSERVABLES, *block_stacking.OWN_OBSERVABLES)
    unknown = set(self.observables) - set(known)
    if unknown:
      raise ValueError(
        f'observables {sorted(unknown)} are none of {", ".join(known)}.'
      )
    for name in ('policy_keys', 'critic_keys', 'auxiliary_keys'):
      unseen = set(getattr(self, name) or ()) - set(self.observables)
      if unseen:
        raise ValueError(
          f'{name} {getattr(self, name)} are not all among the observables '
          f'{self.observables}: add {sorted(unseen)} to the observables.'
        )
    missing = {*self.reward_terms(), 'blocks'} - set(self.observables)
    if missing:
      raise ValueError(
        f'observables {self.observables} lack {sorted(missing)}, which the '
        'reward or the deviation from the demonstration is computed from: add '
        'them, and leave them out of policy_keys.'
      )
    self._check_views()
    self._check_numbers()

  def _check_views(self) -> None:
    """Raises if policies are to differ from critics that they share all with."""
    if self.critic_keys is not None:
      return
    for name in ('shows_velocities', 'shows_joints'):
      if not getattr(self, name):
        raise ValueError(
          f'{name}=False hides them from the policies alone: give critic_keys as '
          'well.'
        )
    if self.auxiliary_keys:
      raise ValueError(
        f'auxiliary_keys={self.auxiliary_keys} are for features that are the '
        "policies' own: give critic_keys as well."
      )

  def _check_numbers(self) -> None:
    """Raises if a number is out of range, rather than minutes later."""
    for name in (
      'image_size',
      'curriculum_steps',
      'task_episode_length',
      'task_starts',
    ):
      if getattr(self, name) < 1:
        raise ValueError(f'{name}={getattr(self, name)} must be at least 1.')
    weights = ('pixel_coefficient', 'joint_coefficient', 'block_coefficient')
    for name in (*weights, 'finger_weight'):
      if not 0.0 <= getattr(self, name) < math.inf:
        raise ValueError(
          f'{name}={getattr(self, name)} must be at least 0 and finite.'
        )
    for name in ('pixel_scale', 'joint_scale', 'block_scale'):
      if not 0.0 < getattr(self, name) < math.inf:
        raise ValueError(
          f'{name}={getattr(self, name)} must be positive and finite: a term of '
          'the reward is exp(-scale * squared distance).'
        )
    if not self.reward_terms():
      raise ValueError(
        f'{", ".join(weights)} are all 0, and so is the reward: set one.'
      )
    if not self.playback_speeds:
      raise ValueError(
        'playback_speeds is empty: give at least one, such as 1.'
      )
    for name, speeds in (
      ('playback_speeds', self.playback_speeds),
      ('source_speed', (self.source_speed,)),
    ):
      if not all(1.0 <= speed < math.inf for speed in speeds):
        raise ValueError(
          f'{name}={getattr(self, name)} must be at least 1 and finite.'
        )
      if self.goal_references and max(speeds) > 1.0:
        raise ValueError(
          f'{name}={getattr(self, name)} has goals that goal_references=True '
          'would refer to as frames of the demonstrations: set one of the two.'
        )
    distance = self.early_termination_distance
    if distance is not None and not distance > 0.0:
      raise ValueError(
        f'early_termination_distance={distance} must be positive, or None.'
      )
    for name in (
      'curriculum_probability',
      'source_curriculum_probability',
      'task_curriculum_probability',
      'task_retry_probability',
    ):
      if not 0.0 <= getattr(self, name) <= 1.0:
        raise ValueError(f'{name}={getattr(self, name)} must lie in [0, 1].')

  @property
  def seen_keys(self) -> Tuple[str, ...]:
    """What of the observation the agent sees, acting or learning."""
    seen = {
      *(self.policy_keys or self.observables),
      *(self.critic_keys or ()),
      *self.auxiliary_keys,
    }
    return tuple(key for key in self.observables if key in seen)

  @property
  def recorded(self) -> Tuple[str, ...]:
    """What of the observation a demonstration has."""
    return _without_own(self.observables)

  @property
  def seen_images(self) -> Tuple[str, ...]:
    """Images among what the agent sees."""
    return tuple(k for k in self.seen_keys if k in block_stacking.IMAGES)

  @property
  def policy_images(self) -> Tuple[str, ...]:
    """Images among what the policies see."""
    keys = self.policy_keys or self.observables
    return tuple(k for k in keys if k in block_stacking.IMAGES)

  def reward_terms(self) -> Mapping[str, rewards.RewardTerm]:
    """Returns the exponentials of equation 2, by observation key."""
    terms = {
      **features.pixel_reward_terms(),
      **features.feature_reward_terms(self.finger_weight),
    }
    settings = {
      'image': (self.pixel_coefficient, self.pixel_scale),
      'body': (self.joint_coefficient, self.joint_scale),
      'blocks': (self.block_coefficient, self.block_scale),
    }
    return {
      key: terms[key]._replace(coefficient=coefficient, scale=scale)
      for key, (coefficient, scale) in settings.items()
      if coefficient
    }

  def load(
    self,
    observables: Optional[Sequence[str]] = None,
    seed: Optional[int] = None,
    episode_length: int = block_stacking.EPISODE_LENGTH,
  ) -> state_environment.StateEnvironment:
    """Loads the task.

    Args:
      observables: what is observed; the settings' observables by default.
      seed: seed of the initial poses.
      episode_length: number of steps of an episode.
    """
    return block_stacking.load(
      observables or self.observables,
      seed,
      episode_length,
      image_size=(self.image_size, self.image_size),
    )

  def load_demonstrations(
    self, dataset: domain.Dataset, kind: str
  ) -> Demonstrations:
    """Returns the demonstrations that an environment follows.

    Args:
      dataset: where the demonstrations are.
      kind: what the environment is for.
    """
    part = dataset.part(kind)
    loaded = demonstrations_lib.load(
      part.path, block_stacking.TASK_NAME, mask=part.mask
    )
    return loaded[: part.number]

  def load_task_demonstrations(self, dataset: domain.Dataset) -> Demonstrations:
    """Returns the training demonstrations as the task environment shows them.

    Args:
      dataset: where the demonstrations are.
    """
    keys = _without_own(self.seen_keys)
    result = []
    for demonstration in self.load_demonstrations(dataset, domain.ACTOR):
      observations = {key: demonstration.observations[key] for key in keys}
      if 'last_action' in self.seen_keys:
        observations['last_action'] = demonstration.last_actions()
      result.append(
        dataclasses.replace(demonstration, observations=observations)
      )
    return result

  def make_imitation_environment(
    self, dataset: Optional[domain.Dataset], kind: str, seed: int
  ) -> imitation.ImitationEnvironment:
    """Makes the environment of Algorithm 1; see `Domain`."""
    assert dataset is not None
    return self.follow(self.load_demonstrations(dataset, kind), kind, seed)

  def follow(
    self,
    demonstrations: Demonstrations,
    kind: str,
    seed: int,
    check_start: bool = True,
  ) -> imitation.ImitationEnvironment:
    """Makes an environment that follows given demonstrations.

    Args:
      demonstrations: the dataset D.
      kind: what it is for. An actor's episodes end early and start inside
        demonstrations, a source's only start inside, and others do neither.
      seed: seed of the choice of demonstrations and starts.
      check_start: whether an episode must begin with the recorded frame.
    """
    speeds = {
      domain.ACTOR: self.playback_speeds,
      domain.SOURCE: (self.source_speed,),
    }
    demonstrations = [
      d.sped_up(speed) if speed > 1.0 else d
      for speed in speeds.get(kind, (1.0,))
      for d in demonstrations
    ]
    inside = {
      domain.ACTOR: self.curriculum_probability,
      domain.SOURCE: self.source_curriculum_probability,
    }
    return imitation.ImitationEnvironment(
      self.load(seed=seed),
      demonstrations,
      reward_terms=self.reward_terms(),
      policy_keys=self.seen_keys,
      own_keys=block_stacking.OWN_OBSERVABLES,
      deviation=features.hand_to_block_deviation,
      early_termination_distance=self.early_termination_distance
      if kind == domain.ACTOR
      else None,
      curriculum_probability=inside.get(kind, 0.0),
      curriculum_steps=self.curriculum_steps,
      check_start=check_start,
      goal_references=self.goal_references,
      seed=seed,
    )

  def make_task_environment(
    self, dataset: Optional[domain.Dataset], kind: str, seed: int
  ) -> dm_env.Environment:
    """Makes the environment of Algorithm 3; see `Domain`."""
    task = self.load(self.seen_keys, seed, self.task_episode_length)
    if kind == domain.VALIDATION:
      states = fixed_starts.draw_states(task, self.task_starts)
      return fixed_starts.FixedStarts(task, states)
    environment: dm_env.Environment = task
    if self.task_curriculum_probability:
      assert dataset is not None
      environment = initializers.CurriculumEnvironment(
        task,
        self.load_demonstrations(dataset, kind),
        curriculum_probability=self.task_curriculum_probability,
        curriculum_steps=self.curriculum_steps,
        seed=seed,
      )
    if self.task_retry_probability:
      environment = retries.RetryEnvironment(
        environment,
        task,
        retry_probability=self.task_retry_probability,
        seed=seed,
      )
    return wrappers.SinglePrecisionWrapper(environment)

  def goal_difference_scale(self) -> domain.Scales:
    """Returns factors that make one step of motion of order one."""
    return features.motion_scale()

  def observation_scale(self) -> domain.Scales:
    """Returns factors that give the workspace a size of order one."""
    return features.feature_scale()

  def details(self) -> acme_metamimic.Details:
    """Returns how hand, fingers and blocks stand to each other, close up."""
    return grasp_details.details(block_stacking.HALF_SIZE)

  def noise_scale(self) -> domain.Scales:
    """Returns one control step of motion, such as 1 cm."""
    return features.step_of_motion()

  def hidden(self) -> views.Components:
    """Returns what policies do not see of body and blocks, if anything."""
    parts = []
    if not self.shows_velocities:
      parts.append(features.velocities())
    if not self.shows_joints:
      parts.append(features.joints())
    return {
      key: np.any([part[key] for part in parts], axis=0)
      for key in (parts[0] if parts else ())
    }

  def auxiliary_targets(self) -> views.AuxiliaryTargets:
    """Returns hand and blocks, and where they are to be, in metres by scales."""
    return views.AuxiliaryTargets(
      features.position_scale(), features.position_difference_scale()
    )

  def make_goal_frames(
    self, dataset: Optional[domain.Dataset]
  ) -> Optional[goals.GoalFrames]:
    """Returns the frames that goals refer to; see `Domain`."""
    if not self.goal_references:
      return None
    assert dataset is not None
    return goals.GoalFrames(
      [
        {
          key: np.asarray(demonstration.observations[key])
          for key in _without_own(self.seen_keys)
        }
        for demonstration in self.load_demonstrations(dataset, domain.ACTOR)
      ]
    )


def _without_own(keys: Tuple[str, ...]) -> Tuple[str, ...]:
  """Returns the keys that a demonstration shows, and so a goal."""
  return tuple(k for k in keys if k not in block_stacking.OWN_OBSERVABLES)
