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

"""What is written to the terminal, and what libraries do not write there."""

import ctypes

from acme.utils import loggers

# Seconds between two lines of a logger.
_LOG_SECONDS = 10.0
# Names that C++ gives to its stream of messages, and to what sets its state.
_STREAM = '_ZSt4clog'
_SET_STATE = '_ZNSt9basic_iosIcSt11char_traitsIcEE5clearESt12_Ios_Iostate'
_BAD = 1


def make_logger(label: str) -> loggers.Logger:
  """Makes Acme's default logger, without its CSV file in a fixed folder.

  Args:
    label: label that each line begins with.

  Returns:
    Logger that writes a line every ten seconds at most.
  """
  return loggers.make_default_logger(
    label, save_data=False, time_delta=_LOG_SECONDS
  )


def quiet_reverb() -> None:
  """Has Reverb say nothing but warnings and errors from now on.

  It writes what it does to C++'s `std::clog`, and has no setting for it; warnings
  and errors go to `std::cerr`. Where the C++ library is another, nothing changes.
  """
  try:
    library = ctypes.CDLL('libstdc++.so.6')
    stream = ctypes.addressof(ctypes.c_char.in_dll(library, _STREAM))
    set_state = getattr(library, _SET_STATE)
  except (AttributeError, OSError, ValueError):
    return
  set_state.argtypes, set_state.restype = (ctypes.c_void_p, ctypes.c_int), None
  # The state is in a virtual base, whose offset stands before the table.
  table = ctypes.c_void_p.from_address(stream).value or 0
  entry = table - 3 * ctypes.sizeof(ctypes.c_void_p)
  set_state(stream + ctypes.c_ssize_t.from_address(entry).value, _BAD)
