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
"""The registry of presets: experiments by name, as a run's `--preset` takes them."""

import difflib
from typing import Callable, Mapping

from experiments import experiment
from experiments.presets import baselines
from experiments.presets import features
from experiments.presets import light
from experiments.presets import paper
from experiments.presets import pixels

PRESETS: Mapping[str, Callable[[], experiment.Experiment]] = {
  'features': features.make,
  'features_long': features.make_long,
  'features_pair': features.make_pair,
  'features_still': features.make_still,
  'pixels': pixels.make,
  'paper': paper.make,
  'metamimic_curriculum': baselines.make_metamimic_curriculum,
  'd4pg': baselines.make_d4pg,
  'd4pg_curriculum': baselines.make_d4pg_curriculum,
  'd4pgfd': baselines.make_d4pgfd,
  'light': light.make,
  'paced': light.make_paced,
}


def make(name: str) -> experiment.Experiment:
  """Returns a preset.

  Args:
    name: name of the preset, a key of `PRESETS`.

  Raises:
    ValueError: if there is none of that name.
  """
  if name not in PRESETS:
    near = difflib.get_close_matches(name, PRESETS, n=1)
    raise ValueError(
      f'there is no preset {name!r}: '
      + (f'did you mean {near[0]!r}? ' if near else '')
      + f'There are {", ".join(PRESETS)}.'
    )
  return PRESETS[name]()
