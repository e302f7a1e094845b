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

"""The table of a policy and of what it is compared with."""

from typing import Optional

from environments import imitation
from experiments import evaluation
from experiments import reporting


def table_rows(
  name: str,
  environment: imitation.ImitationEnvironment,
  trained: evaluation.Policy,
  untrained: Optional[evaluation.Policy],
  max_episodes: int,
) -> list[reporting.Row]:
  """Returns the table's rows for a dataset: the policy and its controls.

  Args:
    name: name of the dataset.
    environment: environment that does not end episodes early.
    trained: policy that maps an observation with `goal` to an action.
    untrained: policy that has learned nothing; None for no such row.
    max_episodes: number of demonstrations to follow, from the first on.
  """
  number = len(environment.demonstrations)
  candidates = [('trained', trained, False)]
  if untrained is not None:
    candidates.append(('untrained', untrained, False))
  if number > 1:  # There is a wrong demonstration.
    candidates.append(('trained, wrong goals', trained, True))
  replayed = evaluation.replay_actions(environment)
  candidates.append(('actions replayed', replayed, False))
  rows: list[reporting.Row] = []
  for label, policy, wrong_goals in candidates:
    metrics = evaluation.follow_all(
      environment,
      policy,
      indices=range(min(number, max_episodes)),
      wrong_goals=wrong_goals,
    )
    rows.append(
      {
        'demonstrations': name,
        'policy': label,
        'episodes': len(metrics),
        **evaluation.mean(metrics),
      }
    )
  return rows
