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
"""Block stacking with a Kinova Jaco: the paper's environment (section 3.1)."""

from environments.block_stacking.task import BlockStacking
from environments.block_stacking.task import CONTROL_TIMESTEP
from environments.block_stacking.task import EPISODE_LENGTH
from environments.block_stacking.task import HALF_SIZE
from environments.block_stacking.task import IMAGES
from environments.block_stacking.task import load
from environments.block_stacking.task import OBSERVABLES
from environments.block_stacking.task import OWN_OBSERVABLES
from environments.block_stacking.task import PHYSICS_TIMESTEP
from environments.block_stacking.task import TASK_NAME

__all__ = [
  'BlockStacking',
  'CONTROL_TIMESTEP',
  'EPISODE_LENGTH',
  'HALF_SIZE',
  'IMAGES',
  'OBSERVABLES',
  'OWN_OBSERVABLES',
  'PHYSICS_TIMESTEP',
  'TASK_NAME',
  'load',
]
