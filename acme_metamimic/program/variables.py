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

"""Variables on their way from a learner to many actors.

A policy of 22 million parameters is 88 MB, and 256 actors ask for it. Hence
caches between learner and actors, an answer without variables when the asker
has the newest already, and, as an option, two bytes a number on the wire.
"""

import threading
from typing import Any, Dict, List, Optional, Sequence, Tuple

from acme import core
from acme.utils import loggers
import launchpad as lp
import numpy as np
import tree

Variables = List[List[np.ndarray]]
# The version, and the variables if the asker does not have them.
Newer = Tuple[int, Optional[Variables]]

UNKNOWN_VERSION = -1

_WIRE_DTYPE = np.float16


def encode(variables: Variables) -> Variables:
  """Returns float32 arrays as float16, and others as they are.

  Numbers that float16 cannot hold become its largest; the relative error of
  others is 2^-11.
  """
  limit = np.finfo(_WIRE_DTYPE).max

  def encode_array(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.float32:
      return array
    return np.clip(array, -limit, limit).astype(_WIRE_DTYPE)

  return tree.map_structure(encode_array, variables)


def decode(variables: Variables) -> Variables:
  """Returns float16 arrays as float32, and others as they are."""
  return tree.map_structure(
    lambda a: a.astype(np.float32) if a.dtype == _WIRE_DTYPE else a, variables
  )


class VariableServer:
  """Answers requests for variables from a copy that it makes once a version."""

  def __init__(self, names: Sequence[str], half_precision: bool = False):
    """Initializes a server without variables.

    Args:
      names: of the collections of variables to serve, such as 'policy'.
      half_precision: whether to send float32 as float16.
    """
    self._names = list(names)
    self._half_precision = half_precision
    self._lock = threading.Lock()
    self._version = UNKNOWN_VERSION
    self._variables: Dict[str, List[np.ndarray]] = {}

  @property
  def version(self) -> int:
    """Version of the copy."""
    return self._version

  def publish(self, version: int, variables: Variables) -> None:
    """Replaces the copy.

    Args:
      version: of the variables, not negative.
      variables: the collections, in the order of their names.
    """
    if self._half_precision:
      variables = encode(variables)
    with self._lock:
      self._version = version
      self._variables = dict(zip(self._names, variables))

  def get_newer(self, names: Sequence[str], version: int) -> Newer:
    """Returns variables, unless the asker's version is that of the copy.

    Args:
      names: of collections.
      version: that the asker has, or `UNKNOWN_VERSION`.

    Raises:
      KeyError: if a collection is not served, with those that are.
    """
    missing = set(names) - set(self._names)
    if missing:
      raise KeyError(
        f'No variables named {sorted(missing)} here; there are {self._names}.'
      )
    with self._lock:
      if version == self._version:
        return version, None
      return self._version, [self._variables[name] for name in names]


class VariableCache(core.VariableSource, core.Worker):
  """A node that holds a copy of a learner's variables for many actors.

  Acme's `lp.CacherNode` is not in the open release of Launchpad. This one needs
  no support of Launchpad's: it is an object for an `lp.CourierNode`.
  """

  def __init__(
    self,
    source: Any,
    names: Sequence[str] = ('policy',),
    *,
    refresh_seconds: float = 2.0,
    half_precision: bool = False,
    logger: Optional[loggers.Logger] = None,
  ):
    """Initializes the cache with the source's current variables.

    Args:
      source: a learner's node or another cache: has `get_newer`.
      names: of the collections of variables to hold.
      refresh_seconds: between two requests to the source; Acme's caches have 2.
      half_precision: whether to send float32 as float16.
      logger: receives what was served.
    """
    self._source = RemoteVariables(source)
    self._names = list(names)
    self._server = VariableServer(names, half_precision)
    self._refresh_seconds = refresh_seconds
    self._logger = logger
    self._counts = {'requests': 0, 'sent': 0, 'refreshes': 0}
    self.refresh()

  def get_newer(self, names: Sequence[str], version: int) -> Newer:
    """Returns variables, unless the asker has them; see `VariableServer`."""
    newer = self._server.get_newer(names, version)
    # Counts may miss one when two threads add at once; they are for the log.
    self._counts['requests'] += 1
    self._counts['sent'] += newer[1] is not None
    return newer

  def get_variables(self, names: Sequence[str]) -> Variables:
    """Returns variables, as Acme's sources do."""
    _, variables = self.get_newer(names, UNKNOWN_VERSION)
    assert variables is not None
    return decode(variables)

  def counts(self) -> Dict[str, int]:
    """Returns how often it was asked, answered with variables, and renewed."""
    return dict(self._counts)

  def refresh(self) -> None:
    """Asks the source for newer variables."""
    variables = self._source.get_variables(self._names)
    if self._source.version != self._server.version:
      self._server.publish(self._source.version, variables)
      self._counts['refreshes'] += 1

  def run(self) -> None:
    """Refreshes until the program stops."""
    while not lp.wait_for_stop(self._refresh_seconds):
      self.refresh()
      if self._logger is not None:
        self._logger.write({**self._counts, 'version': self._server.version})


class RemoteVariables(core.VariableSource):
  """The actor's end: an Acme source that fetches what it does not have."""

  def __init__(self, client: Any):
    """Initializes the source.

    Args:
      client: of a learner's node or of a cache: has `get_newer`.
    """
    self._client = client
    self._version = UNKNOWN_VERSION
    self._names: Tuple[str, ...] = ()
    self._variables: Variables = []

  @property
  def version(self) -> int:
    """Version of the variables that were returned last."""
    return self._version

  def get_variables(self, names: Sequence[str]) -> Variables:
    """Returns the newest variables, without a fetch if they are here.

    Args:
      names: of collections, the same in all calls lest all be fetched anew.
    """
    known = self._version if tuple(names) == self._names else UNKNOWN_VERSION
    version, variables = self._client.get_newer(list(names), known)
    if variables is not None:
      self._variables = decode(variables)
    self._version, self._names = version, tuple(names)
    return self._variables
