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
"""Writes one page that shows what runs came to.

  python -m experiments.report runs/mine runs/other --page=report.html

It holds tables, curves, each demonstration's return against the rollout's, the
failures with the step at which they part, films, and the settings, and opens
without a network.
"""

import os

from absl import app
from absl import logging

from experiments import paths
from experiments import renderer

with renderer.required():
  from experiments import run_folder as run_folder_lib
  from experiments.report import write as write_lib

_OUTPUT = paths.define(
  'page', None, 'HTML file; report.html in the first run by default.'
)


def main(argv: list[str]) -> None:
  """Writes the page."""
  if len(argv) < 2:
    raise app.UsageError('Give the folder of a run, or of several.')
  logging.set_verbosity(logging.WARNING)
  folders = [paths.expand(folder) for folder in argv[1:]]
  path = _OUTPUT.value or os.path.join(folders[0], 'report.html')
  try:
    write_lib.write(folders, path)
  except (
    OSError,
    write_lib.ReportError,
    run_folder_lib.RunFolderError,
  ) as error:
    raise SystemExit(f'Error: {error}') from None
  print(f'The report is in {path}.')


if __name__ == '__main__':
  app.run(main)
