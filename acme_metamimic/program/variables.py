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

"""The path of variables from a learner to many actors.

A policy of 22 million parameters (section 2.1) is 88 MB, and 256 actors ask for
it (Table 1). Hence there are caches between a learner and its actors, replies
without variables to actors that have the newest ones, and an option to send
numbers in half precision.
"""

import threading
from typing import Any, Dict, List, Optional, Sequence, Tuple

from acme import core
from acme.utils import loggers
import launchpad as lp
import numpy as np
import tree

Variables = List[List[np.ndarray]]
# A version, and the variables of that version unless the client has them.
Newer = Tuple[int, Optional[Variables]]

# Version of a client that has no variables.
UNKNOWN_VERSION = -1

_WIRE_DTYPE = np.float16


def encode(variables: Variables) -> Variables:
  """Converts float32 arrays to float16, and leaves others as they are.

  Args:
    variables: collections of arrays.

  Returns:
    The collections, in which numbers beyond the range of float16 are clipped to
    it. The relative error of others is at most 2^-11, but for those close to
    zero.
  """
  limit = np.finfo(_WIRE_DTYPE).max

  def encode_array(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.float32:
      return array
    return np.clip(array, -limit, limit).astype(_WIRE_DTYPE)

  return tree.map_structure(encode_array, variables)


def decode(variables: Variables) -> Variables:
  """Converts float16 arrays to float32, and leaves others as they are."""
  return tree.map_structure(
    lambda a: a.astype(np.float32) if a.dtype == _WIRE_DTYPE else a, variables
  )


class VariableServer:
  """Serves copies of variables, made once for each version of them."""

  def __init__(self, names: Sequence[str], half_precision: bool = False):
    """Initializes a server without variables.

    Args:
      names: names of the collections of variables to serve, such as 'policy'.
      half_precision: whether to send float32 arrays as float16.
    """
    self._names = list(names)
    self._half_precision = half_precision
    self._lock = threading.Lock()
    self._version = UNKNOWN_VERSION
    self._variables: Dict[str, List[np.ndarray]] = {}

  @property
  def version(self) -> int:
    """Version of the variables that are served."""
    return self._version

  def publish(self, version: int, variables: Variables) -> None:
    """Replaces the variables that are served.

    Args:
      version: version of the variables, not negative.
      variables: collections of variables, in the order of their names.
    """
    if self._half_precision:
      variables = encode(variables)
    with self._lock:
      self._version = version
      self._variables = dict(zip(self._names, variables))

  def get_newer(self, names: Sequence[str], version: int) -> Newer:
    """Returns variables, unless the client has the version that is served.

    Args:
      names: names of the collections that the client asks for.
      version: version of the client's variables, or `UNKNOWN_VERSION`.

    Returns:
      The version that is served, and its collections in the order of `names`,
      or None if the client has that version.

    Raises:
      KeyError: if a collection is not served; the message names those that are.
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
  """A cache of a learner's variables, which serves them to many actors.

  It takes the place of `lp.CacherNode`, which Acme uses and which is not in the
  open-source release of Launchpad. It is an object for an `lp.CourierNode`.
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
      source: client of a learner's node or of another cache, with the method
        `get_newer`.
      names: names of the collections of variables to hold.
      refresh_seconds: seconds between two requests to the source; Acme's caches
        have 2.
      half_precision: whether to send float32 arrays as float16.
      logger: logger that receives `counts` and the version after each request to
        the source; None logs nothing.
    """
    self._source = RemoteVariables(source)
    self._names = list(names)
    self._server = VariableServer(names, half_precision)
    self._refresh_seconds = refresh_seconds
    self._logger = logger
    self._counts = {'requests': 0, 'sent': 0, 'refreshes': 0}
    self.refresh()

  def get_newer(self, names: Sequence[str], version: int) -> Newer:
    """Returns variables unless the client has them, as `VariableServer` does."""
    newer = self._server.get_newer(names, version)
    # Two threads that add at once may lose a count, which is only logged.
    self._counts['requests'] += 1
    self._counts['sent'] += newer[1] is not None
    return newer

  def get_variables(self, names: Sequence[str]) -> Variables:
    """Returns the named collections, as Acme's variable sources do."""
    _, variables = self.get_newer(names, UNKNOWN_VERSION)
    assert variables is not None
    return decode(variables)

  def counts(self) -> Dict[str, int]:
    """Returns numbers of `requests`, replies with variables and new versions."""
    return dict(self._counts)

  def refresh(self) -> None:
    """Asks the source for newer variables, and serves them."""
    variables = self._source.get_variables(self._names)
    if self._source.version != self._server.version:
      self._server.publish(self._source.version, variables)
      self._counts['refreshes'] += 1

  def run(self) -> None:
    """Refreshes the variables until the program stops."""
    while not lp.wait_for_stop(self._refresh_seconds):
      self.refresh()
      if self._logger is not None:
        self._logger.write({**self._counts, 'version': self._server.version})


class RemoteVariables(core.VariableSource):
  """An actor's variable source, which fetches only variables that it lacks."""

  def __init__(self, client: Any):
    """Initializes the source.

    Args:
      client: client of a learner's node or of a cache, with the method
        `get_newer`.
    """
    self._client = client
    self._version = UNKNOWN_VERSION
    self._names: Tuple[str, ...] = ()
    self._variables: Variables = []

  @property
  def version(self) -> int:
    """Version of the variables that `get_variables` last returned."""
    return self._version

  def get_variables(self, names: Sequence[str]) -> Variables:
    """Returns the newest variables, which are fetched if they are not here.

    Args:
      names: names of the collections to return. Other names than in the last
        call have all of them fetched again.

    Returns:
      The collections, in the order of their names.
    """
    known = self._version if tuple(names) == self._names else UNKNOWN_VERSION
    version, variables = self._client.get_newer(list(names), known)
    if variables is not None:
      self._variables = decode(variables)
    self._version, self._names = version, tuple(names)
    return self._variables
