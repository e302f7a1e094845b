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
"""Feature observations of block stacking: their layout, scales and distances."""

import itertools
from typing import Callable, Mapping

import numpy as np

from environments import rewards


def _layout(**sizes: int) -> dict[str, slice]:
  """Returns the slice of each part in a vector, from the parts' sizes."""
  ends = list(itertools.accumulate(sizes.values()))
  return {
    name: slice(end - size, end)
    for (name, size), end in zip(sizes.items(), ends)
  }


# The components of the observation vectors. Joint angles are given as sine and
# cosine because four of the joints turn freely, orientations as the first two
# columns of the rotation matrix.
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


# Radians that a finger turns in a control step with the largest action.
_FINGER_STEP = 0.06


def _components(
  layout: Mapping[str, slice], other: float = 0.0, **values: float
) -> np.ndarray:
  """Returns a float32 vector with a value for each part of a layout.

  Args:
    layout: slice of each part in the vector.
    other: value of the components whose part has none in `values`.
    **values: value of the components of a part, by its name.
  """
  vector = np.full(max(part.stop for part in layout.values()), other)
  for name, value in values.items():
    vector[layout[name]] = value
  return vector.astype(np.float32)


def feature_scale() -> dict[str, np.ndarray]:
  """Returns factors that scale 'body' and 'blocks' for networks, float32.

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
  """Returns factors that scale one control step of motion to order one, float32.

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


def step_of_motion() -> dict[str, np.ndarray]:
  """Returns how far each component moves in a control step, in its units.

  By `motion_scale`, but for the fingers: as they open or close it is 0.06 rad.
  """
  steps = {
    key: np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0.0)
    for key, scale in motion_scale().items()
  }
  steps['body'][BODY_LAYOUT['finger_position']] = _FINGER_STEP
  return steps


def position_scale() -> dict[str, np.ndarray]:
  """Returns decimetres for the positions of hand and blocks, 0 for the rest."""
  return {
    'body': _components(BODY_LAYOUT, hand_position=10.0),
    'blocks': _components(
      BLOCKS_LAYOUT, top_position=10.0, bottom_position=10.0
    ),
  }


def position_difference_scale() -> dict[str, np.ndarray]:
  """Returns centimetres for the same, the motion of a control step."""
  return {key: 10.0 * scale for key, scale in position_scale().items()}


def velocities() -> dict[str, np.ndarray]:
  """Returns which components are velocities, bool: what no picture shows."""
  return _components_named(lambda name: name.endswith('velocity'))


def joints() -> dict[str, np.ndarray]:
  """Returns which components are angles and speeds of the arm's joints, bool."""
  return _components_named(lambda name: name.startswith('joint_'))


def _components_named(
  is_meant: Callable[[str], bool],
) -> dict[str, np.ndarray]:
  """Returns the components of the parts whose names are meant, bool."""
  return {
    key: _components(
      layout, **{name: 1.0 for name in layout if is_meant(name)}
    ).astype(bool)
    for key, layout in (('body', BODY_LAYOUT), ('blocks', BLOCKS_LAYOUT))
  }


def hand_to_block_deviation(
  observation: Mapping[str, np.ndarray], goal: Mapping[str, np.ndarray]
) -> float:
  """Returns the distance between two vectors from hand to block, in metres.

  Appendix C.2 terminates an imitation episode on this distance.

  Args:
    observation: the environment's observation, with 'blocks', float32 [30].
    goal: the demonstration's frame, with 'blocks', float32 [30].
  """
  return _distance(observation, goal, 'blocks', BLOCKS_LAYOUT['hand_to_top'])


def hand_position_error(
  observation: Mapping[str, np.ndarray], goal: Mapping[str, np.ndarray]
) -> float:
  """Returns the distance between two positions of the hand, in metres.

  Args:
    observation: the environment's observation, with 'body', float32 [36].
    goal: the demonstration's frame, with 'body', float32 [36].
  """
  return _distance(observation, goal, 'body', BODY_LAYOUT['hand_position'])


def block_position_error(
  observation: Mapping[str, np.ndarray], goal: Mapping[str, np.ndarray]
) -> float:
  """Returns the distance between two positions of the red block, in metres.

  Args:
    observation: the environment's observation, with 'blocks', float32 [30].
    goal: the demonstration's frame, with 'blocks', float32 [30].
  """
  return _distance(observation, goal, 'blocks', BLOCKS_LAYOUT['top_position'])


def _distance(
  observation: Mapping[str, np.ndarray],
  goal: Mapping[str, np.ndarray],
  key: str,
  part: slice,
) -> float:
  """Returns the length of the difference in a part of an observation's key."""
  return float(np.linalg.norm(observation[key][part] - goal[key][part]))


def feature_reward_terms(
  finger_weight: float = 1.0,
) -> dict[str, rewards.RewardTerm]:
  """Returns the terms of equation 2 with the blocks in place of the pixels.

  Positions are compared in decimetres, angles in radians, and orientations and
  speeds not at all (the joints say as much). One step late at 0.2 m/s earns
  more than 0.9 of the reward, 5 cm beside the goal 0.22 of a term. The
  scale is near the middle of the range that docs/rewards.md measures.

  Args:
    finger_weight: factor of the differences of the fingers' angles, in 1/rad.
  """
  body = _components(
    BODY_LAYOUT,
    joint_sine=1.0,
    joint_cosine=1.0,
    finger_position=finger_weight,
    hand_position=10.0,
  )
  blocks = _components(
    BLOCKS_LAYOUT, top_position=10.0, bottom_position=10.0, hand_to_top=10.0
  )
  return {
    'body': rewards.RewardTerm(coefficient=1.0, scale=6.0, weights=body),
    'blocks': rewards.RewardTerm(coefficient=1.0, scale=6.0, weights=blocks),
  }


def pixel_reward_terms() -> dict[str, rewards.RewardTerm]:
  """Returns the paper's terms of equation 2: pixels and body, 15 to 2 (Table 1).

  Distances of images are means over all values in [0, 1]. The paper gives no
  scales; docs/rewards.md has the measurements that these were chosen by.
  """
  return {
    'image': rewards.RewardTerm(coefficient=15.0, scale=88.0),
    'body': feature_reward_terms()['body']._replace(coefficient=2.0),
  }
