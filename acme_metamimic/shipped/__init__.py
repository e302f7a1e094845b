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

"""Trained policies that come with the package, each in the form of a run's folder.

A folder holds policies as SavedModels, the experiment that they are of, and the
tables of their evaluation. `features` has both; `pixels`, and `features_still`, which
is there as a teacher, the imitation policy alone.
"""

import difflib
import os
from typing import Callable, Sequence

from acme import types

from acme_metamimic.tf import actors
from acme_metamimic.tf import snapshots

_HALVES = ('imitation', 'task')


def names() -> Sequence[str]:
  """Returns the names of the policies that there are."""
  root = os.path.dirname(__file__)
  return sorted(
    entry.name
    for entry in os.scandir(root)
    if os.path.isdir(os.path.join(entry.path, 'policies'))
  )


def folder(name: str) -> str:
  """Returns the path of the folder that holds the policies of a name.

  Args:
    name: one of `names()`.

  Raises:
    ValueError: if there are none of that name.
  """
  known = names()
  if name not in known:
    near = difflib.get_close_matches(name, known, n=1)
    raise ValueError(
      f'no policies called {name!r} come with the package: '
      + (f'did you mean {near[0]!r}? ' if near else '')
      + f'There are {", ".join(known)}.'
    )
  return os.path.join(os.path.dirname(__file__), name)


def find_run(given: str) -> str:
  """Returns the folder of a run, or of policies that come with the package.

  Args:
    given: one of `names()`, unless there is a folder of that name, or the folder
      of a run.
  """
  path = os.path.expanduser(given)
  return (
    folder(given) if given in names() and not os.path.exists(path) else path
  )


def find_policy(given: str, half: str = 'imitation') -> str:
  """Returns the folder of the SavedModel that is meant.

  Args:
    given: one of `names()`, the folder of a run, or that of a SavedModel itself.
    half: 'imitation' or 'task', of a name or a run.
  """
  run = find_run(given)
  path = snapshots.policy_path(run, half)
  return path if os.path.isdir(path) else run


def load_policy(
  name: str, half: str = 'imitation'
) -> Callable[[types.NestedArray], types.NestedArray]:
  """Loads a trained policy.

  Args:
    name: one of `names()`, such as 'features'.
    half: 'imitation' for pi(o_t, g_t), whose observations have a `goal`, or
      'task' for pi(o_t).

  Returns:
    Function from one observation, without a batch dimension, to an action.

  Raises:
    ValueError: if there is no such policy.
  """
  if half not in _HALVES:
    raise ValueError(f'half={half!r} must be one of {_HALVES}.')
  path = snapshots.policy_path(folder(name), half)
  if not os.path.isdir(path):
    raise ValueError(
      f'{name!r} has no policy of the {half} half: give the other half, or '
      f'another of {", ".join(names())}.'
    )
  return actors.FeedForwardActor(snapshots.LoadedPolicy(path)).select_action
