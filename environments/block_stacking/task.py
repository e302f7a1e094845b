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
from typing import Any, Optional, Sequence, Union

from dm_control import composer
from dm_control import mjcf
from dm_control.composer.observation import observable
from dm_control.entities.manipulators import kinova
from dm_env import specs
import mujoco
import numpy as np

from environments import rewards
from environments import state_environment
from environments.block_stacking import scene
from environments.block_stacking import views

TASK_NAME = 'jaco_block_stacking'
# The paper's camera, and the views of `views.VIEWS`.
IMAGES = ('image', *views.VIEWS)
OBSERVABLES = (*IMAGES, 'body', 'blocks')
# What an agent knows of itself and no demonstration shows: its last action. A
# demonstrator's would give away what is to be found out.
OWN_OBSERVABLES = ('last_action',)

# 20 Hz (section 3.1).
CONTROL_TIMESTEP = 0.05
# Episodes of the paper's length: its demonstrators collect 355 and 285 of one
# reward a step (section 3.2). The paper gives no T, see docs.
EPISODE_LENGTH = 550
# The largest step that keeps grasps as firm as 2 ms does.
PHYSICS_TIMESTEP = 0.005
# Half the edge of the cubes (m). 5 cm fit well between the Jaco's fingers.
HALF_SIZE = 0.025

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
_MAX_HALF_SIZE = 0.05

_TOP_COLOUR = (0.85, 0.1, 0.1, 1.0)
_BOTTOM_COLOUR = (0.1, 0.25, 0.85, 1.0)


class BlockStacking(composer.Task):
  """Put the red cube on the blue one.

  Args:
    observables: names of the observations, one or more of `OBSERVABLES` and
      `OWN_OBSERVABLES`.
    image_size: height and width of the images in pixels; 128 x 128 in the paper
      (Table 1).
    half_size: half the edge of the cubes, in metres.
    thresholds: thresholds at which the stages of the reward count as reached.
    physics_timestep: MuJoCo's time step, in seconds.

  Raises:
    ValueError: if an observable is unknown or none is given, or the cubes have
      no size.
  """

  def __init__(
    self,
    observables: Sequence[str] = ('image',),
    image_size: tuple[int, int] = (128, 128),
    half_size: float = HALF_SIZE,
    thresholds: rewards.StageThresholds = rewards.StageThresholds(),
    physics_timestep: float = PHYSICS_TIMESTEP,
  ):
    available = (*OBSERVABLES, *OWN_OBSERVABLES)
    unknown = set(observables) - set(available)
    if unknown or not observables:
      raise ValueError(
        f'observables are {tuple(observables)}; choose one or more of '
        f'{available}.'
      )
    if not 0.0 < half_size <= _MAX_HALF_SIZE:
      raise ValueError(
        f'half_size is {half_size}; it must be positive and at most '
        f'{_MAX_HALF_SIZE} m, so that two cubes find room.'
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
      **{
        name: views.ViewCamera(camera, view, height, width)
        for name, view in views.VIEWS.items()
      },
      'body': observable.Generic(self._observe_body),
      'blocks': observable.Generic(self._observe_blocks),
      'last_action': observable.Generic(self._observe_last_action),
    }
    chosen = collections.OrderedDict(
      (name, item) for name, item in available.items() if name in names
    )
    for item in chosen.values():
      item.enabled = True
    return chosen

  @property
  def root_entity(self) -> composer.Entity:
    return self._arena

  @property
  def arm(self) -> kinova.JacoArm:
    """The arm, with six joints."""
    return self._arm

  @property
  def hand(self) -> kinova.JacoHand:
    """The hand, with three fingers."""
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
    # advances by `num_physics_steps` in one call, see `StateEnvironment`.
    return 1

  @property
  def num_physics_steps(self) -> int:
    """Number of MuJoCo steps in one control step."""
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
    """Returns the positions and velocities that the reward depends on."""
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

  def _observe_last_action(self, physics: mjcf.Physics) -> np.ndarray:
    # It is part of the physics' state, so that a stored one has it as well.
    control = physics.data.ctrl[self._actuators] / self._max_velocity
    return control.astype(np.float32)


def _orientation(matrix: np.ndarray) -> np.ndarray:
  return matrix.reshape(3, 3)[:, :2].ravel()


def load(
  observables: Sequence[str] = ('image',),
  seed: Optional[Union[int, np.random.RandomState]] = None,
  episode_length: int = EPISODE_LENGTH,
  **task_arguments: Any,
) -> state_environment.StateEnvironment:
  """Loads the block-stacking environment.

  Args:
    observables: names of the observations, one or more of 'image',
      'close_image' and 'side_image' (uint8 [height, width, 3]), 'body' (float32
      [36], see `features.BODY_LAYOUT`), 'blocks' (float32 [30], see
      `features.BLOCKS_LAYOUT`) and 'last_action' (float32 [9], clipped to
      [-1, 1]; the state's at the start of an episode).
    seed: seed of the initial poses, or the random state that they are drawn
      from; a random seed by default.
    episode_length: number of control steps of 50 ms after which an episode is
      truncated.
    **task_arguments: further arguments of `BlockStacking`.

  Returns:
    An environment with scalar float32 reward and discount.

  Raises:
    ValueError: if an argument is out of range.
  """
  if episode_length < 1:
    raise ValueError(
      f'episode_length is {episode_length}; it must be at least 1 step.'
    )
  return state_environment.StateEnvironment(
    BlockStacking(observables, **task_arguments),
    # Half a step early: the sum of the time steps is not exact.
    time_limit=(episode_length - 0.5) * CONTROL_TIMESTEP,
    random_state=seed,
    strip_singleton_obs_buffer_dim=True,
    raise_exception_on_physics_error=False,
    recompile_mjcf_every_episode=False,
    max_reset_attempts=20,
  )
