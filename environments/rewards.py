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
"""Rewards as pure functions of NumPy arrays: equation 2 and the task's stages."""

from typing import Mapping, NamedTuple, Optional

import numpy as np

# Values of the stages (Zhu et al. 2018, section 4; the paper's section 3.1).
NOTHING, REACHED, LIFTED, STACKED = 0.0, 0.125, 0.25, 1.0


class StageThresholds(NamedTuple):
  """When a stage of block stacking counts as reached.

  The paper gives no thresholds. `reach_distance` is the distance at which the
  open fingers enclose the block, `lift_height` clears the table visibly, and
  success is tested as other block-stacking benchmarks do: aligned, at the
  right height, still, and not held.
  """

  reach_distance: float = 0.05  # m, between the fingers and the block's centre.
  lift_height: float = 0.03  # m, above the height at rest.
  alignment_tolerance: float = 0.005  # m, beyond half a block, horizontally.
  height_tolerance: float = 0.005  # m, of the centres' vertical distance.
  still_speed: float = 0.05  # m/s.


class StackingState(NamedTuple):
  """What the stages depend on. Positions in metres, velocities in m/s."""

  hand_position: np.ndarray  # [3], between the finger tips.
  top_position: np.ndarray  # [3], the block that is to be lifted.
  bottom_position: np.ndarray  # [3], the block it is to be put on.
  top_velocity: np.ndarray  # [3]
  held: bool  # Does the hand touch the top block?


def stage_reward(
  state: StackingState,
  half_size: float,
  thresholds: StageThresholds = StageThresholds(),
) -> float:
  """Piecewise-constant task reward: 0, 0.125, 0.25 or 1 (section 3.1).

  Args:
    state: positions and velocities of hand and blocks.
    half_size: half the edge of a block, in metres.
    thresholds: when a stage counts as reached.

  Returns:
    The value of the furthest stage that the state satisfies.
  """
  offset = state.top_position - state.bottom_position
  aligned = (
    np.hypot(offset[0], offset[1]) <= half_size + thresholds.alignment_tolerance
  )
  on_top = abs(offset[2] - 2 * half_size) <= thresholds.height_tolerance
  still = np.linalg.norm(state.top_velocity) <= thresholds.still_speed
  if aligned and on_top and still and not state.held:
    return STACKED
  distance = np.linalg.norm(state.hand_position - state.top_position)
  reached = distance <= thresholds.reach_distance
  if state.top_position[2] - half_size >= thresholds.lift_height and reached:
    return LIFTED
  return REACHED if reached else NOTHING


class RewardTerm(NamedTuple):
  """One exponential of equation 2.

  Attributes:
    coefficient: beta, relative to the other terms'.
    scale: factor of the squared distance inside the exponential.
    weights: factor of each component's difference, broadcast over the
      observation; None weighs all components alike and takes the *mean* of the
      squares instead of the sum, which is the right form for pixels.
  """

  coefficient: float
  scale: float
  weights: Optional[np.ndarray] = None


def squared_distance(
  observation: np.ndarray, goal: np.ndarray, weights: Optional[np.ndarray]
) -> float:
  """Squared distance of a frame to its goal, see `RewardTerm.weights`.

  Args:
    observation: uint8 image (compared in [0, 1]) or float vector.
    goal: same shape and dtype.
    weights: factor of each component's difference, or None.
  """
  difference = observation.astype(np.float32) - goal.astype(np.float32)
  if observation.dtype == np.uint8:
    difference = difference / 255.0
  if weights is None:
    return float(np.mean(np.square(difference)))
  return float(np.sum(np.square(weights * difference)))


def imitation_reward(
  observation: Mapping[str, np.ndarray],
  goal: Mapping[str, np.ndarray],
  terms: Mapping[str, RewardTerm],
) -> float:
  """Similarity of an observation to its goal, equation 2 with beta normalised.

  Args:
    observation: the frame o_{t+1}, by key.
    goal: the demonstration's frame d_{t+1}, by key.
    terms: one term for each key that is compared.

  Returns:
    sum_k beta_k exp(-scale_k |o_k - d_k|^2) / sum_k beta_k, in [0, 1]. The
    normalisation makes Vmax = 100 = 1 / (1 - 0.99) a tight bound (Table 1).
  """
  total = sum(term.coefficient for term in terms.values())
  return (
    sum(
      term.coefficient
      * np.exp(
        -term.scale
        * squared_distance(observation[key], goal[key], term.weights)
      )
      for key, term in terms.items()
    )
    / total
  )
