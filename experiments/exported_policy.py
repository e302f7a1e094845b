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
"""A policy that a run has exported, with what it asks of an observation."""

from acme import types

from acme_metamimic.tf import actors
from acme_metamimic.tf import snapshots

PolicyError = snapshots.PolicyError


class ExportedPolicy:
  """A SavedModel that acts, one observation at a time."""

  def __init__(self, path: str):
    """Loads the policy.

    Args:
      path: folder of the SavedModel.

    Raises:
      PolicyError: if it is damaged.
    """
    self._policy = snapshots.LoadedPolicy(path)
    self._actor = actors.FeedForwardActor(self._policy)

  def check(self, shown: types.NestedSpec) -> None:
    """Checks that an environment shows what the policy takes.

    Args:
      shown: spec of the environment's observations.

    Raises:
      PolicyError: if it does not; the message names the first difference.
    """
    self._policy.check(shown)

  def __call__(self, observation: types.NestedArray) -> types.NestedArray:
    """Returns the action for an observation without a batch dimension."""
    return self._actor.select_action(self._policy.select(observation))
