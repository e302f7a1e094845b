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
"""Identifies compiled MuJoCo models."""

import hashlib
from typing import Any

import mujoco
import numpy as np


def fingerprint(model: Any) -> str:
  """Returns a hash of everything in a compiled model.

  States and actions go with one model: a replay in another one, however close,
  differs from what was recorded. The hash does not depend on the process.

  Args:
    model: a `mujoco.MjModel`, or dm_control's wrapper of one.

  Returns:
    The SHA-256 of the model as MuJoCo saves it, in hexadecimal digits.
  """
  model = getattr(model, 'ptr', model)
  buffer = np.zeros(mujoco.mj_sizeModel(model), np.uint8)
  mujoco.mj_saveModel(model, None, buffer)
  return hashlib.sha256(buffer.tobytes()).hexdigest()
