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
"""Checks of the accelerator: is there one, and what is missing to use it?

Like `machine`, this module needs Python alone.
"""

from collections.abc import Mapping
import json
import pathlib
from typing import NamedTuple, Optional

from experiments.operations import machine

# What TensorFlow 2.8 opens by name once a process uses an accelerator.
LIBRARIES = (
  'libcudart.so.11.0',
  'libcublas.so.11',
  'libcublasLt.so.11',
  'libcufft.so.10',
  'libcurand.so.10',
  'libcusolver.so.11',
  'libcusparse.so.11',
  'libcudnn.so.8',
)
# Comes with the driver, outside of any package.
DRIVER = 'libcuda.so.1'
# There where the kernel has the driver.
_DRIVER_VERSION = pathlib.Path('/proc/driver/nvidia/version')
_INSTALL = 'install requirements-gpu.txt as docs/accelerators.md says'

# TensorFlow looks for libraries beside itself, too.
_PROBE = f"""
import ctypes, json, os
import tensorflow as tf
folder = os.path.dirname(tf.__file__)
def opens(name):
  for path in (name, os.path.join(folder, name)):
    try:
      ctypes.CDLL(path)
      return True
    except OSError:
      pass
  return False
devices = [
  tf.config.experimental.get_device_details(device)
  for device in tf.config.list_physical_devices('GPU')
]
print(json.dumps({{
  'built': tf.test.is_built_with_cuda(),
  'devices': devices,
  'missing': [name for name in {(*LIBRARIES, DRIVER)} if not opens(name)],
}}))
"""


class Finding(NamedTuple):
  """What TensorFlow says.

  Attributes:
    built: whether this TensorFlow is built for accelerators.
    devices: details of the accelerators that it sees.
    missing: libraries that cannot be opened.
  """

  built: bool
  devices: list
  missing: list


def check_accelerator(
  environment: Optional[Mapping[str, str]] = None,
  has_driver: Optional[bool] = None,
) -> machine.Check:
  """Does TensorFlow see an accelerator, and if not, which library is missing?

  Args:
    environment: environment variables; those of this process by default.
    has_driver: whether the kernel has a driver; found out by default.
  """
  ok, found = machine.run_probe(_PROBE, environment)
  if not ok:
    return _check(False, found, 'see the row of tensorflow')
  if has_driver is None:
    has_driver = _DRIVER_VERSION.exists()
  return judge(Finding(**json.loads(found)), has_driver)


def judge(finding: Finding, has_driver: bool) -> machine.Check:
  """Returns the check that a finding makes.

  Args:
    finding: what TensorFlow says.
    has_driver: whether the kernel has a driver.
  """
  if finding.devices:
    return _check(True, ', '.join(map(_describe, finding.devices)))
  if not finding.built:
    found = 'none: this TensorFlow is built for CPUs only'
    # Where there is no accelerator either, nothing is to be done.
    return _check(
      not has_driver, found, f'This machine has a driver: {_INSTALL}.'
    )
  if finding.missing:
    found = f'none: cannot open {", ".join(finding.missing)}'
  else:
    found = 'none, though all libraries can be opened'
  libraries = [name for name in finding.missing if name != DRIVER]
  if libraries:
    remedy = f'Learners use the CPU. To change that, {_INSTALL}.'
  elif finding.missing:
    remedy = (
      'Learners use the CPU. Install the driver of the card; in a container, '
      'hand it in, such as with --gpus=all.'
    )
  else:
    remedy = (
      'Look at CUDA_VISIBLE_DEVICES, and whether the driver is for CUDA 11.2 or '
      'newer (nvidia-smi).'
    )
  return _check(False, found, remedy)


def _check(ok: bool, found: str, remedy: str = '') -> machine.Check:
  return machine.Check('accelerator', ok, found, remedy, required=False)


def _describe(details: Mapping[str, object]) -> str:
  """Returns a name such as `Tesla T4 (compute capability 7.5)`."""
  name = details.get('device_name', 'an accelerator without a name')
  capability = details.get('compute_capability')
  if not isinstance(capability, (list, tuple)):
    return str(name)
  return f'{name} (compute capability {".".join(map(str, capability))})'
