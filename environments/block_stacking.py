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
"""Block stacking with a Kinova Jaco: the paper's environment (section 3.1).

Six arm joints and three fingers are driven by velocities in [-1, 1] at 20 Hz.
Two cubes lie on a table; the red one is to be put on the blue one. The reward
is sparse and piecewise constant: 0, 0.125 (reached), 0.25 (lifted), 1 (stacked).
"""

import collections
import itertools
from typing import Any, Mapping, Optional, Sequence, Union

from dm_control import composer
from dm_control import mjcf
from dm_control.composer.observation import observable
from dm_control.entities.manipulators import kinova
import dm_env
from dm_env import specs
import mujoco
import numpy as np

from environments import rewards
from environments import scene

TASK_NAME = 'jaco_block_stacking'
OBSERVABLES = ('image', 'body', 'blocks')

# 20 Hz (section 3.1).
CONTROL_TIMESTEP = 0.05
# Episodes of the paper's length: its demonstrators collect 355 and 285 of one
# reward a step (section 3.2). The paper gives no T, see docs.
EPISODE_LENGTH = 550
# The largest step that keeps grasps as firm as 2 ms does.
PHYSICS_TIMESTEP = 0.005
# Everything that mj_step depends on, warm start included: replays are exact.
STATE_SIGNATURE = int(mujoco.mjtState.mjSTATE_INTEGRATION)

# Base of the arm, as in dm_control's manipulation tasks (m).
_ARM_OFFSET = (0.0, 0.4, 0.0)
# An elbow-up configuration over the middle of the table, far from the limits
# of the joints (rad); initial poses are found from here.
_HOME = (4.6, 3.62, 1.34, 6.01, 1.01, 1.18)

# Where blocks and the finger tips may start: (lower, upper) corners (m).
_BLOCK_REGION = ((-0.13, -0.13), (0.13, 0.10))
_HAND_REGION = ((-0.12, -0.12, 0.14), (0.12, 0.10, 0.28))
# Centres of the blocks are at least this many half-edges apart, so that the
# fingers fit between them.
_MINIMUM_SEPARATION = 4.5
_MAX_PLACEMENTS = 100

_TOP_COLOUR = (0.85, 0.1, 0.1, 1.0)
_BOTTOM_COLOUR = (0.1, 0.25, 0.85, 1.0)


def _layout(**sizes: int) -> dict[str, slice]:
  ends = list(itertools.accumulate(sizes.values()))
  return {
    name: slice(end - size, end)
    for (name, size), end in zip(sizes.items(), ends)
  }


# What the components of the observation vectors are. Angles are given by sine
# and cosine because four of the joints turn freely; orientations by the first
# two columns of the rotation matrix.
BODY_LAYOUT = _layout(
  joint_sine=6,
  joint_cosine=6,
  joint_velocity=6,  # rad/s
  finger_position=3,  # rad
  finger_velocity=3,  # rad/s
  hand_position=3,  # m, between the finger tips
  hand_orientation=6,
  hand_velocity=3,  # m/s
)
BLOCKS_LAYOUT = _layout(
  top_position=3,  # m
  top_orientation=6,
  top_velocity=3,  # m/s
  bottom_position=3,
  bottom_orientation=6,
  bottom_velocity=3,
  hand_to_top=3,  # m
  top_to_bottom=3,  # m
)


class BlockStacking(composer.Task):
  """Put the red cube on the blue one.

  Args:
    observables: which of 'image', 'body' and 'blocks' are observed.
    image_size: (height, width) in pixels; 128 x 128 in the paper (Table 1).
    half_size: half the edge of the cubes, in metres. 2.5 cm fits well between
      the Jaco's fingers.
    thresholds: when a stage of the reward counts as reached.
    physics_timestep: MuJoCo's time step in seconds.

  Raises:
    ValueError: if an observable is unknown or none is given.
  """

  def __init__(
    self,
    observables: Sequence[str] = ('image',),
    image_size: tuple[int, int] = (128, 128),
    half_size: float = 0.025,
    thresholds: rewards.StageThresholds = rewards.StageThresholds(),
    physics_timestep: float = PHYSICS_TIMESTEP,
  ):
    unknown = set(observables) - set(OBSERVABLES)
    if unknown or not observables:
      raise ValueError(
        f'observables are {tuple(observables)}; choose one or more of '
        f'{OBSERVABLES}.'
      )
    self._half_size = half_size
    self._thresholds = thresholds
    self._arena = scene.StackingArena()
    self._arm = kinova.JacoArm()
    self._hand = kinova.JacoHand(use_pinch_site_as_tcp=True)
    self._arm.attach(self._hand)
    self._arena.attach(self._arm).pos = _ARM_OFFSET
    self._top = scene.Block('top', half_size, _TOP_COLOUR)
    self._bottom = scene.Block('bottom', half_size, _BOTTOM_COLOUR)
    for block in (self._top, self._bottom):
      self._arena.add_free_entity(block)
    self._arena.mjcf_model.option.integrator = 'implicitfast'
    self.set_timesteps(CONTROL_TIMESTEP, physics_timestep)
    for entity in (self._arm, self._hand):
      entity.observables.disable_all()
    self._task_observables = self._make_observables(observables, image_size)

  def _make_observables(
    self, names: Sequence[str], image_size: tuple[int, int]
  ) -> dict[str, observable.Observable]:
    height, width = image_size
    camera = self._arena.mjcf_model.find('camera', scene.CAMERA)
    available = {
      'image': observable.MJCFCamera(camera, height=height, width=width),
      'body': observable.Generic(self._observe_body),
      'blocks': observable.Generic(self._observe_blocks),
    }
    chosen = collections.OrderedDict(
      (name, available[name]) for name in OBSERVABLES if name in names
    )
    for item in chosen.values():
      item.enabled = True
    return chosen

  @property
  def root_entity(self) -> composer.Entity:
    return self._arena

  @property
  def arm(self) -> kinova.JacoArm:
    return self._arm

  @property
  def hand(self) -> kinova.JacoHand:
    return self._hand

  @property
  def top(self) -> scene.Block:
    """The block that is to be lifted."""
    return self._top

  @property
  def bottom(self) -> scene.Block:
    """The block that the other one is to be put on."""
    return self._bottom

  @property
  def half_size(self) -> float:
    """Half the edge of a block, in metres."""
    return self._half_size

  @property
  def task_observables(self) -> dict[str, observable.Observable]:
    return self._task_observables

  @property
  def physics_steps_per_control_step(self) -> int:
    # Composer's hooks and observations run once a control step. The physics
    # advances by `num_physics_steps` in one call, see BlockStackingEnvironment.
    return 1

  @property
  def num_physics_steps(self) -> int:
    """MuJoCo steps in one control step."""
    return super().physics_steps_per_control_step

  def after_compile(
    self, physics: mjcf.Physics, random_state: np.random.RandomState
  ) -> None:
    # Plain indices: binding elements at every step would cost more than the
    # physics.
    bind = physics.bind
    model = physics.model
    arm = bind(self._arm.joints).element_id
    fingers = bind(self._hand.joints).element_id
    self._arm_qpos = model.jnt_qposadr[arm]
    self._arm_qvel = model.jnt_dofadr[arm]
    self._finger_qpos = model.jnt_qposadr[fingers]
    self._finger_qvel = model.jnt_dofadr[fingers]
    self._hand_site = bind(self._hand.pinch_site).element_id
    self._block_geoms = [
      bind(block.geom).element_id for block in (self._top, self._bottom)
    ]
    self._block_qvel = [
      model.body_dofadr[model.geom_bodyid[geom]] for geom in self._block_geoms
    ]
    hand_bodies = bind(self._hand.mjcf_model.find_all('body')).element_id
    self._is_hand_geom = np.isin(model.geom_bodyid, hand_bodies)
    self._actuators = bind(
      [*self._arm.actuators, *self._hand.actuators]
    ).element_id
    self._max_velocity = model.actuator_ctrlrange[self._actuators, 1].copy()

  def initialize_episode(
    self, physics: mjcf.Physics, random_state: np.random.RandomState
  ) -> None:
    for block, position in zip(
      (self._top, self._bottom), self._sample_block_positions(random_state)
    ):
      yaw = random_state.uniform(-np.pi, np.pi)
      block.set_pose(
        physics,
        position=(*position, self._half_size),
        quaternion=(np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)),
      )
    self._hand.set_grasp(physics, random_state.uniform(0.0, 0.6))
    physics.bind(self._arm.joints).qpos = _HOME
    reached = self._arm.set_site_to_xpos(
      physics,
      random_state,
      self._hand.pinch_site,
      target_pos=random_state.uniform(*_HAND_REGION),
      max_ik_attempts=1,
    )
    if not reached:
      raise composer.EpisodeInitializationError(
        'The inverse kinematics found no pose of the arm for its start.'
      )

  def _sample_block_positions(
    self, random_state: np.random.RandomState
  ) -> np.ndarray:
    for _ in range(_MAX_PLACEMENTS):
      positions = random_state.uniform(*_BLOCK_REGION, size=(2, 2))
      distance = np.linalg.norm(positions[0] - positions[1])
      if distance >= _MINIMUM_SEPARATION * self._half_size:
        return positions
    raise composer.EpisodeInitializationError(
      f'No room for two blocks of half_size {self._half_size} m in '
      f'{_BLOCK_REGION}; use smaller blocks.'
    )

  def before_step(
    self,
    physics: mjcf.Physics,
    action: np.ndarray,
    random_state: np.random.RandomState,
  ) -> None:
    action = np.asarray(action)
    if action.shape != self._max_velocity.shape or not np.all(
      np.isfinite(action)
    ):
      raise ValueError(
        f'The action is {action}; it must be '
        f'{self._max_velocity.size} finite numbers in [-1, 1].'
      )
    physics.data.ctrl[self._actuators] = (
      np.clip(action, -1.0, 1.0) * self._max_velocity
    )

  def action_spec(self, physics: mjcf.Physics) -> specs.BoundedArray:
    return specs.BoundedArray(
      self._max_velocity.shape, np.float32, -1.0, 1.0, name='velocities'
    )

  def get_reward_spec(self) -> specs.Array:
    return specs.Array((), np.float32, name='reward')

  def get_discount_spec(self) -> specs.BoundedArray:
    return specs.BoundedArray((), np.float32, 0.0, 1.0, name='discount')

  def get_reward(self, physics: mjcf.Physics) -> np.float32:
    state = self.stacking_state(physics)
    return np.float32(
      rewards.stage_reward(state, self._half_size, self._thresholds)
    )

  def get_discount(self, physics: mjcf.Physics) -> np.float32:
    return np.float32(1.0)

  def stacking_state(self, physics: mjcf.Physics) -> rewards.StackingState:
    """Returns what the stages of the reward depend on."""
    data = physics.data
    top, bottom = self._block_geoms
    start = self._block_qvel[0]
    pairs = data.ptr.contact.geom
    touches_hand = self._is_hand_geom[pairs].any(axis=1)
    return rewards.StackingState(
      hand_position=data.site_xpos[self._hand_site],
      top_position=data.geom_xpos[top],
      bottom_position=data.geom_xpos[bottom],
      top_velocity=data.qvel[start : start + 3],
      held=bool(np.any(touches_hand & (pairs == top).any(axis=1))),
    )

  def _observe_body(self, physics: mjcf.Physics) -> np.ndarray:
    data = physics.data
    angles = data.qpos[self._arm_qpos]
    velocity = np.empty(6)
    mujoco.mj_objectVelocity(
      physics.model.ptr,
      data.ptr,
      mujoco.mjtObj.mjOBJ_SITE,
      self._hand_site,
      velocity,
      0,
    )
    return np.concatenate(
      (
        np.sin(angles),
        np.cos(angles),
        data.qvel[self._arm_qvel],
        data.qpos[self._finger_qpos],
        data.qvel[self._finger_qvel],
        data.site_xpos[self._hand_site],
        _orientation(data.site_xmat[self._hand_site]),
        velocity[3:],
      )
    ).astype(np.float32)

  def _observe_blocks(self, physics: mjcf.Physics) -> np.ndarray:
    data = physics.data
    top, bottom = data.geom_xpos[self._block_geoms]
    parts = []
    for geom, start in zip(self._block_geoms, self._block_qvel):
      parts += [
        data.geom_xpos[geom],
        _orientation(data.geom_xmat[geom]),
        data.qvel[start : start + 3],
      ]
    parts += [top - data.site_xpos[self._hand_site], bottom - top]
    return np.concatenate(parts).astype(np.float32)


def _orientation(matrix: np.ndarray) -> np.ndarray:
  return matrix.reshape(3, 3)[:, :2].ravel()


def _components(
  layout: Mapping[str, slice], other: float = 0.0, **values: float
) -> np.ndarray:
  vector = np.full(max(part.stop for part in layout.values()), other)
  for name, value in values.items():
    vector[layout[name]] = value
  return vector.astype(np.float32)


def feature_scale() -> dict[str, np.ndarray]:
  """Returns factors for 'body' and 'blocks' that networks learn well from.

  Positions come in decimetres: the workspace then has a size of order one.
  """
  return {
    'body': _components(BODY_LAYOUT, other=1.0, hand_position=10.0),
    'blocks': _components(
      BLOCKS_LAYOUT,
      other=1.0,
      top_position=10.0,
      bottom_position=10.0,
      hand_to_top=10.0,
      top_to_bottom=10.0,
    ),
  }


def motion_scale() -> dict[str, np.ndarray]:
  """Returns factors that make one control step of motion of order one.

  At the demonstrators' speed a joint turns 0.03 rad and the hand moves 1 cm in
  a step; speeds change within some steps from nothing to 0.3 rad/s or 0.2 m/s.
  """
  return {
    'body': _components(
      BODY_LAYOUT,
      joint_sine=30.0,
      joint_cosine=30.0,
      joint_velocity=3.0,
      finger_position=30.0,
      finger_velocity=1.0,
      hand_position=100.0,
      hand_orientation=30.0,
      hand_velocity=5.0,
    ),
    'blocks': _components(
      BLOCKS_LAYOUT,
      top_position=100.0,
      top_orientation=10.0,
      top_velocity=5.0,
      bottom_position=100.0,
      bottom_orientation=10.0,
      bottom_velocity=5.0,
      hand_to_top=100.0,
      top_to_bottom=100.0,
    ),
  }


def hand_to_block_deviation(
  observation: Mapping[str, np.ndarray], goal: Mapping[str, np.ndarray]
) -> float:
  """Returns the distance of the two hand-to-block vectors in metres.

  Appendix C.2 terminates an imitation episode on this distance.

  Args:
    observation: has 'blocks', float32 [30].
    goal: the demonstration's frame, has 'blocks'.
  """
  part = BLOCKS_LAYOUT['hand_to_top']
  difference = observation['blocks'][part] - goal['blocks'][part]
  return float(np.linalg.norm(difference))


def hand_position_error(
  observation: Mapping[str, np.ndarray], goal: Mapping[str, np.ndarray]
) -> float:
  """Returns the distance of the two end effectors in metres.

  Args:
    observation: has 'body', float32 [36].
    goal: the demonstration's frame, has 'body'.
  """
  part = BODY_LAYOUT['hand_position']
  return float(np.linalg.norm(observation['body'][part] - goal['body'][part]))


def feature_reward_terms() -> dict[str, rewards.RewardTerm]:
  """Returns equation 2 for features: the blocks take the place of the pixels.

  Positions are compared in decimetres, angles in radians, and orientations and
  speeds not at all (the joints say as much). One step late at 0.2 m/s earns
  more than 0.97 of the reward, 10 cm beside the goal 0.14 of a term.
  """
  body = _components(
    BODY_LAYOUT,
    joint_sine=1.0,
    joint_cosine=1.0,
    finger_position=1.0,
    hand_position=10.0,
  )
  blocks = _components(
    BLOCKS_LAYOUT, top_position=10.0, bottom_position=10.0, hand_to_top=10.0
  )
  return {
    'body': rewards.RewardTerm(coefficient=1.0, scale=2.0, weights=body),
    'blocks': rewards.RewardTerm(coefficient=1.0, scale=2.0, weights=blocks),
  }


class BlockStackingEnvironment(composer.Environment):
  """A composer environment that can start at any state.

  The physics advances by a whole control step in one call, and an episode can
  start at a stored state without composer's reset, which costs more than an
  episode that is terminated early.
  """

  def __init__(self, task: BlockStacking, **kwargs: Any):
    super().__init__(task, **kwargs)
    # Composer compiles again at the first reset; nothing has changed by then.
    self._mjcf_never_compiled = False

  def reset(self) -> dm_env.TimeStep:
    """Starts an episode with blocks and arm at random poses."""
    super().reset()
    # Derived quantities are then the same as in a replay from this state.
    return self.reset_to(self.get_state())

  def step(self, action: np.ndarray) -> dm_env.TimeStep:
    """Advances by 50 ms; where the physics diverges the episode ends with 0."""
    timestep = super().step(action)
    if timestep.first():
      return timestep
    # Composer gives Python's floats, against the spec, after a divergence.
    return timestep._replace(
      reward=np.float32(timestep.reward), discount=np.float32(timestep.discount)
    )

  def _substep(self, action: np.ndarray) -> None:
    self._physics.step(self._task.num_physics_steps)

  def get_state(self) -> np.ndarray:
    """Returns the full physics state, float64, see `STATE_SIGNATURE`."""
    return self._physics.get_state(STATE_SIGNATURE)

  def reset_to(self, state: np.ndarray) -> dm_env.TimeStep:
    """Starts an episode at a stored state.

    Args:
      state: what `get_state` returned, for the same model.

    Returns:
      The first time step of the episode.

    Raises:
      ValueError: if the state has another size, or numbers that are not finite
        or so large that MuJoCo would go to its default pose instead.
    """
    state = np.asarray(state, np.float64)
    size = mujoco.mj_stateSize(self._physics.model.ptr, STATE_SIGNATURE)
    if state.shape != (size,):
      raise ValueError(
        f'The state has shape {state.shape} but this model needs ({size},); '
        'it was recorded with another model.'
      )
    usable = np.abs(state) <= mujoco.mjMAXVAL
    if not np.all(usable):
      raise ValueError(
        f'The state has {np.sum(~usable)} numbers that are not finite or beyond '
        f'{mujoco.mjMAXVAL:g}; record the demonstration again.'
      )
    self._physics.set_state(state, STATE_SIGNATURE)
    # Not mj_forward: the step that was stored ended with mj_step1, too.
    mujoco.mj_step1(self._physics.model.ptr, self._physics.data.ptr)
    self._observation_updater.reset(self._physics_proxy, self._random_state)
    self._reset_next_step = False
    return dm_env.restart(self._observation_updater.get_observation())


def load(
  observables: Sequence[str] = ('image',),
  seed: Optional[Union[int, np.random.RandomState]] = None,
  episode_length: int = EPISODE_LENGTH,
  **task_arguments: Any,
) -> BlockStackingEnvironment:
  """Loads the block-stacking environment.

  Args:
    observables: which of 'image' (uint8 [128, 128, 3]), 'body' (float32 [36],
      see `BODY_LAYOUT`) and 'blocks' (float32 [30], see `BLOCKS_LAYOUT`) are
      observed.
    seed: of the initial poses.
    episode_length: in control steps of 50 ms; an episode is truncated there.
    **task_arguments: see `BlockStacking`.

  Returns:
    An environment with scalar float32 reward and discount.

  Raises:
    ValueError: if an argument is out of range.
  """
  if episode_length < 1:
    raise ValueError(
      f'episode_length is {episode_length}; it must be at least 1 step.'
    )
  return BlockStackingEnvironment(
    BlockStacking(observables, **task_arguments),
    # Half a step early: the sum of the time steps is not exact.
    time_limit=(episode_length - 0.5) * CONTROL_TIMESTEP,
    random_state=seed,
    strip_singleton_obs_buffer_dim=True,
    raise_exception_on_physics_error=False,
    recompile_mjcf_every_episode=False,
    max_reset_attempts=20,
  )
