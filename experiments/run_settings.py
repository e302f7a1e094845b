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

"""The settings of a run, kept in its folder for a later resume."""

import json
import os
import shutil
from typing import Any, Collection, Mapping

_FILE = 'settings.json'
# Less than a checkpoint of small networks takes.
_FULL_BYTES = 1_000_000


class SettingsError(ValueError):
  """The run cannot be started; the message says why."""


def make_folder(run_folder: str) -> None:
  """Makes the folder of a new run.

  Raises:
    SettingsError: if it exists or cannot be made.
  """
  if os.path.exists(run_folder):
    raise SettingsError(
      f'the run folder {run_folder!r} exists; give another --run_folder, or '
      '--resume to go on with it.'
    )
  try:
    os.makedirs(run_folder)
  except OSError as error:
    raise SettingsError(
      f'the run folder {run_folder!r} cannot be made ({error.strerror}); give '
      'another --run_folder.'
    ) from None


def disk_advice(run_folder: str) -> str:
  """Returns what to do if the folder's disk is full, '' if it is not.

  Nodes on a full disk cannot even write why they end.
  """
  try:
    free = shutil.disk_usage(run_folder).free
  except OSError:
    return ''
  if free >= _FULL_BYTES:
    return ''
  return (
    f'The disk of {run_folder} is full: make room there before you go on.\n'
  )


def write(run_folder: str, settings: Mapping[str, Any]) -> None:
  """Keeps the settings in the run's folder."""
  with open(os.path.join(run_folder, _FILE), 'w') as file:
    json.dump(settings, file, indent=2)


def read(run_folder: str, known: Collection[str]) -> Mapping[str, Any]:
  """Returns the settings of a run.

  Args:
    run_folder: of the run.
    known: names that there may be.

  Raises:
    SettingsError: if it is the folder of no run, or of one of another program.
  """
  path = os.path.join(run_folder, _FILE)
  if not os.path.exists(path):
    raise SettingsError(
      f'{run_folder!r} holds no run to resume; give its --run_folder, or '
      'leave --resume out to start one.'
    )
  with open(path) as file:
    settings = json.load(file)
  unknown = sorted(set(settings) - set(known))
  if unknown:
    raise SettingsError(
      f'{path!r} has settings of another program, {unknown}: give the '
      '--run_folder of a run of experiments.run_distributed.'
    )
  return settings
