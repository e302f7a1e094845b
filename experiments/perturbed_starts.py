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
"""Demonstrations whose blocks are not quite where they were."""

import contextlib
import dataclasses
from typing import Iterator, Sequence

import numpy as np

from environments import demonstrations as demonstrations_lib
from environments import imitation
from experiments.domains import block_stacking
from experiments.domains import domain as domain_lib

Demonstration = demonstrations_lib.Demonstration


def move_blocks(
  domain: block_stacking.BlockStacking,
  demonstrations: Sequence[Demonstration],
  distance: float,
  seed: int = 0,
) -> Sequence[Demonstration]:
  """Returns demonstrations that start with both blocks moved along the table.

  Args:
    domain: domain of the demonstrations.
    demonstrations: the demonstrations; their frames, and so the goals, stay as
      they are.
    distance: distance by which each block is moved, in metres.
    seed: seed of the directions.

  Raises:
    ValueError: if the distance is negative or not finite.
  """
  if not 0.0 <= distance < np.inf:
    raise ValueError(
      f'distance={distance} must be a number of metres, 0 or more.'
    )
  environment = domain.load(('body', 'blocks'))
  physics, task = environment.physics, environment.task
  random_state = np.random.RandomState(seed)
  moved = []
  for demonstration in demonstrations:
    states = np.array(demonstration.states)
    environment.reset_to(states[0])
    for block in (task.top, task.bottom):
      position, _ = block.get_pose(physics)
      angle = random_state.uniform(-np.pi, np.pi)
      offset = distance * np.array([np.cos(angle), np.sin(angle), 0.0])
      block.set_pose(physics, position + offset)
    states[0] = environment.get_state()
    moved.append(dataclasses.replace(demonstration, states=states))
  environment.close()
  return moved


@contextlib.contextmanager
def following(
  domain: block_stacking.BlockStacking, demonstrations: Sequence[Demonstration]
) -> Iterator[imitation.ImitationEnvironment]:
  """Follows demonstrations to their end, from wherever they start.

  Args:
    domain: domain of the demonstrations.
    demonstrations: demonstrations, moved or not.

  Yields:
    The environment, which is closed in the end.
  """
  # A perturbed start is not the recorded one. Nothing is stored, so that goals need
  # no references.
  environment = dataclasses.replace(domain, goal_references=False).follow(
    demonstrations, domain_lib.VALIDATION, seed=0, check_start=False
  )
  try:
    yield environment
  finally:
    environment.close()
