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
"""One-shot imitation from 64 x 64 pixels, at a size that two cores can train.

The literal form of the paper: policy and critic see image and goal image alone.
"""

import dataclasses
from typing import Any

from experiments import experiment
from experiments import pixel_forms
from experiments.domains import block_stacking
from experiments.presets import features


def make() -> experiment.Experiment:
  """Returns the experiment: as `features`, but for what the agent sees."""
  base = features.make()
  form = pixel_forms.FORMS[pixel_forms.TWO_CORES]
  # Frames take more room than features.
  smaller: Any = {'max_replay_size': 100_000}
  return dataclasses.replace(
    base,
    preset='pixels',
    domain=block_stacking.BlockStacking(
      observables=('image', 'body', 'blocks'),
      policy_keys=('image',),
      image_size=form.image_size,
      # Table 1.
      pixel_coefficient=15.0,
      joint_coefficient=2.0,
      block_coefficient=0.0,
      goal_references=True,
      # An evaluation draws each of their steps.
      task_starts=10,
    ),
    imitation=dataclasses.replace(base.imitation, **smaller),
    task=dataclasses.replace(base.task, **smaller),
    networks=experiment.Networks(
      torso=pixel_forms.TWO_CORES,
      policy_layer_sizes=form.layer_sizes,
      critic_layer_sizes=form.layer_sizes,
    ),
    # Some days of two cores; a run can be cut and go on.
    budget=experiment.Budget(minutes=24 * 60.0),
    evaluation=experiment.Evaluation(period_minutes=20.0),
  )
