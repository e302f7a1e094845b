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

"""Starts of episodes at frames of demonstrations.

The imitation environment and the plain task environment both draw their starts
from `DemonstrationStarts`, the demonstration curriculum of appendix C.2.
"""

from typing import Mapping, NamedTuple, Optional, Sequence

import dm_env
import numpy as np

from environments import demonstrations as demonstrations_lib
from environments import starts

# Appendix C.2: "from the first 300 steps of a random demonstration".
CURRICULUM_STEPS = 300

# Largest difference of a component (m, rad, m/s, rad/s) and mean difference of
# an image in [0, 1] at which a start counts as the recorded one. On the machine
# of the recording both are zero; other processors and drivers round otherwise.
_FEATURE_TOLERANCE = 1e-3
_IMAGE_TOLERANCE = 0.01


class Start(NamedTuple):
  """A frame of a demonstration at which an episode starts.

  Attributes:
    demonstration: index of the demonstration.
    step: index of the frame in the demonstration, in [0, T).
  """

  demonstration: int
  step: int


class DemonstrationStarts:
  """Draws the frames at which episodes start.

  Args:
    demonstrations: demonstrations that episodes start in, at least one.
    curriculum_probability: probability that an episode starts inside a
      demonstration instead of at its first frame.
    curriculum_steps: number of steps from the beginning of a demonstration in
      which such an episode starts; 300 in appendix C.2.
    seed: seed of the draws; a random one by default.

  Raises:
    ValueError: if there is no demonstration or an argument is out of range.
  """

  def __init__(
    self,
    demonstrations: Sequence[demonstrations_lib.Demonstration],
    curriculum_probability: float = 1.0,
    curriculum_steps: int = CURRICULUM_STEPS,
    seed: Optional[int] = None,
  ):
    if not demonstrations:
      raise ValueError('There are no demonstrations; give at least one.')
    if not 0.0 <= curriculum_probability <= 1.0:
      raise ValueError(
        f'curriculum_probability is {curriculum_probability}; it must be in '
        '[0, 1].'
      )
    if curriculum_steps < 1:
      raise ValueError(
        f'curriculum_steps is {curriculum_steps}; it must be at least 1.'
      )
    self._demonstrations = demonstrations
    self._probability = curriculum_probability
    self._steps = curriculum_steps
    self._random_state = np.random.RandomState(seed)

  def draw(self) -> Start:
    """Draws a start; demonstrations are drawn uniformly."""
    index = self._random_state.randint(len(self._demonstrations))
    step = 0
    if self._random_state.uniform() < self._probability:
      limit = min(self._steps, len(self._demonstrations[index]))
      step = self._random_state.randint(limit)
    return Start(index, step)


class CurriculumEnvironment(starts.StartsWrapper):
  """The plain task, with episodes that start inside demonstrations.

  An episode has the environment's full length wherever it starts. By default
  all start uniformly in the first 300 steps of a random demonstration, as in
  appendix C.2.

  Args:
    environment: the environment of the task.
    demonstrations: demonstrations that episodes start in, at least one.
    curriculum_probability: probability that an episode starts inside a
      demonstration instead of at its first frame.
    curriculum_steps: number of steps from the beginning of a demonstration in
      which such an episode starts.
    check_start: whether the first observation of an episode is compared with
      the recorded one, see the function `check_start`.
    seed: seed of the starts; a random one by default.

  Raises:
    ValueError: if there is no demonstration or an argument is out of range.
  """

  def __init__(
    self,
    environment: starts.StartedEnvironment,
    demonstrations: Sequence[demonstrations_lib.Demonstration],
    *,
    curriculum_probability: float = 1.0,
    curriculum_steps: int = CURRICULUM_STEPS,
    check_start: bool = True,
    seed: Optional[int] = None,
  ):
    super().__init__(environment)
    self._demonstrations = demonstrations
    self._starts = DemonstrationStarts(
      demonstrations, curriculum_probability, curriculum_steps, seed
    )
    self._check_start = check_start

  def _start(self) -> dm_env.TimeStep:
    """Starts an episode at a frame of a demonstration."""
    start = self._starts.draw()
    demonstration = self._demonstrations[start.demonstration]
    timestep = self._environment.reset_to(
      demonstration.states[start.step], restart_clock=True
    )
    if self._check_start:
      check_start(timestep.observation, demonstration, start)
    return timestep


def check_start(
  observation: Mapping[str, np.ndarray],
  demonstration: demonstrations_lib.Demonstration,
  start: Start,
) -> None:
  """Checks that an episode starts with the frame that was recorded.

  Args:
    observation: first observation of the episode, as arrays by key.
    demonstration: demonstration that the episode starts in.
    start: frame of the demonstration that the episode starts at.

  Raises:
    DatasetError: if the observation differs from the recorded one.
  """
  for key, frames in demonstration.observations.items():
    if key not in observation:
      continue
    observed, recorded = observation[key], frames[start.step]
    difference = np.abs(np.subtract(observed, recorded, dtype=np.float32))
    if recorded.dtype == np.uint8:
      amount, tolerance = float(difference.mean()) / 255.0, _IMAGE_TOLERANCE
      where = f'by {amount:.3g} of 1 in the mean over its values'
    else:
      index = np.unravel_index(np.argmax(difference), difference.shape)
      amount, tolerance = float(difference[index]), _FEATURE_TOLERANCE
      where = (
        f'most in component {", ".join(map(str, index))}: '
        f'{observed[index]:.6g} instead of {recorded[index]:.6g}'
      )
    # Written so that NaN is a difference, too.
    if not amount <= tolerance:
      raise demonstrations_lib.DatasetError(
        f'Demonstration {start.demonstration} shows another {key!r} at its step '
        f'{start.step} than was recorded; it differs {where} (tolerated: '
        f'{tolerance:g}). The model, its options or the versions are not those '
        'of the recording: use those that the dataset names, or pass '
        'check_start=False.'
      )
