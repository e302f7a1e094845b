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
"""What a person holds: the interface of all devices of teleoperation."""

import enum
from typing import NamedTuple, Protocol, Sequence

import numpy as np


class DeviceError(RuntimeError):
  """A device cannot be used; the message says what is missing."""


class Event(enum.Enum):
  """What a person does beside moving."""

  FINGERS = 'fingers'  # Opens the closed fingers, closes the open ones.
  RECORD = 'record'  # Begins a take; keeps it.
  DISCARD = 'discard'  # Goes on to another start, without the take.
  REDO = 'redo'  # Goes back to the same start, without the take.
  QUIT = 'quit'


class Command(NamedTuple):
  """What a person wants at an instant.

  Attributes:
    translation: of the hand, float64 [3] in [-1, 1] of the full speed: to the
      right, away from the person, and up, as the camera shows the scene.
    rotation: float64 [3] in [-1, 1] of the full speed, about the same axes: the
      third is counterclockwise as seen from above.
    events: since the last command, in order.
  """

  translation: np.ndarray
  rotation: np.ndarray
  events: tuple[Event, ...] = ()


class Device(Protocol):
  """Something that a person moves the hand with."""

  def read(self) -> Command:
    """Returns at once what is wanted now.

    Raises:
      DeviceError: if the device is gone.
    """
    ...

  def close(self) -> None:
    """Gives the device back, as it was."""
    ...


class Combined:
  """Several devices as one: a SpaceMouse to move, a keyboard beside it.

  Args:
    devices: at least one.
  """

  def __init__(self, devices: Sequence[Device]):
    self._devices = tuple(devices)

  def read(self) -> Command:
    """Returns the sum of what the devices say."""
    commands = [device.read() for device in self._devices]
    return Command(
      np.clip(sum(c.translation for c in commands), -1.0, 1.0),
      np.clip(sum(c.rotation for c in commands), -1.0, 1.0),
      tuple(event for c in commands for event in c.events),
    )

  def close(self) -> None:
    """Closes all."""
    for device in self._devices:
      device.close()
