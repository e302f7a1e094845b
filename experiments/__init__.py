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
"""Run scripts: flags, configurations, training and evaluation.

Settings that MuJoCo and TensorFlow read from the process's environment when
they are imported stand here, since this file runs before either is.
"""

import contextlib
import os
from typing import Any
import warnings

# Draw without a display. Left to itself dm_control tries a window first, which
# fails on a machine without one.
os.environ.setdefault('MUJOCO_GL', 'egl')

# oneDNN makes small matrix products faster; see docs/networks.md for images.
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '1')

# The gradients of filters in bfloat16 never end with oneDNN's code for AMX.
os.environ.setdefault('DNNL_MAX_CPU_ISA', 'AVX512_CORE_BF16')

# Errors only; 0 has TensorFlow and Reverb say all that they do.
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')

# Acme imports Gym, which greets every start with advice to leave it. Set-up and
# doctor run this file before the packages are there, and with any version.
with contextlib.suppress(Exception):
  from gym_notices import notices

  notices.notices.clear()

  # It has Python show warnings again that it leaves out by itself.
  import gym.logger  # noqa: F401

# Reverb asks for TensorFlow's version in a way that Python will leave.
_LEFT_OUT = 'distutils Version classes are deprecated'
warnings.filterwarnings('ignore', _LEFT_OUT)
_show_warning = warnings.showwarning


def _show_others(message: Any, *details: Any, **named: Any) -> None:
  # Where dm_control's filter, which shows all deprecations, has come before ours.
  if _LEFT_OUT not in str(message):
    _show_warning(message, *details, **named)


warnings.showwarning = _show_others
