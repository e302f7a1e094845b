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

It is the environment's part of the paper's algorithm 1: an episode starts at a
demonstration's state, the goal g_t = d_{t+1} is observed beside o_t, and there
are two reward streams, one for imitation and one for the task.
"""

from typing import Callable, Mapping, Optional, Sequence

import dm_env
from dm_env import specs
import numpy as np

from environments import demonstrations as demonstrations_lib
from environments import initializers
from environments import rewards
from environments import starts
from environments.demonstrations import demonstration as demonstration_lib
from environments.demonstrations import storage

# Keys of the observation beside the environment's own.
GOAL = 'goal'
GOAL_REFERENCE = 'goal_reference'
# Keys of the reward and of the discount.
IMITATION = 'imitation'
TASK = 'task'

# Returns the distance of an observation to its goal, in metres.
Deviation = Callable[
  [Mapping[str, np.ndarray], Mapping[str, np.ndarray]], float
]


class ImitationEnvironment(dm_env.Environment):
  """Wraps an environment so that it rewards following a demonstration.

  Args:
    environment: the environment of the task, with scalar reward and a dict of
      arrays as observation.
    demonstrations: demonstrations to follow, at least one, with the
      environment's observations.
    reward_terms: terms of equation 2 by observation key.
    policy_keys: keys of the observations that the policy sees, of the scene and
      of the goal; all by default. The others serve the reward alone, as
      proprioception does in the paper (section 3.2).
    own_keys: those of `policy_keys` that goals do not have, such as the agent's
      last action; demonstrations need not have them either.
    deviation: function that returns the distance of an observation to its goal,
      in metres; None measures none.
    early_termination_distance: deviation in metres beyond which an episode ends;
      None never ends one early. The paper has 0.5 (Table 1) and 0.01 (appendix
      C.2) without a unit.
    curriculum_probability: probability that an episode starts inside a
      demonstration instead of at its first frame.
    curriculum_steps: number of steps from the beginning of a demonstration in
      which such an episode starts; 300 in appendix C.2.
    check_start: whether the first observation of an episode is compared with
      the recorded one.
    goal_references: whether observations have a `goal_reference`, int32 [2]: the
      index of the goal's demonstration and of the goal's frame in it, for a
      replay that keeps these in place of the frame. The demonstration is -1 if
      it is not one of `demonstrations`.
    seed: seed of the choice of demonstrations and starts; a random one by
      default.

  Raises:
    ValueError: if the demonstrations do not fit the environment or an argument
      is out of range.
  """

  def __init__(
    self,
    environment: starts.StartedEnvironment,
    demonstrations: Sequence[demonstrations_lib.Demonstration],
    *,
    reward_terms: Mapping[str, rewards.RewardTerm],
    policy_keys: Optional[Sequence[str]] = None,
    own_keys: Sequence[str] = (),
    deviation: Optional[Deviation] = None,
    early_termination_distance: Optional[float] = None,
    curriculum_probability: float = 0.0,
    curriculum_steps: int = initializers.CURRICULUM_STEPS,
    check_start: bool = True,
    goal_references: bool = False,
    seed: Optional[int] = None,
  ):
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
    self._goal_keys = tuple(
      key for key in self._policy_keys if key not in own_keys
    )
    self._check(spec)
    self._demonstration = self._demonstrations[0]
    self._goals_index = 0
    self._set_goals(self._demonstration)
    self._step = 0
    self._reset_next_step = True
    self._last_deviation = 0.0
    self._scene: Mapping[str, np.ndarray] = {}

  def _check(self, spec: Mapping[str, specs.Array]) -> None:
    """Raises a ValueError if an argument does not fit the observations."""
    needed = {*self._policy_keys, *self._reward_terms}
    missing = needed - set(spec)
    if missing or not self._reward_terms:
      raise ValueError(
        f'policy_keys {self._policy_keys} and reward_terms '
        f'{tuple(self._reward_terms)} must be observations of the environment, '
        f'which has {tuple(spec)}.'
      )
    for index, demonstration in enumerate(self._demonstrations):
      for key in {*self._goal_keys, *self._reward_terms}:
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
            f'environment has {spec[key].dtype}; give the environment that '
            'type, or convert the frames with `astype`.'
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
    """The dataset D of demonstrations."""
    return tuple(self._demonstrations)

  @property
  def demonstration(self) -> demonstrations_lib.Demonstration:
    """The demonstration that the episode started from."""
    return self._demonstration

  @property
  def step_index(self) -> int:
    """Index of the demonstration's frame that o_t is compared with."""
    return self._step

  @property
  def deviation(self) -> float:
    """Deviation of the last observation from its goal, in metres."""
    return self._last_deviation

  @property
  def frame(self) -> dict[str, np.ndarray]:
    """Frame of the goals' demonstration that o_t is compared with, by key."""
    return self._frame(self._step)

  @property
  def num_divergences(self) -> int:
    """Number of episodes so far that ended because the physics diverged."""
    return getattr(self._environment, 'num_divergences', 0)

  @property
  def scene(self) -> Mapping[str, np.ndarray]:
    """All that the wrapped environment observed last, by key."""
    return dict(self._scene)

  @property
  def reward_terms(self) -> Mapping[str, rewards.RewardTerm]:
    """Terms of equation 2 by observation key."""
    return dict(self._reward_terms)

  @property
  def environment(self) -> starts.StartedEnvironment:
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
      index: index of the demonstration.
      step: index of the frame in the demonstration, in [0, T).
      goals: demonstration that the goals are taken from; the one of the start by
        default. Another one tells whether a policy looks at its goals.

    Returns:
      The first time step of the episode.

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
    self._see(timestep)
    if self._check_start:
      initializers.check_start(
        timestep.observation,
        self._demonstration,
        initializers.Start(index, step),
      )
    return dm_env.restart(self._observation())

  def _see(self, timestep: dm_env.TimeStep) -> None:
    """Keeps what is observed; an agent is given read-only views of it."""
    self._scene = {
      key: demonstration_lib.read_only(values)
      for key, values in timestep.observation.items()
    }

  def _set_goals(self, goals: demonstrations_lib.Demonstration) -> None:
    """Reads the frames of the goals' demonstration, of the observed keys."""
    self._num_goals = len(goals)
    self._frames = {
      key: demonstration_lib.read_only(
        storage.in_memory(goals.observations[key])
      )
      for key in self._observed
      if key in goals.observations
    }

  def _frame(self, step: int) -> dict[str, np.ndarray]:
    """Returns the frame d_step of the goals' demonstration, by key.

    Beyond the end it is the last frame.
    """
    step = min(step, self._num_goals)
    return {key: frames[step] for key, frames in self._frames.items()}

  def step(self, action: np.ndarray) -> dm_env.TimeStep:
    """Takes a step, or begins the next episode after the last step of one.

    Too large a deviation ends the episode: it terminates the imitation stream
    (discount 0) and truncates the task stream. The demonstration's end truncates
    both.

    Args:
      action: an action as `action_spec` describes it.

    Returns:
      The next time step, with reward and discount for each of the two streams.
    """
    if self._reset_next_step:
      return self.reset()
    timestep = self._environment.step(action)
    self._see(timestep)
    self._step += 1
    goal = self._frame(self._step)
    reward = {
      IMITATION: np.float32(
        rewards.imitation_reward(self._scene, goal, self._reward_terms)
      ),
      TASK: np.float32(timestep.reward),
    }
    deviated = self._deviates(goal)
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
      self._observation(),
    )

  def _deviates(self, goal: Mapping[str, np.ndarray]) -> bool:
    """Measures the deviation and returns whether it is too large."""
    if self._deviation is None:
      return False
    self._last_deviation = self._deviation(self._scene, goal)
    return self._distance is not None and self._last_deviation > self._distance

  def _observation(
    self,
  ) -> dict[str, np.ndarray | dict[str, np.ndarray]]:
    """Returns what the policy sees: the scene, the goal and its reference."""
    goal = self._frame(self._step + 1)
    observation: dict[str, np.ndarray | dict[str, np.ndarray]] = {
      **{key: self._scene[key] for key in self._policy_keys},
      GOAL: {key: goal[key] for key in self._goal_keys},
    }
    if self._goal_references:
      # Beyond the end it is the last frame.
      step = min(self._step + 1, self._num_goals)
      observation[GOAL_REFERENCE] = np.array(
        (self._goals_index, step), np.int32
      )
    return observation

  def observation_spec(self) -> Mapping[str, specs.Array]:
    """Returns the specs of the policy's observations and of its `goal`.

    The goal has the same keys, but for the agent's own. There is
    `goal_reference`, too, if it was asked for.
    """
    spec = self._environment.observation_spec()
    visible = {key: spec[key] for key in self._policy_keys}
    goal = {
      key: spec[key].replace(name=f'{GOAL}_{key}') for key in self._goal_keys
    }
    spec = {**visible, GOAL: goal}
    if self._goal_references:
      spec[GOAL_REFERENCE] = specs.Array((2,), np.int32, GOAL_REFERENCE)
    return spec

  def action_spec(self) -> specs.BoundedArray:
    """Returns the wrapped environment's action spec."""
    return self._environment.action_spec()

  def reward_spec(self) -> Mapping[str, specs.Array]:
    """Returns the specs of the two streams' rewards, both scalars."""
    return {
      IMITATION: specs.BoundedArray((), np.float32, 0.0, 1.0, name=IMITATION),
      TASK: specs.Array((), np.float32, name=TASK),
    }

  def discount_spec(self) -> Mapping[str, specs.Array]:
    """Returns the specs of the two streams' discounts, both scalars."""
    return {
      key: specs.BoundedArray((), np.float32, 0.0, 1.0, name=f'{key}_discount')
      for key in (IMITATION, TASK)
    }

  def close(self) -> None:
    """Closes the wrapped environment."""
    self._environment.close()
