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

"""MetaMimic (Paine et al., 2018): one-shot high-fidelity imitation in Acme."""

from acme_metamimic import proxies
from acme_metamimic.agent import MetaMimic
from acme_metamimic.builder import ImitationBuilder
from acme_metamimic.builder import MetaMimicBuilder
from acme_metamimic.config import MetaMimicConfig
from acme_metamimic.d4pg.agent import D4PG
from acme_metamimic.d4pg.builder import D4PGBuilder
from acme_metamimic.d4pg.config import D4PGConfig
from acme_metamimic.d4pg.learning import D4PGLearner
from acme_metamimic.d4pg.losses import categorical_loss
from acme_metamimic.d4pgfd.builder import D4PGfDBuilder
from acme_metamimic.d4pgfd.config import D4PGfDConfig
from acme_metamimic.networks import Details
from acme_metamimic.networks import make_imitation_networks
from acme_metamimic.networks import make_task_networks
from acme_metamimic.program.config import ProgramConfig
from acme_metamimic.program.distributed import DistributedMetaMimic
from acme_metamimic.replay.adders import DualStreamAdder
from acme_metamimic.replay.goals import GoalFrames
from acme_metamimic.shipped import load_policy
from acme_metamimic.tf.resnet import ResNetTorso

__all__ = [
  'D4PG',
  'D4PGBuilder',
  'D4PGConfig',
  'D4PGLearner',
  'D4PGfDBuilder',
  'D4PGfDConfig',
  'Details',
  'DistributedMetaMimic',
  'DualStreamAdder',
  'GoalFrames',
  'ImitationBuilder',
  'MetaMimic',
  'MetaMimicBuilder',
  'MetaMimicConfig',
  'ResNetTorso',
  'ProgramConfig',
  'categorical_loss',
  'load_policy',
  'make_imitation_networks',
  'make_task_networks',
]

# Whoever imports the agent has servers on this machine.
proxies.exempt_local()
