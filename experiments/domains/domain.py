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
"""What an experiment asks of what it acts in."""

import abc
from typing import Mapping, NamedTuple, Optional, Tuple

import dm_env
import numpy as np

from acme_metamimic.program import distributed
from acme_metamimic.replay import goals
from acme_metamimic.tf import views

# What an environment is made for: to act in, or to evaluate in.
ACTOR = distributed.ACTOR
TRAINING = distributed.TRAINING
VALIDATION = distributed.VALIDATION
# An imitation actor whose experience is for the task half alone.
SOURCE = 'source'

Scales = Mapping[str, np.ndarray]


class Dataset(NamedTuple):
  """Where the demonstrations of a run are, and how many of them it uses.

  Attributes:
    folder: folder that holds the datasets `train` and `validation`.
    num_train: number of demonstrations to train on, from the first on.
    num_validation: number of demonstrations to validate with.
  """

  folder: str
  num_train: int
  num_validation: int


class Domain(abc.ABC):
  """Makes the environments of a run; a frozen dataclass of their settings."""

  # Whether episodes follow demonstrations that were recorded. Where they do not,
  # `dataset` is None in all methods.
  has_demonstrations = False
  # Keys that policy and critic see, where they see different ones.
  policy_keys: Optional[Tuple[str, ...]] = None
  critic_keys: Optional[Tuple[str, ...]] = None

  @abc.abstractmethod
  def make_imitation_environment(
    self, dataset: Optional[Dataset], kind: str, seed: int
  ) -> dm_env.Environment:
    """Makes the environment of Algorithm 1.

    Args:
      dataset: where the demonstrations are.
      kind: what it is for: `ACTOR`, `SOURCE`, `TRAINING` or `VALIDATION`.
      seed: seed of the choice of demonstrations and starts.
    """

  @abc.abstractmethod
  def make_task_environment(
    self, dataset: Optional[Dataset], kind: str, seed: int
  ) -> dm_env.Environment:
    """Makes the environment of Algorithm 3.

    Args:
      dataset: where the demonstrations are, for starts inside them.
      kind: what it is for: `ACTOR` or `VALIDATION`.
      seed: seed of the starts.
    """

  def goal_difference_scale(self) -> Scales:
    """Returns the networks' factors of `goal - observation`, by key."""
    return {}

  def observation_scale(self) -> Scales:
    """Returns the networks' factors of the observations, by key."""
    return {}

  def auxiliary_targets(self) -> Optional[views.AuxiliaryTargets]:
    """Returns what a policy's features may be trained to predict; None for none."""
    return None

  def make_goal_frames(
    self, dataset: Optional[Dataset]
  ) -> Optional[goals.GoalFrames]:
    """Returns the frames that goals refer to; None where goals are kept whole.

    Args:
      dataset: where the demonstrations are.
    """
    return None
