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
"""Interrupts that Python would lose.

A signal's handler raises its exception wherever the main thread happens to be. In
a callback of the garbage collector or in the end of an object Python prints the
exception and goes on, and the program with it: JAX, which Acme's adders import,
has such a callback, and so one interrupt of six was lost while a figure was drawn.
"""

import os
import signal
import sys
import threading
from typing import Any, List

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Until Python is out of what lost the interrupt; if it is not, that is done again.
_PAUSE_SECONDS = 0.1


def send_lost_again() -> None:
  """Has an interrupt that Python would lose come once more.

  To be called in the main thread once the handlers of signals are there: they are
  the ones that the signal finds when it comes again, as a handler may leave others
  behind. The handler of another signal than SIGINT raises a `KeyboardInterrupt` with
  an attribute `number`, which is the signal's.
  """
  before = sys.unraisablehook
  handlers = {number: signal.getsignal(number) for number in _SIGNALS}
  on_the_way: List[threading.Timer] = []

  def hook(lost: Any) -> None:
    if not issubclass(lost.exc_type, KeyboardInterrupt):
      before(lost)
      return
    for number, handler in handlers.items():
      if handler is not None:  # One that Python has not set.
        signal.signal(number, handler)
    if any(timer.is_alive() for timer in on_the_way):
      return
    number = getattr(lost.exc_value, 'number', signal.SIGINT)
    timer = threading.Timer(_PAUSE_SECONDS, os.kill, (os.getpid(), number))
    timer.daemon = True
    timer.start()
    on_the_way[:] = [timer]

  sys.unraisablehook = hook
