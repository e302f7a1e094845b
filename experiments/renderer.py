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
from typing import Iterator


@contextlib.contextmanager
def required() -> Iterator[None]:
  """Surrounds imports of what needs a renderer.

  Raises:
    SystemExit: if there is none, with the remedy.
  """
  try:
    yield
  except (AttributeError, ImportError, RuntimeError) as error:
    # What PyOpenGL makes of a missing library, and dm_control of a MUJOCO_GL that
    # it does not know.
    raise SystemExit(
      f'Error: no picture can be drawn here ({error}). `make doctor` says what '
      'is missing and how to install it.'
    ) from None
