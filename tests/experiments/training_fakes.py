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
"""An actor for the tests of training."""

import time
from typing import Callable

from acme import core
import numpy as np


def _rest() -> None:
  """Leaves the processor to others, as an update does."""
  time.sleep(0.0005)


class Idle(core.Actor):
  """Stands still; calls a function at each update."""

  def __init__(self, on_update: Callable[[], object] = _rest):
    self._on_update = on_update

  def select_action(self, observation):
    return np.zeros(2, np.float32)

  def observe_first(self, timestep):
    pass

  def observe(self, action, next_timestep):
    pass

  def update(self, wait=False):
    self._on_update()
