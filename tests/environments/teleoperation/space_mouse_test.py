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
"""Tests of the motion controllers, with reports as a SpaceNavigator sends them."""

import os
import pathlib
import socket
import struct
from typing import Callable

import hypothesis
from hypothesis import strategies
import numpy as np
import pytest

from environments.teleoperation import device
from environments.teleoperation import space_mouse

_FINGERS, _RECORD = device.Event.FINGERS, device.Event.RECORD

# As captured from a SpaceNavigator (046d:c626): nothing, a tilt, buttons.
_STILL = bytes.fromhex('01000000000000')
_TILTED = bytes.fromhex('020000e2ff0000')
_LEFT, _RIGHT, _BOTH, _NONE = (
  bytes.fromhex(report) for report in ('030100', '030200', '030300', '030000')
)
# The first bytes of what a SpaceNavigator and a mouse say of their reports.
_CONTROLLER = bytes.fromhex('05010908a101a100850116a2fe265e01')
_MOUSE = bytes.fromhex('05010902a1010901a100050919012903')


class _Cable:
  """Sends reports, one for each read, as hidraw does."""

  def __init__(self) -> None:
    self.plug, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    self.mouse = space_mouse.SpaceMouse(there.detach(), 'SpaceNavigator')

  def send(self, *reports: bytes) -> device.Command:
    for report in reports:
      self.plug.send(report)
    return self.mouse.read()

  def unplug(self) -> None:
    self.plug.close()


@pytest.fixture
def cable():
  cable = _Cable()
  yield cable
  cable.mouse.close()
  cable.unplug()


def _report(kind: int, *axes: int) -> bytes:
  return struct.pack(f'<B{len(axes)}h', kind, *axes)


def test_nothing_is_wanted_at_first(cable):
  command = cable.mouse.read()
  np.testing.assert_array_equal(command.translation, np.zeros(3))
  np.testing.assert_array_equal(command.rotation, np.zeros(3))
  assert command.events == ()


@pytest.mark.parametrize(
  'report,translation',
  [
    ((350, 0, 0), (1, 0, 0)),  # To the right.
    ((0, 350, 0), (0, -1, 0)),  # Towards the person.
    ((0, 0, 350), (0, 0, -1)),  # Pressed down.
    ((-350, -350, -350), (-1, 1, 1)),
    ((-32768, 32767, 0), (-1, -1, 0)),  # Beyond the stop.
  ],
)
def test_translation_is_in_the_persons_frame(cable, report, translation):
  command = cable.send(_report(1, *report))
  np.testing.assert_allclose(command.translation, translation)
  np.testing.assert_array_equal(command.rotation, np.zeros(3))


def test_turning_the_cap_clockwise_is_negative(cable):
  command = cable.send(_report(2, 0, 0, 350))
  np.testing.assert_allclose(command.rotation, (0, 0, -1))
  np.testing.assert_array_equal(command.translation, np.zeros(3))


def test_captured_tilt(cable):
  command = cable.send(_STILL, _TILTED)
  # -30 of 350 on the second axis, beyond a dead zone of 6 %.
  expected = (30 / 350 - 0.06) / 0.94
  np.testing.assert_allclose(command.rotation, (0, expected, 0))
  np.testing.assert_array_equal(command.translation, np.zeros(3))


def test_report_of_newer_models_has_both(cable):
  command = cable.send(_report(1, 350, 0, 0, 0, 0, -350))
  np.testing.assert_allclose(command.translation, (1, 0, 0))
  np.testing.assert_allclose(command.rotation, (0, 0, 1))


def test_resting_hand_is_not_felt(cable):
  command = cable.send(_report(1, 20, -20, 3), _report(2, -20, 20, 1))
  np.testing.assert_array_equal(command.translation, np.zeros(3))
  np.testing.assert_array_equal(command.rotation, np.zeros(3))


def test_response_is_continuous_at_the_dead_zone(cable):
  command = cable.send(_report(1, 22, 0, 0))
  assert 0 < command.translation[0] < 0.01


def test_last_report_stands_until_the_next(cable):
  cable.send(_report(1, 175, 0, 0), _report(1, 350, 0, 0))
  assert cable.mouse.read().translation[0] == 1.0
  assert cable.send(_STILL).translation[0] == 0.0


def test_buttons_act_when_pressed_alone(cable):
  assert cable.send(_LEFT).events == (_FINGERS,)
  assert cable.send(_LEFT).events == ()
  assert cable.send(_BOTH).events == (_RECORD,)
  assert cable.send(_NONE).events == ()
  assert cable.send(_BOTH).events == (_FINGERS, _RECORD)


def test_short_click_between_reads_is_not_lost(cable):
  command = cable.send(_LEFT, _NONE, _RIGHT, _NONE, _LEFT, _NONE)
  assert command.events == (_FINGERS, _RECORD, _FINGERS)


def test_other_and_truncated_reports_say_nothing(cable):
  cable.send(_report(1, 350, 0, 0))
  battery = bytes.fromhex('176400')
  command = cable.send(battery, b'\x01\x00', b'\x02', b'\x03', b'\x1c\x01')
  np.testing.assert_allclose(command.translation, (1, 0, 0))
  assert command.events == ()


@hypothesis.given(
  strategies.lists(strategies.binary(min_size=1, max_size=64), max_size=20)
)
def test_no_report_leads_astray(reports):
  cable = _Cable()
  try:
    command = cable.send(*reports)
    assert np.all(np.abs(command.translation) <= 1)
    assert np.all(np.abs(command.rotation) <= 1)
  finally:
    cable.mouse.close()
    cable.unplug()


def test_unplugged_device(cable):
  cable.unplug()
  with pytest.raises(device.DeviceError, match='SpaceNavigator was closed'):
    cable.mouse.read()


def test_what_was_pressed_before_unplugging_counts(cable):
  cable.send(_NONE)
  cable.plug.send(_RIGHT)
  cable.unplug()
  assert cable.mouse.read().events == (_RECORD,)
  with pytest.raises(device.DeviceError, match='SpaceNavigator was closed'):
    cable.mouse.read()


def test_device_that_fails(cable, monkeypatch):
  def fail(descriptor: int, size: int) -> bytes:
    del descriptor, size
    raise OSError(19, 'No such device')

  monkeypatch.setattr(os, 'read', fail)
  with pytest.raises(device.DeviceError, match='No such device'):
    cable.mouse.read()


def test_close_twice(cable):
  cable.mouse.close()
  cable.mouse.close()


@pytest.fixture
def plug(tmp_path) -> Callable[..., pathlib.Path]:
  """Makes the files of a device in the kernel's layout."""
  (tmp_path / 'dev').mkdir()
  (tmp_path / 'sys' / 'class' / 'hidraw').mkdir(parents=True)

  def _plug(number: int, hid_id: str, name: str, reports: bytes):
    entry = tmp_path / 'sys' / 'class' / 'hidraw' / f'hidraw{number}' / 'device'
    entry.mkdir(parents=True)
    (entry / 'uevent').write_text(
      f'DRIVER=hid-generic\nHID_ID={hid_id}\nHID_NAME={name}\n'
      'HID_PHYS=usb-0000:00:14.0-1/input0\nHID_UNIQ=\n'
    )
    (entry / 'report_descriptor').write_bytes(reports)
    path = tmp_path / 'dev' / f'hidraw{number}'
    os.mkfifo(path)
    return path

  return _plug


def _open(root: pathlib.Path) -> space_mouse.SpaceMouse:
  return space_mouse.open_space_mouse(root / 'sys', root / 'dev')


_NAVIGATOR = ('0003:0000046D:0000C626', '3Dconnexion SpaceNavigator')


def test_finds_motion_controllers_alone(tmp_path, plug):
  plug(0, '0003:0000046D:0000C077', 'Logitech USB Optical Mouse', _MOUSE)
  plug(1, '0003:0000256F:0000C650', '3Dconnexion CadMouse', _MOUSE)
  plug(2, '0003:00001234:00005678', 'Another', _CONTROLLER)
  navigator = plug(3, *_NAVIGATOR, _CONTROLLER)
  wireless = plug(4, '0005:0000256f:0000c63a', 'SpaceMouse', _CONTROLLER)
  assert space_mouse.find(tmp_path / 'sys', tmp_path / 'dev') == [
    space_mouse.Found(navigator, 0x046D, 0xC626, '3Dconnexion SpaceNavigator'),
    space_mouse.Found(wireless, 0x256F, 0xC63A, 'SpaceMouse'),
  ]


def test_opens_and_reads_the_file(tmp_path, plug):
  path = plug(0, *_NAVIGATOR, _CONTROLLER)
  # Both ways, so that opening waits for no one.
  writer = os.open(path, os.O_RDWR)
  mouse = _open(tmp_path)
  try:
    assert mouse.name == '3Dconnexion SpaceNavigator'
    os.write(writer, _report(1, 0, -350, 0))
    np.testing.assert_allclose(mouse.read().translation, (0, 1, 0))
  finally:
    mouse.close()
    os.close(writer)


def test_no_device_says_what_is_missing(tmp_path, plug):
  plug(0, '0003:0000046D:0000C077', 'Logitech USB Optical Mouse', _MOUSE)
  with pytest.raises(device.DeviceError, match='Plug one in') as raised:
    _open(tmp_path)
  message = str(raised.value)
  assert 'SUBSYSTEM=="hidraw", ATTRS{idVendor}=="046d"' in message
  assert 'SUBSYSTEM=="hidraw", ATTRS{idVendor}=="256f"' in message
  assert 'TAG+="uaccess"' in message
  assert '/etc/udev/rules.d/70-spacemouse.rules' in message
  assert '--device=keyboard' in message


def test_no_hidraw_says_so(tmp_path):
  with pytest.raises(device.DeviceError, match='this kernel has no hidraw'):
    _open(tmp_path)


def test_no_permission_gives_the_rule_for_this_device(
  tmp_path, plug, monkeypatch
):
  plug(0, *_NAVIGATOR, _CONTROLLER)

  def refuse(path: pathlib.Path, flags: int) -> int:
    raise PermissionError(13, 'Permission denied', str(path))

  # Not by the file's mode: tests may run as root.
  monkeypatch.setattr(os, 'open', refuse)
  with pytest.raises(device.DeviceError, match='may not be read') as raised:
    _open(tmp_path)
  assert (
    'SUBSYSTEM=="hidraw", ATTRS{idVendor}=="046d", ATTRS{idProduct}=="c626", '
    'MODE="0660", TAG+="uaccess"'
  ) in str(raised.value)


def test_missing_file_says_so(tmp_path, plug):
  plug(0, *_NAVIGATOR, _CONTROLLER).unlink()
  with pytest.raises(device.DeviceError, match='No such file'):
    _open(tmp_path)


def test_device_without_a_description_is_left_out(tmp_path, plug):
  plug(0, *_NAVIGATOR, _CONTROLLER)
  (tmp_path / 'sys/class/hidraw/hidraw0/device/uevent').unlink()
  assert space_mouse.find(tmp_path / 'sys', tmp_path / 'dev') == []
