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
"""How much memory the replay will take, before it does."""

import contextlib
import os
from typing import Optional, Sequence

from absl import logging
from acme import specs
import numpy as np
import tree

# What Reverb keeps beside the data, for each field of each step and for each
# item. The dual-stream adder took 13.7 kB a step of 0.7 kB of data in nine fields
# and two items, and 12.0 kB with a field less (resident memory of a server, as in
# experiments/benchmarks/replay.py with frames of 8x8).
FIELD_OVERHEAD = 1000
ITEM_OVERHEAD = 2000

_GIGABYTE = 1e9

# Of a container, as control groups of version 2 and 1 show it inside.
_LIMIT_FILES = (
  '/sys/fs/cgroup/memory.max',
  '/sys/fs/cgroup/memory/memory.limit_in_bytes',
)


def expected_bytes(
  environment_spec: specs.EnvironmentSpec, max_items: int, *, prioritised: bool
) -> int:
  """Returns the bytes of a full table of n-step transitions.

  Data counts as it is: rendered frames are compressed about twofold, so that
  their table is smaller than this. A table that drops the oldest item keeps the
  steps in a row, each of them once. One that drops by priority comes to keep
  items from all over the past, of which each has its two observations to itself.

  Args:
    environment_spec: spec of the steps as the table keeps them.
    max_items: capacity of the table, in items.
    prioritised: whether items are dropped by their priority.
  """
  fields = tree.flatten(
    (
      environment_spec.observations,
      environment_spec.actions,
      environment_spec.rewards,
      environment_spec.discounts,
    )
  )
  step = sum(
    int(np.prod(field.shape)) * np.dtype(field.dtype).itemsize + FIELD_OVERHEAD
    for field in fields
  )
  steps_per_item = 2 if prioritised else 1
  return max_items * (steps_per_item * step + ITEM_OVERHEAD)


def available_bytes(limit_files: Sequence[str] = _LIMIT_FILES) -> int:
  """Returns the bytes of memory that processes of this machine may use.

  Args:
    limit_files: where the kernel shows the limit of the container that the
      process is in; those that are missing or without a limit do not count.

  Returns:
    The size of the machine's memory, or the container's limit if it is lower.
  """
  available = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
  for path in limit_files:
    with contextlib.suppress(OSError, ValueError), open(path) as file:
      available = min(available, int(file.read()))
  return available


def describe(expected: int, available: Optional[int] = None) -> str:
  """Returns one line on what the replay takes.

  Args:
    expected: bytes of the full replay.
    available: bytes for it; `available_bytes()` by default.
  """
  available = available_bytes() if available is None else available
  return (
    f'Replay: at most {expected / _GIGABYTE:.1f} GB when full, of '
    f'{available / _GIGABYTE:.1f} GB.'
  )


def report(expected: int, available: Optional[int] = None) -> bool:
  """Logs what the replay takes, as a warning if it is too much.

  Args:
    expected: bytes of the full replay.
    available: bytes for it; `available_bytes()` by default.

  Returns:
    Whether it fits.
  """
  available = available_bytes() if available is None else available
  fits = expected <= available
  if fits:
    logging.info('%s', describe(expected, available))
  else:
    logging.warning(
      'The full replay may take %.1f GB, more than the %.1f GB that there are: '
      'lower max_replay_size of the halves, or keep goals as references '
      '(goal_frames of MetaMimicBuilder).',
      expected / _GIGABYTE,
      available / _GIGABYTE,
    )
  return fits
