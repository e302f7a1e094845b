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

"""The imitation environment: follow a demonstration frame by frame.

Algorithm 1 of the paper, the environment's part of it: an episode starts at a
demonstration's state, the goal g_t = d_{t+1} is observed beside o_t, and two
reward streams come back, for imitation and for the task.
"""

from typing import Callable, Mapping, Optional, Protocol, Sequence

import dm_env
from dm_env import specs
import numpy as np

from environments import demonstrations as demonstrations_lib
from environments import initializers
from environments import rewards
from environments.demonstrations import storage

GOAL = 'goal'
GOAL_REFERENCE = 'goal_reference'
IMITATION = 'imitation'
TASK = 'task'

Deviation = Callable[
  [Mapping[str, np.ndarray], Mapping[str, np.ndarray]], float
]


class ResettableEnvironment(Protocol):
  """A `dm_env.Environment` that can be read and start at a stored state."""

  def reset(self) -> dm_env.TimeStep: ...

  def reset_to(self, state: np.ndarray) -> dm_env.TimeStep: ...

  def get_state(self) -> np.ndarray: ...

  def step(self, action: np.ndarray) -> dm_env.TimeStep: ...

  def observation_spec(self) -> Mapping[str, specs.Array]: ...

  def action_spec(self) -> specs.BoundedArray: ...

  def close(self) -> None: ...


class ImitationEnvironment(dm_env.Environment):
  """Wraps an environment so that it rewards following a demonstration."""

  def __init__(
    self,
    environment: ResettableEnvironment,
    demonstrations: Sequence[demonstrations_lib.Demonstration],
    *,
    reward_terms: Mapping[str, rewards.RewardTerm],
    policy_keys: Optional[Sequence[str]] = None,
    deviation: Optional[Deviation] = None,
    early_termination_distance: Optional[float] = None,
    curriculum_probability: float = 0.0,
    curriculum_steps: int = initializers.CURRICULUM_STEPS,
    check_start: bool = True,
    goal_references: bool = False,
    seed: Optional[int] = None,
  ):
    """Initializes the environment.

    Args:
      environment: the task, with scalar reward; its observations are a dict.
      demonstrations: at least one, with the same observations.
      reward_terms: the exponentials of equation 2, by observation key.
      policy_keys: observations that the policy sees, of the scene and of the
        goal; all by default. The others serve the reward alone, as
        proprioception does in the paper (section 3.2).
      deviation: distance of an observation to the goal frame, in metres.
      early_termination_distance: an episode ends once the deviation exceeds it,
        in metres; None never ends one early. The paper has 0.5 (Table 1) and
        0.01 (appendix C.2) without a unit.
      curriculum_probability: share of the episodes that start inside a
        demonstration instead of at its first frame.
      curriculum_steps: such an episode starts in the first this many steps; 300
        in appendix C.2.
      check_start: whether the first observation of an episode is compared with
        the recorded one.
      goal_references: whether to show, as `goal_reference`, which frame of which
        demonstration the goal is, for a replay that keeps this in place of the
        frame; the demonstration is -1 if it is not one of `demonstrations`.
      seed: of the choice of demonstrations and starts.

    Raises:
      ValueError: if the demonstrations do not fit the environment or an
        argument is out of range.
    """
    self._environment = environment
    self._demonstrations = list(demonstrations)
    self._reward_terms = dict(reward_terms)
    self._deviation = deviation
    self._distance = early_termination_distance
    self._starts = initializers.DemonstrationStarts(
      self._demonstrations, curriculum_probability, curriculum_steps, seed
    )
    self._check_start = check_start
    self._goal_references = goal_references
    spec = environment.observation_spec()
    self._observed = tuple(spec)
    self._policy_keys = tuple(policy_keys or spec)
    self._check(spec)
    self._demonstration = self._demonstrations[0]
    self._goals_index = 0
    self._set_goals(self._demonstration)
    self._step = 0
    self._reset_next_step = True
    self._last_deviation = 0.0

  def _check(self, spec: Mapping[str, specs.Array]) -> None:
    needed = {*self._policy_keys, *self._reward_terms}
    missing = needed - set(spec)
    if missing or not self._reward_terms:
      raise ValueError(
        f'policy_keys {self._policy_keys} and reward_terms '
        f'{tuple(self._reward_terms)} must be observations of the environment, '
        f'which has {tuple(spec)}.'
      )
    for index, demonstration in enumerate(self._demonstrations):
      for key in needed:
        frames = demonstration.observations.get(key)
        if frames is None or frames.shape[1:] != spec[key].shape:
          found = None if frames is None else frames.shape[1:]
          raise ValueError(
            f'Demonstration {index} has {key!r} of shape {found}, but the '
            f'environment has {spec[key].shape}; record demonstrations with '
            'the same observables.'
          )
        if frames.dtype != spec[key].dtype:
          raise ValueError(
            f'Demonstration {index} has {key!r} of dtype {frames.dtype}, but the '
            f'environment has {spec[key].dtype}; convert it.'
          )
    if self._distance is not None and (
      self._deviation is None or not self._distance > 0
    ):
      raise ValueError(
        f'early_termination_distance is {self._distance}; it must be positive '
        'and needs a `deviation` to compare with, or be None.'
      )

  @property
  def demonstrations(self) -> Sequence[demonstrations_lib.Demonstration]:
    """The dataset D."""
    return self._demonstrations

  @property
  def demonstration(self) -> demonstrations_lib.Demonstration:
    """The demonstration that the episode started from."""
    return self._demonstration

  @property
  def step_index(self) -> int:
    """Index of the demonstration's frame that corresponds to o_t."""
    return self._step

  @property
  def deviation(self) -> float:
    """Deviation of the last observation from its goal, in metres."""
    return self._last_deviation

  @property
  def frame(self) -> dict[str, np.ndarray]:
    """The frame of the goals' demonstration that o_t is compared with."""
    return self._frame(self._step)

  @property
  def environment(self) -> ResettableEnvironment:
    """The wrapped environment."""
    return self._environment

  def reset(self) -> dm_env.TimeStep:
    """Starts an episode at a random demonstration."""
    return self.start(*self._starts.draw())

  def start(
    self,
    index: int,
    step: int = 0,
    goals: Optional[demonstrations_lib.Demonstration] = None,
  ) -> dm_env.TimeStep:
    """Starts an episode at a given frame of a given demonstration.

    Args:
      index: of the demonstration.
      step: of the frame, in [0, T).
      goals: the demonstration that goals are taken from; the same by default.
        Another one tells whether a policy looks at its goals.

    Returns:
      The first time step.

    Raises:
      ValueError: if the demonstration has no such frame to start from.
      DatasetError: if the environment does not show the recorded frame.
    """
    steps = len(self._demonstrations[index])
    if not 0 <= step < steps:
      raise ValueError(
        f'step is {step}; demonstration {index} has {steps} steps, start at one '
        f'of 0 to {steps - 1}.'
      )
    self._demonstration = self._demonstrations[index]
    self._set_goals(goals or self._demonstration)
    self._goals_index = index if goals is None else -1
    self._step = step
    self._last_deviation = 0.0
    self._reset_next_step = False
    timestep = self._environment.reset_to(self._demonstration.states[step])
    if self._check_start:
      initializers.check_start(
        timestep.observation,
        self._demonstration,
        initializers.Start(index, step),
      )
    return dm_env.restart(self._observation(timestep))

  def _set_goals(self, goals: demonstrations_lib.Demonstration) -> None:
    """Gets a demonstration's frames ready, of what is observed at least."""
    self._num_goals = len(goals)
    self._frames = {
      key: storage.in_memory(goals.observations[key])
      for key in self._observed
      if key in goals.observations
    }

  def _frame(self, step: int) -> dict[str, np.ndarray]:
    """Returns the goals' demonstration's d_step; the last one beyond its end."""
    step = min(step, self._num_goals)
    return {key: frames[step] for key, frames in self._frames.items()}

  def step(self, action: np.ndarray) -> dm_env.TimeStep:
    """Takes a step; see `reward_spec` and `discount_spec` for the streams.

    The imitation stream ends (discount 0) when the deviation is too large, for
    the task stream the episode is merely cut. The demonstration's end truncates
    both.
    """
    if self._reset_next_step:
      return self.reset()
    timestep = self._environment.step(action)
    self._step += 1
    goal = self._frame(self._step)
    reward = {
      IMITATION: np.float32(
        rewards.imitation_reward(timestep.observation, goal, self._reward_terms)
      ),
      TASK: np.float32(timestep.reward),
    }
    deviated = self._deviates(timestep, goal)
    discount = {
      IMITATION: np.float32(0.0 if deviated else timestep.discount),
      TASK: np.float32(timestep.discount),
    }
    last = deviated or timestep.last() or self._step >= len(self._demonstration)
    self._reset_next_step = last
    return dm_env.TimeStep(
      dm_env.StepType.LAST if last else dm_env.StepType.MID,
      reward,
      discount,
      self._observation(timestep),
    )

  def _deviates(
    self, timestep: dm_env.TimeStep, goal: Mapping[str, np.ndarray]
  ) -> bool:
    if self._deviation is None:
      return False
    self._last_deviation = self._deviation(timestep.observation, goal)
    return self._distance is not None and self._last_deviation > self._distance

  def _observation(
    self, timestep: dm_env.TimeStep
  ) -> dict[str, np.ndarray | dict[str, np.ndarray]]:
    goal = self._frame(self._step + 1)
    observation = {
      **{key: timestep.observation[key] for key in self._policy_keys},
      GOAL: {key: goal[key] for key in self._policy_keys},
    }
    if self._goal_references:
      # Beyond the end it is the last frame.
      step = min(self._step + 1, self._num_goals)
      observation[GOAL_REFERENCE] = np.array(
        (self._goals_index, step), np.int32
      )
    return observation

  def observation_spec(self) -> Mapping[str, specs.Array]:
    """Returns the policy's observations, and the same once more as `goal`.

    There is `goal_reference`, too, if it was asked for.
    """
    spec = self._environment.observation_spec()
    visible = {key: spec[key] for key in self._policy_keys}
    goal = {key: s.replace(name=f'{GOAL}_{key}') for key, s in visible.items()}
    spec = {**visible, GOAL: goal}
    if self._goal_references:
      spec[GOAL_REFERENCE] = specs.Array((2,), np.int32, GOAL_REFERENCE)
    return spec

  def action_spec(self) -> specs.BoundedArray:
    """Returns the wrapped environment's action spec."""
    return self._environment.action_spec()

  def reward_spec(self) -> Mapping[str, specs.Array]:
    """Returns a scalar for each of the two streams."""
    return {
      IMITATION: specs.BoundedArray((), np.float32, 0.0, 1.0, name=IMITATION),
      TASK: specs.Array((), np.float32, name=TASK),
    }

  def discount_spec(self) -> Mapping[str, specs.Array]:
    """Returns a scalar for each of the two streams."""
    return {
      key: specs.BoundedArray((), np.float32, 0.0, 1.0, name=f'{key}_discount')
      for key in (IMITATION, TASK)
    }

  def close(self) -> None:
    """Closes the wrapped environment."""
    self._environment.close()
