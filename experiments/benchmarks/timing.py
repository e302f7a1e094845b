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

"""Measures how long calls of a function take."""

import time
from typing import Any, Callable


def calls_per_second(function: Callable[[], Any], seconds: float) -> float:
  """Returns how often a function can be called, after a first call.

  Args:
    function: function to call.
    seconds: seconds to call it for; at least one call is measured.
  """
  function()
  num_calls = 0
  start = time.perf_counter()
  while True:
    function()
    num_calls += 1
    elapsed = time.perf_counter() - start
    if elapsed >= seconds:
      return num_calls / elapsed


def milliseconds(function: Callable[[], Any], seconds: float) -> float:
  """Returns the mean time of a call; see `calls_per_second`."""
  return 1e3 / calls_per_second(function, seconds)
