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

"""Tests of the switch that joins hosts on this machine."""

import socket
import time

import pytest

from experiments.operations import switch

_ALL = b'\xff' * 6
_ADDRESSES = [bytes([2, 0, 0, 0, 0, index]) for index in range(3)]


class _Network:
  """Three hosts at a switch; a datagram stands for a frame."""

  def __init__(self, folder, delay=0.0, loss=0.0):
    switch._CUT_POLL_SECONDS = 0.001  # Does not wait long for frames.
    pairs = [
      socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(3)
    ]
    self.hosts = [host for host, _ in pairs]
    self._ports = [port for _, port in pairs]
    for end in (*self.hosts, *self._ports):
      end.setblocking(False)
    self._switch = switch.Switch(
      [port.fileno() for port in self._ports], delay, loss, str(folder)
    )

  def send(self, source, target, text=b'hello', seconds=0.1):
    """Returns what each host has got after that time."""
    self.hosts[source].send(target + _ADDRESSES[source] + text)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
      self._switch.step()
    return [self._received(host) for host in self.hosts]

  def _received(self, host):
    frames = []
    while True:
      try:
        frames.append(host.recv(2048)[12:])
      except BlockingIOError:
        return frames


def test_a_frame_to_all_goes_to_all_others(tmp_path):
  network = _Network(tmp_path)
  assert network.send(0, _ALL) == [[], [b'hello'], [b'hello']]


def test_a_frame_to_a_known_host_goes_there_alone(tmp_path):
  network = _Network(tmp_path)
  network.send(1, _ALL)
  assert network.send(0, _ADDRESSES[1]) == [[], [b'hello'], []]


def test_frames_wait_for_the_delay_and_keep_their_order(tmp_path):
  network = _Network(tmp_path, delay=0.5)
  assert network.send(0, _ALL, b'1', seconds=0.05) == [[], [], []]
  assert network.send(0, _ALL, b'2', seconds=0.05) == [[], [], []]
  assert network.send(0, _ALL, b'3', seconds=0.8)[1] == [b'1', b'2', b'3']


def test_that_share_of_the_frames_is_lost(tmp_path):
  network = _Network(tmp_path, loss=0.5)
  got = sum(
    len(network.send(0, _ALL, seconds=0.001)[1]) for _ in range(400)
  ) + len(network.send(0, _ALL, seconds=0.1)[1])
  # Six standard deviations on each side.
  assert 140 < got < 260


def test_a_host_that_is_cut_off_comes_back(tmp_path):
  network = _Network(tmp_path)
  cut = tmp_path / 'cut-2'
  cut.touch()
  time.sleep(0.01)
  network.send(2, _ALL)  # The switch reads the cuts before it forwards.
  assert network.send(0, _ALL) == [[], [], [b'hello']]
  assert network.send(1, _ALL) == [[], [], []]
  cut.unlink()
  time.sleep(0.01)
  network.send(2, _ALL)
  assert network.send(0, _ALL) == [[], [b'hello'], [b'hello']]
  assert network.send(1, _ALL) == [[b'hello'], [], [b'hello']]


def test_usage(monkeypatch):
  monkeypatch.setattr('sys.argv', ['switch.py'])
  with pytest.raises(SystemExit, match='NUMBER DELAY_SECONDS'):
    switch.main()
