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

"""What programs say where MuJoCo cannot draw."""

import contextlib
import traceback
from typing import Iterator, Optional

REMEDY = '`make doctor` says what is missing and how to install it.'
# Packages that look for a renderer, or use it. What they raise without one has
# many types: RuntimeError for a MUJOCO_GL that dm_control does not know, and what
# PyOpenGL makes of a library that is not there.
_PACKAGES = ('dm_control._render', 'mujoco.rendering', 'OpenGL', 'glfw')


def is_missing(error: BaseException) -> bool:
  """Returns whether an error is that of a machine on which nothing can be drawn.

  Args:
    error: error that was raised, with its traceback and what it was raised from.
  """
  names = [
    frame.f_globals.get('__name__', '')
    for cause in _causes(error)
    for frame, _ in traceback.walk_tb(cause.__traceback__)
  ]
  return any(
    name == package or name.startswith(f'{package}.')
    for name in names
    for package in _PACKAGES
  )


def _causes(error: Optional[BaseException]) -> Iterator[BaseException]:
  """Yields an error, and what it was raised from."""
  while error is not None:
    yield error
    error = error.__cause__


@contextlib.contextmanager
def required() -> Iterator[None]:
  """Surrounds imports of what needs a renderer.

  Raises:
    SystemExit: if there is none, with the remedy. Other errors are not its
      business, and keep their tracebacks.
  """
  try:
    yield
  except Exception as error:
    if not is_missing(error):
      raise
    raise SystemExit(
      f'Error: no picture can be drawn here ({error}). {REMEDY}'
    ) from None
