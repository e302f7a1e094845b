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
import os
from typing import Mapping, NamedTuple, Optional, Tuple

import dm_env
import numpy as np

import acme_metamimic
from acme_metamimic.program import distributed
from acme_metamimic.replay import goals
from acme_metamimic.tf import views
from environments import demonstrations

# What an environment is made for: to act in, or to evaluate in.
ACTOR = distributed.ACTOR
TRAINING = distributed.TRAINING
VALIDATION = distributed.VALIDATION
# An imitation actor whose experience is for the task half alone.
SOURCE = 'source'

Scales = Mapping[str, np.ndarray]


# Folders in that of a run's dataset.
TRAIN_FOLDER, VALIDATION_FOLDER = 'train', 'validation'
# Masks of one dataset that serves both, as robomimic names them.
TRAIN_MASK, VALIDATION_MASK = 'train', 'valid'


class Part(NamedTuple):
  """The demonstrations of a run's dataset that an environment follows.

  Attributes:
    path: path of the dataset that they are in.
    mask: name of the mask that selects them there; None for all.
    number: number of them that are used, from the first on.
  """

  path: str
  mask: Optional[str]
  number: int


class Dataset(NamedTuple):
  """Where the demonstrations of a run are, and how many of them it uses.

  Attributes:
    folder: folder that holds the datasets `train` and `validation`, or path of
      one dataset whose masks divide it.
    num_train: number of demonstrations to train on, from the first on.
    num_validation: number of demonstrations to validate with.
    train_mask: name of the mask of those to train on; None for all of `train`,
      or for the mask `TRAIN_MASK` of one dataset.
    validation_mask: name of the mask of those to validate with; None for all of
      `validation`, or for the mask `VALIDATION_MASK` of one dataset.
  """

  folder: str
  num_train: int
  num_validation: int
  train_mask: Optional[str] = None
  validation_mask: Optional[str] = None

  def part(self, kind: str) -> Part:
    """Returns which demonstrations an environment follows.

    Args:
      kind: what the environment is for.
    """
    if kind == VALIDATION:
      name, default = VALIDATION_FOLDER, VALIDATION_MASK
      mask, number = self.validation_mask, self.num_validation
    else:
      name, default = TRAIN_FOLDER, TRAIN_MASK
      mask, number = self.train_mask, self.num_train
    if self._is_one:
      return Part(self.folder, mask or default, number)
    return Part(os.path.join(self.folder, name), mask, number)

  @property
  def _is_one(self) -> bool:
    """Whether one dataset serves both training and validation."""
    file = demonstrations.dataset_file(self.folder)
    if file == os.path.expanduser(self.folder):
      return True
    train = demonstrations.dataset_file(os.path.join(self.folder, TRAIN_FOLDER))
    return os.path.exists(file) and not os.path.exists(train)


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

  def details(self) -> Optional[acme_metamimic.Details]:
    """Returns what decides the task, for a task half's networks; None for none."""
    return None

  def noise_scale(self) -> Scales:
    """Returns what an `observation_noise` of 1 is, in the keys' units."""
    return {}

  def hidden(self) -> views.Components:
    """Returns components that the policies do not see of their keys."""
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
