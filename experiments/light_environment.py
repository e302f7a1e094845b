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

"""A point that moves in the plane: an environment without physics.

It has the specs that MetaMimic expects and costs some microseconds a step, for
what is to be measured or tried apart from MuJoCo. Both policies can learn it in
a minute: the imitation policy to follow a path it has not seen, the task policy
to go to the origin.
"""

import time
from typing import Any, Dict, Optional, Tuple

from acme import specs
from acme import types
from acme.agents.tf.d4pg import agent as d4pg
import dm_env
import numpy as np

from acme_metamimic import config as config_lib
from acme_metamimic import networks
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.program import distributed

_STEP = 0.1
_WIDTH = 0.1
_TARGET_WIDTH = 0.3
_KEY = 'body'

_LAYER_SIZES = (64, 64)
_VMAX = 10.0  # The discount is 0.9 and a reward at most 1.
_NUM_ATOMS = 51


class LightEnvironment(dm_env.Environment):
  """Rewards following a random path, and being at the origin."""

  def __init__(
    self,
    imitation: bool,
    seed: Optional[int] = None,
    *,
    size: int = 2,
    episode_length: int = 50,
    step_seconds: float = 0.0,
  ):
    """Initializes the environment.

    Args:
      imitation: whether there is a goal and two streams, or the task's alone.
      seed: of starts and paths.
      size: numbers in an observation, of which the first two move.
      episode_length: in steps.
      step_seconds: that a step takes, as one of a robot does.

    Raises:
      ValueError: if an observation has less than two numbers.
    """
    if size < 2:
      raise ValueError(f'size={size} must be at least 2, for the position.')
    self._imitation = imitation
    self._random = np.random.default_rng(seed)
    self._size = size
    self._episode_length = episode_length
    self._step_seconds = step_seconds
    self._position = np.zeros(2)
    self._path = np.zeros((1, 2))
    self._num_steps = 0
    self._ended = True

  def reset(self) -> dm_env.TimeStep:
    self._num_steps, self._ended = 0, False
    self._position = self._random.uniform(-1.0, 1.0, 2)
    steps = self._random.uniform(-1.0, 1.0, (self._episode_length + 1, 2))
    # Smooth, so that the path can be followed.
    steps = np.cumsum(steps, axis=0) / np.arange(1, len(steps) + 1)[:, None]
    self._path = self._position + np.cumsum(_STEP * steps, axis=0)
    return dm_env.restart(self._observation())

  def step(self, action: np.ndarray) -> dm_env.TimeStep:
    time.sleep(self._step_seconds)
    if self._ended:
      return self.reset()
    self._position = self._position + _STEP * np.clip(action, -1.0, 1.0)
    error = np.sum((self._position - self._path[self._num_steps]) ** 2)
    distance = np.sum(self._position**2)
    self._num_steps += 1
    self._ended = last = self._num_steps >= self._episode_length
    return dm_env.TimeStep(
      dm_env.StepType.LAST if last else dm_env.StepType.MID,
      self._streams(
        np.float32(np.exp(-error / _WIDTH**2)),
        np.float32(np.exp(-distance / _TARGET_WIDTH**2)),
      ),
      self._streams(np.float32(1.0), np.float32(1.0)),
      self._observation(),
    )

  def observation_spec(self) -> Dict[str, Any]:
    frame = {_KEY: specs.Array((self._size,), np.float32, _KEY)}
    return {**frame, 'goal': dict(frame)} if self._imitation else frame

  def action_spec(self) -> specs.BoundedArray:
    return specs.BoundedArray((2,), np.float32, -1.0, 1.0)

  def reward_spec(self) -> types.NestedSpec:
    return self._streams(*[specs.Array((), np.float32)] * 2)

  def discount_spec(self) -> types.NestedSpec:
    return self._streams(*[specs.BoundedArray((), np.float32, 0.0, 1.0)] * 2)

  def _observation(self) -> Dict[str, Any]:
    frame = {_KEY: self._frame(self._position)}
    if self._imitation:
      index = min(self._num_steps, self._episode_length)
      return {**frame, 'goal': {_KEY: self._frame(self._path[index])}}
    return frame

  def _frame(self, position: np.ndarray) -> np.ndarray:
    frame = np.zeros(self._size, np.float32)
    frame[:2] = position
    return frame

  def _streams(self, imitation: Any, task: Any) -> Any:
    return {'imitation': imitation, 'task': task} if self._imitation else task


def make_imitation_environment(
  kind: str, seed: int, step_seconds: float = 0.0
) -> LightEnvironment:
  """Makes the environment of Algorithm 1; all kinds are alike."""
  return LightEnvironment(True, seed + _offset(kind), step_seconds=step_seconds)


def make_task_environment(
  kind: str, seed: int, step_seconds: float = 0.0
) -> LightEnvironment:
  """Makes the environment of Algorithm 3; all kinds are alike."""
  return LightEnvironment(
    False, seed + _offset(kind), step_seconds=step_seconds
  )


def _offset(kind: str) -> int:
  return {distributed.ACTOR: 0, distributed.TRAINING: 0}.get(kind, 1_000_000)


def make_networks(
  environment_spec: specs.EnvironmentSpec,
) -> Tuple[d4pg.D4PGNetworks, d4pg.D4PGNetworks]:
  """Makes small networks of both halves."""
  imitation = networks.make_imitation_networks(
    environment_spec,
    policy_layer_sizes=_LAYER_SIZES,
    critic_layer_sizes=_LAYER_SIZES,
    vmax=_VMAX,
    num_atoms=_NUM_ATOMS,
    goal_difference_scale={
      _KEY: np.full(environment_spec.observations[_KEY].shape, 1.0 / _STEP)
    },
  )
  task = networks.make_task_networks(
    environment_spec,
    policy_layer_sizes=_LAYER_SIZES,
    critic_layer_sizes=_LAYER_SIZES,
    vmax=_VMAX,
    num_atoms=_NUM_ATOMS,
  )
  return imitation, task


def make_config(
  num_actors: int = 1, samples_per_insert: Optional[float] = None
) -> config_lib.MetaMimicConfig:
  """Returns a config that learns it.

  Args:
    num_actors: of each half.
    samples_per_insert: that learners are held to; None lets them run freely.
  """

  def half(table: str) -> d4pg_config.D4PGConfig:
    return d4pg_config.D4PGConfig(
      replay_table_name=table,
      discount=0.9,
      vmax=_VMAX,
      num_atoms=_NUM_ATOMS,
      n_step=3,
      policy_learning_rate=3e-4,
      critic_learning_rate=3e-4,
      updates_per_step=10,
      min_replay_size=200,
      max_replay_size=50_000,
      variable_update_period=100,
      samples_per_insert=samples_per_insert,
      # Soon enough to be seen in a run of a minute.
      checkpoint_period_minutes=0.1,
    )

  return config_lib.MetaMimicConfig(
    imitation=half(specs_lib.IMITATION),
    task=half(specs_lib.TASK),
    num_imitation_actors=num_actors,
    num_task_actors=num_actors,
  )
