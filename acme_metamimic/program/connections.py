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

"""Connections to the servers of other nodes."""

import functools
import socket
import time
from typing import Any, Callable

from absl import logging
import numpy as np
import reverb
import tree

from acme_metamimic import waiting

_POLL_SECONDS = 0.2
_WARN_SECONDS = 30.0
# Longer than a host that was cut off takes to come back.
_UNREACHABLE_SECONDS = 300.0
# A server restores its replay before it listens: 300 GB take 50 minutes from a
# disk that reads 100 MB/s.
_REFUSED_SECONDS = 3600.0
_REMEDY = (
  'see the log of its node, and whether its host is up and can be reached.'
)


def wait_until_listening(*clients: Any) -> None:
  """Waits until the servers of Reverb and Courier clients accept connections.

  The clients' own channels wait longer after every attempt, up to two minutes,
  and a program starts as slowly as its slowest node.

  Args:
    *clients: Reverb and Courier clients that have not been used yet.

  Raises:
    ConnectionError: if a host cannot be reached for five minutes, or its server
      does not listen within an hour, which a large replay may take to restore.
  """
  for client in clients:
    is_reverb = isinstance(client, reverb.Client)
    address = client.server_address if is_reverb else client.address
    _wait_for(address)


class PatientClient:
  """A Courier client whose calls say that they wait, and end.

  Courier's own wait for ever for a server that has gone, as it may come back.
  With the versions of Launchpad after 0.5.0 a call also never returns if NumPy's
  arrays or numbers, or tensors, are among its arguments; in results they do no
  harm. So none is sent.
  """

  def __init__(self, client: Any):
    """Initializes the client.

    Args:
      client: Courier client of a node.
    """
    self._client = client

  def __getattr__(self, method: str) -> Callable[..., Any]:
    """Returns a function that calls a method of the node.

    Args:
      method: name of the method.

    Returns:
      Function that raises a `NoAnswerError` if there is no answer for an hour,
      and a `TypeError` for arrays and tensors among its arguments. NumPy's
      numbers are sent as those of Python.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
      args, kwargs = tree.map_structure(
        functools.partial(_plain, method), (args, kwargs)
      )
      future = getattr(self._client.futures, method)(*args, **kwargs)
      return waiting.result(
        future, f'the server at {self._client.address}', _REMEDY
      )

    return call


def _plain(method: str, value: Any) -> Any:
  """Returns what is sent for a leaf of a call's arguments.

  Args:
    method: name of the method that is called, for the error message.
    value: leaf of the arguments.

  Raises:
    TypeError: if the leaf is an array or a tensor.
  """
  if isinstance(value, np.generic):
    return value.item()
  if hasattr(value, '__array__'):
    raise TypeError(
      f'{method} was called with a {type(value).__name__} among its arguments, '
      'and such a call never returns with Launchpads after 0.5.0: pass lists and '
      'numbers of Python, as with .tolist(), or have the node return the array.'
    )
  return value


def _wait_for(address: str) -> None:
  """Waits for the server at an address `host:port`."""
  host, _, port = address.rpartition(':')
  began = reached = warned = time.monotonic()
  problem: OSError
  while True:
    try:
      with socket.create_connection((host, int(port)), timeout=5.0):
        return
    except ConnectionRefusedError as error:
      reached, problem = time.monotonic(), error
    except OSError as error:
      problem = error
    now = time.monotonic()
    if now - reached > _UNREACHABLE_SECONDS:
      raise ConnectionError(
        f'{address} could not be reached for {_UNREACHABLE_SECONDS:.0f} s '
        f'({problem}): see that the host is up, that its name resolves here, and '
        'that no firewall closes ports between the hosts.'
      )
    if now - began > _REFUSED_SECONDS:
      raise ConnectionError(
        f'the server at {address} has not come for {_REFUSED_SECONDS:.0f} s '
        f'({problem}): see the log of its node, and whether its disk can be read.'
      )
    if now - warned > _WARN_SECONDS:
      warned = now
      logging.warning('Still waiting for a server at %s: %s', address, problem)
    time.sleep(_POLL_SECONDS)
