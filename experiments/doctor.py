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
"""Checks this machine: prints what was found, what is wrong and the remedy.

  python -m experiments.doctor
  python -m experiments.doctor renderer video

The exit code is 1 if a check fails whose subject the project needs.
"""

import argparse
from collections.abc import Callable, Sequence
import sys
from typing import Optional

from experiments.operations import accelerator
from experiments.operations import machine


def all_checks() -> dict[str, Callable[[], machine.Check]]:
  """Returns functions that make the checks, by name."""
  return {
    **machine.CHECKS,
    'accelerator': accelerator.check_accelerator,
  }


def report(check: machine.Check) -> str:
  """Returns one line for a check that is passed, and two for one that is not.

  Args:
    check: the result of the check.
  """
  status = 'ok' if check.ok else 'WRONG' if check.required else 'note'
  line = f'{check.name:<11} {status:<6} {check.found}'
  return line if check.ok else f'{line}\n{"":<18} -> {check.remedy}'


def main(arguments: Optional[Sequence[str]] = None) -> int:
  """Makes the checks, prints each result, and returns the exit code.

  Args:
    arguments: arguments of the command line; those of this process by default.
  """
  checks = all_checks()
  parser = argparse.ArgumentParser(description='What is wrong here, and why?')
  parser.add_argument(
    'checks',
    nargs='*',
    metavar='check',
    help=f'names of the checks to make, of {", ".join(checks)}; default: all',
  )
  names = parser.parse_args(arguments).checks or list(checks)
  unknown = [name for name in names if name not in checks]
  if unknown:
    parser.error(
      f'There is no check {unknown[0]!r}; choose from: {", ".join(checks)}.'
    )
  if not sys.platform.startswith('linux'):
    names = ['python']  # Says why nothing else can be right.
  wrong = 0
  for name in names:
    check = checks[name]()
    wrong += check.required and not check.ok
    print(report(check), flush=True)
  print(f'{wrong} of {len(names)} wrong.' if wrong else 'Nothing is wrong.')
  return 1 if wrong else 0


if __name__ == '__main__':
  sys.exit(main())
