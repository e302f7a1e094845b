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
"""Interquartile means and bootstrap intervals over the runs of a curve.

Source: Agarwal et al., 2021, "Deep Reinforcement Learning at the Edge of the
Statistical Precipice" (the library `rliable`).
"""

from typing import NamedTuple, Sequence

import numpy as np

_RESAMPLES = 2000


class Band(NamedTuple):
  """A curve over several runs.

  Attributes:
    x: points of the x-axis that all runs have reached, float64 [N].
    center: interquartile mean of the runs at each, float64 [N].
    low: lower end of the interval of 95 %, float64 [N].
    high: upper end, float64 [N].
    num_runs: number of runs.
  """

  x: np.ndarray
  center: np.ndarray
  low: np.ndarray
  high: np.ndarray
  num_runs: int


def interquartile_mean(values: np.ndarray) -> np.ndarray:
  """Returns the mean of the middle half of the runs.

  Of fewer than four runs it is the mean of all.

  Args:
    values: float64 [..., R], R runs.

  Returns:
    float64 [...].
  """
  ordered = np.sort(values, axis=-1)
  dropped = ordered.shape[-1] // 4
  return ordered[..., dropped : ordered.shape[-1] - dropped].mean(axis=-1)


def band(
  xs: Sequence[np.ndarray], ys: Sequence[np.ndarray], seed: int = 0
) -> Band:
  """Returns the interquartile mean of several runs, and its interval.

  Runs are compared at the points of the one that has the fewest, up to where
  the shortest ends; values between points are interpolated.

  Args:
    xs: increasing values of the x-axis of each run.
    ys: values of each run; those that are NaN are left out.
    seed: seed of the resampling.

  Raises:
    ValueError: if there is no run with a value.
  """
  runs = []
  for x, y in zip(xs, ys):
    there = np.isfinite(x) & np.isfinite(y)
    if there.any():
      runs.append((x[there], y[there]))
  if not runs:
    raise ValueError('there is no run with a value: run the sweep first.')
  first = max(x[0] for x, _ in runs)
  last = min(x[-1] for x, _ in runs)
  grid = min((x for x, _ in runs), key=len)
  # Its points outside of that become the ends.
  grid = np.unique(np.clip(grid, first, last))
  values = np.stack([np.interp(grid, x, y) for x, y in runs], axis=-1)
  random_state = np.random.RandomState(seed)
  drawn = random_state.randint(len(runs), size=(_RESAMPLES, len(runs)))
  means = interquartile_mean(values[:, drawn])
  low, high = np.percentile(means, [2.5, 97.5], axis=-1)
  return Band(grid, interquartile_mean(values), low, high, len(runs))
