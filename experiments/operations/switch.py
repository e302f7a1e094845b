#!/usr/bin/env python3
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

"""An Ethernet switch in user space, with delay and loss.

  python3 switch.py NUMBER DELAY_SECONDS LOSS FOLDER

`hosts.sh` starts it. Its ports are the TAP devices mm1, mm2, ...; the kernel's
own means, netem, is missing from many kernels. Port I is cut off as long as
FOLDER/cut-I exists.
"""

import collections
import contextlib
import fcntl
import os
import random
import select
import struct
import sys
import time

# From linux/if_tun.h.
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000

_MAX_FRAME = 65536
_CUT_POLL_SECONDS = 0.1


def open_port(index: int) -> int:
  """Makes the TAP device mm<index> and returns its file descriptor."""
  port = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
  flags = _IFF_TAP | _IFF_NO_PI
  fcntl.ioctl(
    port, _TUNSETIFF, struct.pack('16sH', f'mm{index}'.encode(), flags)
  )
  return port


class Switch:
  """Learns where hosts are and forwards their frames, late or not at all.

  Args:
    ports: file descriptors of the TAP devices.
    delay: seconds that each frame is late.
    loss: share of the frames that are dropped.
    folder: folder in which files cut-1, cut-2, ... cut ports off.
  """

  def __init__(self, ports: list[int], delay: float, loss: float, folder: str):
    self._ports = ports
    self._delay = delay
    self._loss = loss
    self._folder = folder
    self._cut: set[int] = set()
    self._cut_read = 0.0
    self._known: dict[bytes, int] = {}  # From hardware addresses to ports.
    # Time, port and frame, in the order of the times, as all wait equally long.
    self._waiting: collections.deque[tuple[float, int, bytes]] = (
      collections.deque()
    )

  def step(self) -> None:
    """Sends the frames that are due and waits, not for long, for others."""
    now = time.monotonic()
    self._read_cuts(now)
    while self._waiting and self._waiting[0][0] <= now:
      _, port, frame = self._waiting.popleft()
      self._send(port, frame)
    timeout = _CUT_POLL_SECONDS
    if self._waiting:
      timeout = min(timeout, max(0.0, self._waiting[0][0] - time.monotonic()))
    for port in select.select(self._ports, [], [], timeout)[0]:
      self._receive(port)

  def _receive(self, source: int) -> None:
    try:
      frame = os.read(source, _MAX_FRAME)
    except OSError:  # The device is down.
      return
    self._known[frame[6:12]] = source
    target = self._known.get(frame[:6])
    others = [port for port in self._ports if port != source]
    due = time.monotonic() + self._delay
    for port in others if target is None else [target]:
      if random.random() >= self._loss and not {source, port} & self._cut:
        self._waiting.append((due, port, frame))

  def _send(self, port: int, frame: bytes) -> None:
    # The frame is lost if the queue of the device is full or it is down.
    with contextlib.suppress(OSError):
      os.write(port, frame)

  def _read_cuts(self, now: float) -> None:
    if now - self._cut_read < _CUT_POLL_SECONDS:
      return
    self._cut_read = now
    self._cut = {
      port
      for index, port in enumerate(self._ports, 1)
      if os.path.exists(os.path.join(self._folder, f'cut-{index}'))
    }


def main() -> None:
  """Runs a switch until it is killed, with the command line's arguments."""
  if len(sys.argv) != 5:
    sys.exit(__doc__)
  number, delay, loss, folder = sys.argv[1:]
  ports = [open_port(index) for index in range(1, int(number) + 1)]
  switch = Switch(ports, float(delay), float(loss), folder)
  while True:
    switch.step()


if __name__ == '__main__':
  main()
