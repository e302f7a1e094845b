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
  """Thresholds at which the stages of block stacking count as reached.

  The paper gives none. At `reach_distance` the open fingers enclose the block,
  `lift_height` clears the table visibly, and success is tested as other
  block-stacking benchmarks do: aligned, at the right height, still, and not held.

  Attributes:
    reach_distance: largest distance between the point between the finger tips
      and the centre of the top block at which it is reached, in m.
    lift_height: smallest height of the top block above its height at rest at
      which it is lifted, in m.
    alignment_tolerance: largest horizontal distance between the blocks' centres
      at which they are aligned, in m beyond half an edge.
    height_tolerance: largest difference between the centres' vertical distance
      and an edge at which one block is on the other, in m.
    still_speed: largest speed of the top block at which it is still, in m/s.
  """

  reach_distance: float = 0.05
  lift_height: float = 0.03
  alignment_tolerance: float = 0.005
  height_tolerance: float = 0.005
  still_speed: float = 0.05


class StackingState(NamedTuple):
  """The part of the physics state that the task reward depends on.

  Attributes:
    hand_position: position of the point between the finger tips in m, [3].
    top_position: position of the centre of the block that is to be lifted in m,
      [3].
    bottom_position: position of the centre of the block that the other one is to
      be put on in m, [3].
    top_velocity: linear velocity of the block that is to be lifted in m/s, [3].
    held: whether the hand touches the block that is to be lifted.
  """

  hand_position: np.ndarray
  top_position: np.ndarray
  bottom_position: np.ndarray
  top_velocity: np.ndarray
  held: bool


def stage_reward(
  state: StackingState,
  half_size: float,
  thresholds: StageThresholds = StageThresholds(),
) -> float:
  """Returns the task reward: 0, 0.125, 0.25 or 1 (section 3.1).

  Args:
    state: positions and velocities of hand and blocks.
    half_size: half the edge of a block, in metres.
    thresholds: thresholds at which the stages count as reached.

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
    coefficient: weight of the exponential, beta in equation 2; only its ratio to
      the other terms' coefficients counts.
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
  """Returns the squared distance of a frame to its goal.

  Args:
    observation: uint8 image, which is compared in [0, 1], or float vector.
    goal: the demonstration's frame, of the observation's shape and dtype.
    weights: factor of each component's difference, or None for the mean of the
      squared differences; see `RewardTerm`.
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
  """Returns the imitation reward: equation 2 with normalised coefficients.

  Args:
    observation: the frame o_{t+1} as arrays by observation key.
    goal: the demonstration's frame d_{t+1} as arrays by observation key.
    terms: term of equation 2 for each observation key that is compared.

  Returns:
    The reward sum_k beta_k exp(-scale_k |o_k - d_k|^2) / sum_k beta_k, in [0, 1]. The
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
