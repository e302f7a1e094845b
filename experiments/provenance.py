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
"""By what a run was made: command, code, libraries and machine."""

import contextlib
import datetime
from importlib import metadata
import os
import platform
import shlex
import subprocess
import sys
from typing import Mapping, Optional

# Those that decide what a run does.
_LIBRARIES = (
  'dm-acme',
  'dm-reverb',
  'dm-sonnet',
  # Where it is the build without GPUs it has the first name.
  'tensorflow-cpu',
  'tensorflow',
  'mujoco',
  'dm-control',
  'numpy',
)
_GIT_SECONDS = 5.0


def describe() -> Mapping[str, str]:
  """Returns what made this process's run, by what it is."""
  return {
    'begun': datetime.datetime.now().astimezone().isoformat(timespec='seconds'),
    'command': _command(),
    'code': _commit() or _version('acme-metamimic') or 'unknown',
    'python': platform.python_version(),
    'libraries': ', '.join(
      f'{name} {version}'
      for name in _LIBRARIES
      if (version := _version(name)) is not None
    ),
    'machine': f'{platform.machine()}, {os.cpu_count()} cores, '
    f'load {os.getloadavg()[0]:.1f}',
  }


def _command() -> str:
  """Returns the command line, without where the code is."""
  spec = getattr(sys.modules['__main__'], '__spec__', None)
  program = (
    ['python', '-m', spec.name] if spec else [os.path.basename(sys.argv[0])]
  )
  return shlex.join([*program, *sys.argv[1:]])


def _version(distribution: str) -> Optional[str]:
  with contextlib.suppress(metadata.PackageNotFoundError):
    return metadata.version(distribution)
  return None


def _commit() -> Optional[str]:
  """Returns the commit of the code, marked where files differ from it.

  None where the code is not in a checkout, as in an installed package.
  """
  folder = os.path.dirname(os.path.abspath(__file__))
  command = (
    'git',
    'describe',
    '--always',
    '--exclude=*',
    '--dirty',
    '--abbrev=12',
  )
  with contextlib.suppress(OSError, subprocess.SubprocessError):
    # An installed package may lie in somebody else's checkout.
    if not os.path.exists(os.path.join(os.path.dirname(folder), '.git')):
      return None
    return subprocess.run(
      command,
      cwd=folder,
      check=True,
      capture_output=True,
      text=True,
      timeout=_GIT_SECONDS,
    ).stdout.strip()
  return None
