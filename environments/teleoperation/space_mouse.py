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
"""3Dconnexion's motion controllers: SpaceNavigator, SpaceMouse and relatives.

Linux hands out their reports through hidraw, without a driver or a library. The
paper's demonstrators used a SpaceNavigator (section 3.1).
"""

import os
import pathlib
import re
from typing import NamedTuple, Optional

import numpy as np

from environments.teleoperation import device

SYSFS = pathlib.Path('/sys')
DEVICES = pathlib.Path('/dev')

# Logitech, which 3Dconnexion belonged to, and 3Dconnexion.
_VENDORS = (0x046D, 0x256F)
# Both make mice and keyboards, too: in the description of its reports a motion
# controller says 'usage page: generic desktop, usage: multi-axis controller'.
_MULTI_AXIS_CONTROLLER = b'\x05\x01\x09\x08'

_TRANSLATION, _ROTATION, _BUTTONS = 1, 2, 3
# Displacement at the stop: the logical maximum in the device's description.
_FULL_SCALE = 350.0
# Displacement that counts as none, as a share of the full scale: a hand that
# rests on the cap moves it by some per cent.
_DEAD_ZONE = 0.06
# The axes of the reports point to the right, towards the person, and down.
_TO_OPERATOR = np.array((1.0, -1.0, -1.0))
# Longer than any report.
_READ_SIZE = 64

_BUTTON_EVENTS = (device.Event.FINGERS, device.Event.RECORD)

_RULE = (
  'SUBSYSTEM=="hidraw", ATTRS{{idVendor}}=="{vendor}", '
  'ATTRS{{idProduct}}=="{product}", MODE="0660", TAG+="uaccess"'
)
_REMEDY = """To let the person at the screen use it, put
  {rule}
into /etc/udev/rules.d/70-spacemouse.rules, run
  sudo udevadm control --reload-rules && sudo udevadm trigger
and plug the device in again."""


class Found(NamedTuple):
  """A motion controller that is plugged in.

  Attributes:
    path: path of its hidraw file.
    vendor: number of its USB vendor.
    product: number of its USB product.
    name: name that the device gives itself.
  """

  path: pathlib.Path
  vendor: int
  product: int
  name: str


class SpaceMouse:
  """Reads a motion controller's reports.

  The left button opens or closes the fingers, the right one begins or keeps a
  take.

  Args:
    descriptor: file descriptor of the opened hidraw file, of which a read
      returns one report; `close` closes it.
    name: name of the device in messages.
  """

  def __init__(self, descriptor: int, name: str = 'SpaceMouse'):
    os.set_blocking(descriptor, False)
    self._descriptor = descriptor
    self._name = name
    self._translation = np.zeros(3)
    self._rotation = np.zeros(3)
    self._buttons = 0

  @property
  def name(self) -> str:
    """Name that the device gives itself."""
    return self._name

  def read(self) -> device.Command:
    """Returns the displacement of the cap and the events since the last call."""
    events: list[device.Event] = []
    try:
      while (report := self._read_report()) is not None:
        events += self._take_in(report)
    except device.DeviceError:
      if not events:
        raise  # Otherwise at the next call: what was pressed before counts.
    return device.Command(
      self._translation.copy(), self._rotation.copy(), tuple(events)
    )

  def close(self) -> None:
    """Closes the hidraw file."""
    if self._descriptor >= 0:
      os.close(self._descriptor)
      self._descriptor = -1

  def _read_report(self) -> Optional[bytes]:
    """Returns the next report; None if there is none yet."""
    try:
      report = os.read(self._descriptor, _READ_SIZE)
    except BlockingIOError:
      return None
    except OSError as error:
      raise device.DeviceError(
        f'{self._name} does not answer any more ({error.strerror}); plug it in '
        'and start again. Takes that were kept are safe.'
      ) from error
    if not report:
      raise device.DeviceError(
        f'{self._name} was closed; plug it in and start again. Takes that were '
        'kept are safe.'
      )
    return report

  def _take_in(self, report: bytes) -> list[device.Event]:
    """Keeps a report's displacements and returns the events of its buttons.

    The SpaceNavigator reports translation and rotation separately (7 bytes
    each), newer models in one report (13 bytes). Other reports, such as the
    battery's, and truncated ones are ignored.
    """
    kind, payload = report[0], report[1:]
    if kind == _TRANSLATION and len(payload) >= 6:
      self._translation = _axes(payload[:6])
      if len(payload) >= 12:
        self._rotation = _axes(payload[6:12])
    elif kind == _ROTATION and len(payload) >= 6:
      self._rotation = _axes(payload[:6])
    elif kind == _BUTTONS and payload:
      pressed = payload[0] & ~self._buttons
      self._buttons = payload[0]
      return [e for bit, e in enumerate(_BUTTON_EVENTS) if pressed >> bit & 1]
    return []


def _axes(payload: bytes) -> np.ndarray:
  """Returns displacements in the person's frame, float64 [3] in [-1, 1]."""
  values = np.frombuffer(payload, '<i2') / _FULL_SCALE
  size = np.clip((np.abs(values) - _DEAD_ZONE) / (1.0 - _DEAD_ZONE), 0.0, 1.0)
  return _TO_OPERATOR * np.sign(values) * size


def find(
  sysfs: pathlib.Path = SYSFS, devices: pathlib.Path = DEVICES
) -> list[Found]:
  """Returns the motion controllers that are plugged in.

  Args:
    sysfs: folder in which the kernel describes devices.
    devices: folder of the device files.
  """
  found = []
  for entry in sorted((sysfs / 'class' / 'hidraw').glob('hidraw*')):
    try:
      uevent = (entry / 'device' / 'uevent').read_text(errors='replace')
      reports = (entry / 'device' / 'report_descriptor').read_bytes()
    except OSError:  # Just unplugged.
      continue
    ids = re.search(
      r'^HID_ID=\w+:([0-9A-F]+):([0-9A-F]+)$', uevent, re.M | re.I
    )
    if ids is None or _MULTI_AXIS_CONTROLLER not in reports:
      continue
    vendor, product = (int(part, 16) for part in ids.groups())
    if vendor in _VENDORS:
      name = re.search(r'^HID_NAME=(.+)$', uevent, re.M)
      found.append(
        Found(
          devices / entry.name,
          vendor,
          product,
          name[1] if name else 'SpaceMouse',
        )
      )
  return found


def open_space_mouse(
  sysfs: pathlib.Path = SYSFS, devices: pathlib.Path = DEVICES
) -> SpaceMouse:
  """Opens the first motion controller that is plugged in.

  Args:
    sysfs: folder in which the kernel describes devices.
    devices: folder of the device files.

  Raises:
    DeviceError: if none is plugged in, or it may not be read.
  """
  found = find(sysfs, devices)
  if not found:
    raise device.DeviceError(_nothing_found(sysfs))
  first = found[0]
  try:
    return SpaceMouse(os.open(first.path, os.O_RDONLY), first.name)
  except PermissionError as error:
    rule = _RULE.format(
      vendor=f'{first.vendor:04x}', product=f'{first.product:04x}'
    )
    raise device.DeviceError(
      f'{first.name} is plugged in, but {first.path} may not be read by you. '
      + _REMEDY.format(rule=rule)
    ) from error
  except OSError as error:
    raise device.DeviceError(
      f'{first.name} is plugged in, but {first.path} cannot be opened '
      f'({error.strerror}). In a container, hand that file in; otherwise plug '
      'the device in again.'
    ) from error


def _nothing_found(sysfs: pathlib.Path) -> str:
  """Returns the message of the error if no motion controller is plugged in."""
  if not (sysfs / 'class' / 'hidraw').is_dir():
    return (
      f'No SpaceMouse: this kernel has no hidraw ({sysfs}/class/hidraw is '
      'missing), as in some containers and virtual machines. Load the module '
      'with `sudo modprobe hid-generic`, hand the USB device in, or use '
      '--device=keyboard.'
    )
  rule = _RULE.format(vendor='256f', product='*')
  older = _RULE.format(vendor='046d', product='c6*')
  return (
    'No SpaceMouse: none of the devices in '
    f'{sysfs}/class/hidraw is a 3Dconnexion motion controller (vendor 046d or '
    '256f). Plug one in; `lsusb` must list it. '
    + _REMEDY.format(rule=f'{older}\n  {rule}')
    + '\nOr use --device=keyboard.'
  )
