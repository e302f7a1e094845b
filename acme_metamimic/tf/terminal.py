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

"""Loggers that write to the terminal."""

from acme.utils import loggers

# Seconds between two lines of a logger.
_LOG_SECONDS = 10.0


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
