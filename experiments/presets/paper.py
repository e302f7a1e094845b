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
"""The paper's own setting: 128 x 128 pixels, the large network, Table 1."""

import acme_metamimic
from experiments import experiment
from experiments.domains import block_stacking


def make() -> experiment.Experiment:
  """Returns the experiment.

  Its 256 + 256 actors are for a cluster. On one machine set `num_imitation_actors`
  and `num_task_actors` to 1; an update then takes minutes.
  """
  config = acme_metamimic.MetaMimicConfig()
  return experiment.Experiment(
    preset='paper',
    domain=block_stacking.BlockStacking(
      observables=('image', 'body', 'blocks'),
      # Section 3.2: purely from video.
      policy_keys=('image',),
      # Equation 2 and Table 1.
      pixel_coefficient=15.0,
      joint_coefficient=2.0,
      block_coefficient=0.0,
      # Demonstrations as a curriculum are a comparison of their own (section
      # 3.3).
      curriculum_probability=0.0,
      # Section 3.2's returns of 355 and 285 fit episodes of this length.
      task_episode_length=550,
      # A million items with their goals would not fit into memory.
      goal_references=True,
    ),
    # The paper's are teleoperated; these have their returns.
    demonstrations=experiment.Demonstrations(
      train_demonstrator='steady',
      validation_demonstrator='hesitant',
      num_train=500,
      num_validation=500,
    ),
    imitation=config.imitation,
    task=config.task,
    networks=experiment.Networks(torso='paper'),
    num_imitation_actors=config.num_imitation_actors,
    num_task_actors=config.num_task_actors,
  )
