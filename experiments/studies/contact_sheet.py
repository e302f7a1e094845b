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

"""Draws frames of demonstrations, as the agent sees them, in a PNG file.

  python -m experiments.studies.contact_sheet --output=docs/contact_sheet.png

Each seed has a row: from left to right the initial frame and the ends of the
reach, the grasp, the lift, the carry and the episode.
"""

import argparse
import os
from typing import Optional, Sequence

from matplotlib import image
import numpy as np

from environments import block_stacking
from environments import state_environment
from environments.block_stacking import demonstrators
from experiments import paths

# Phases whose last frame is shown, beside the initial frame.
PHASES = ('reach', 'grasp', 'lift', 'carry', 'rest')
_MARGIN = 2  # White pixels between frames.


def frames(
  environment: state_environment.StateEnvironment,
  style: demonstrators.Style,
  seed: int,
) -> list[np.ndarray]:
  """Returns frames of an episode: the initial one, and the last of each phase.

  Args:
    environment: block-stacking environment that observes 'image'.
    style: style of motion of the demonstrator, which must finish before the
      episode ends.
    seed: seed of the initial poses and of the demonstrator.

  Returns:
    Frames of the episode, uint8 [height, width, 3] each.

  Raises:
    ValueError: if the episode ends before its last phase does.
  """
  environment.random_state.seed(seed)
  demonstrator = demonstrators.ScriptedDemonstrator(style, seed)
  timestep = environment.reset()
  demonstrator.reset(environment)
  shown = {'initial': timestep.observation['image']}
  while not timestep.last():
    action = demonstrator.act()
    if demonstrator.done:
      break
    timestep = environment.step(action)
    # Overwritten until the phase is over.
    shown[demonstrator.phase] = timestep.observation['image']
  missing = set(PHASES) - set(shown)
  if missing:
    raise ValueError(
      f'The episode of seed {seed} ended before {sorted(missing)}; give '
      'another seed or a longer episode.'
    )
  return [shown[name] for name in ('initial', *PHASES)]


def sheet(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
  """Returns the frames side by side, uint8 [height, width, 3].

  Args:
    rows: rows of equally many frames, uint8 [H, W, 3] each.
  """
  margin = ((0, _MARGIN), (0, _MARGIN), (0, 0))
  return np.concatenate(
    [
      np.concatenate(
        [np.pad(frame, margin, constant_values=255) for frame in row], axis=1
      )
      for row in rows
    ]
  )


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(description='Draws what the agent sees.')
  parser.add_argument(
    '--output',
    type=paths.expand,
    default='docs/contact_sheet.png',
    help='Path of the PNG file to write.',
  )
  parser.add_argument(
    '--style',
    default='brisk',
    choices=list(demonstrators.STYLES),
    help='Name of the scripted demonstrator.',
  )
  parser.add_argument(
    '--seeds',
    type=int,
    nargs='+',
    default=[0, 1, 3, 4],
    help='Seeds of the episodes, one for each row.',
  )
  return parser


def main(argv: Optional[Sequence[str]] = None) -> None:
  """Draws the frames and writes them.

  Args:
    argv: arguments of the command line; those of this process by default.
  """
  options = _parser().parse_args(argv)
  folder = os.path.dirname(os.path.abspath(options.output))
  try:
    os.makedirs(folder, exist_ok=True)
  except OSError as error:
    raise SystemExit(
      f'Error: the folder {folder!r} cannot be made ({error.strerror}); give '
      'another --output.'
    ) from None
  environment = block_stacking.load(('image',))
  style = demonstrators.STYLES[options.style]
  rows = [frames(environment, style, seed) for seed in options.seeds]
  environment.close()
  image.imsave(options.output, sheet(rows))
  print(f'Wrote {options.output}.')


if __name__ == '__main__':
  main()
