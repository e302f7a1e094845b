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
"""What decides whether a block is grasped and stays where it is stacked.

`body` and `blocks` come in decimetres and as rotation matrices, in which the 5 mm
by which a block stays or falls are 0.05, and which do not say by themselves whether
the hand stands square to the block. A policy that was not told came to blocks
with its hand turned by 15 to 45 degrees (docs/results, "The task policy").
"""

from typing import Mapping

import numpy as np
import tensorflow as tf

import acme_metamimic
from environments.block_stacking import features

_BODY, _BLOCKS = features.BODY_LAYOUT, features.BLOCKS_LAYOUT
# One over what is told apart: 2 cm, 0.2 m/s, and 0.2 rad of a finger.
_PER_DISTANCE, _PER_SPEED, _PER_ANGLE = 50.0, 5.0, 5.0
# Radians half-way between a finger's ends, 0.15 open and 1.35 closed.
_MIDDLE_FINGER = 0.75


def details(half_size: float) -> acme_metamimic.Details:
  """Returns features of how hand, fingers and blocks stand to each other.

  They are `tanh(scale * (x - centre))` of the vectors from hand to red block and
  from red to blue block, the fingers and the speeds of hand and red block: of
  order one where a block is grasped or set down, and at a bound elsewhere. And
  the `quarter_turn` between hand and red block.

  Args:
    half_size: half the length of a block's edge, in metres.
  """
  stacked = np.array([0.0, 0.0, -2.0 * half_size], np.float32)

  def close_up(observation: Mapping[str, tf.Tensor]) -> tf.Tensor:
    body, blocks = observation['body'], observation['blocks']
    near = (
      _PER_ANGLE * (body[:, _BODY['finger_position']] - _MIDDLE_FINGER),
      _PER_SPEED * body[:, _BODY['hand_velocity']],
      _PER_SPEED * blocks[:, _BLOCKS['top_velocity']],
      _PER_DISTANCE * blocks[:, _BLOCKS['hand_to_top']],
      _PER_DISTANCE * (blocks[:, _BLOCKS['top_to_bottom']] - stacked),
    )
    turn = quarter_turn(
      body[:, _BODY['hand_orientation']], blocks[:, _BLOCKS['top_orientation']]
    )
    return tf.concat([tf.tanh(tf.concat(near, axis=-1)), turn], axis=-1)

  return acme_metamimic.Details(('body', 'blocks'), close_up)


def quarter_turn(hand: tf.Tensor, block: tf.Tensor) -> tf.Tensor:
  """Returns how far a hand is turned against the nearest faces of a block.

  With a and b the components of a block's axis along the hand's first two axes,
  across the direction in which it points, it is half the sum over the
  three axes of (a + ib)^4. That is the same for all 24 orientations of a cube
  that look alike. Of a block that lies flat below a hand that points down, turned
  by an angle psi, it is cos(4 psi) and sin(4 psi).

  Args:
    hand: first two columns of the hand's rotation matrix, row after row,
      float32[B, 6].
    block: the same of the block.

  Returns:
    Real and imaginary part, float32[B, 2].
  """
  first, second = block[:, 0::2], block[:, 1::2]
  cosine = sine = tf.zeros_like(hand[:, 0])
  for axis in (first, second, tf.linalg.cross(first, second)):
    a = tf.reduce_sum(axis * hand[:, 0::2], axis=-1)
    b = tf.reduce_sum(axis * hand[:, 1::2], axis=-1)
    cosine += a**4 - 6.0 * a**2 * b**2 + b**4
    sine += 4.0 * a * b * (a**2 - b**2)
  return tf.stack([cosine, sine], axis=-1) / 2.0
