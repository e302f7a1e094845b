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
"""The interface of the input devices of teleoperation."""

import enum
from typing import NamedTuple, Protocol, Sequence

import numpy as np


class DeviceError(RuntimeError):
  """A device cannot be used; the message says what is missing."""


class Event(enum.Enum):
  """A request of the person beside the motion of the hand."""

  FINGERS = 'fingers'  # Opens the closed fingers, or closes the open ones.
  RECORD = 'record'  # Begins a take, or keeps the one that was begun.
  DISCARD = 'discard'  # Drops the take and goes on to another start.
  REDO = 'redo'  # Drops the take and goes back to its start.
  QUIT = 'quit'  # Drops the take and ends the session.


class Command(NamedTuple):
  """The command of a person at an instant.

  Attributes:
    translation: velocity of the hand, float64 [3] in [-1, 1] of the full speed:
      to the right, away from the person, and up, as the camera shows the scene.
    rotation: angular velocity of the hand, float64 [3] in [-1, 1] of the full
      speed, about the same axes: the third is counterclockwise as seen from
      above.
    events: events since the last command, in their order.
  """

  translation: np.ndarray
  rotation: np.ndarray
  events: tuple[Event, ...] = ()


class Device(Protocol):
  """An input device that a person moves the hand with."""

  def read(self) -> Command:
    """Returns the current command, without waiting.

    Raises:
      DeviceError: if the device does not answer any more.
    """
    ...

  def close(self) -> None:
    """Closes the device and restores its settings."""
    ...


class Combined:
  """Several devices as one, such as a SpaceMouse with a keyboard beside it.

  Args:
    devices: the devices, at least one.
  """

  def __init__(self, devices: Sequence[Device]):
    self._devices = tuple(devices)

  def read(self) -> Command:
    """Returns the sum of the devices' commands."""
    commands = [device.read() for device in self._devices]
    return Command(
      np.clip(sum(c.translation for c in commands), -1.0, 1.0),
      np.clip(sum(c.rotation for c in commands), -1.0, 1.0),
      tuple(event for c in commands for event in c.events),
    )

  def close(self) -> None:
    """Closes all devices."""
    for device in self._devices:
      device.close()
