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

"""Draws what the agent sees: frames of demonstrations, as a PNG.

  python -m experiments.contact_sheet --output=docs/contact_sheet.png

A row for each seed; from left to right the initial frame, the end of the reach,
the grasp, the lift, and the blocks stacked.
"""

from typing import Sequence

from absl import app
from absl import flags
import numpy as np
from PIL import Image

from environments import block_stacking
from environments import demonstrators

FLAGS = flags.FLAGS
flags.DEFINE_string('output', 'docs/contact_sheet.png', 'The PNG to write.')
flags.DEFINE_string('style', 'brisk', 'Who demonstrates.')
flags.DEFINE_list('seeds', ['0', '1', '3', '4'], 'Seeds of the episodes.')

# The frame after the last step of these phases is shown, beside the first one.
PHASES = ('reach', 'grasp', 'lift', 'rest')
_MARGIN = 2  # White pixels between frames.


def frames(
  environment: block_stacking.BlockStackingEnvironment,
  style: demonstrators.Style,
  seed: int,
) -> list[np.ndarray]:
  """Returns the frames of an episode: the first, and one for each phase.

  Args:
    environment: observes 'image'.
    style: how the demonstrator moves; must come to its end.
    seed: of the initial poses and of the demonstrator.

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
    rows: of equally many frames of one size.
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


def main(argv: list[str]) -> None:
  """Draws the frames and writes them."""
  del argv
  environment = block_stacking.load(('image',))
  style = demonstrators.STYLES[FLAGS.style]
  rows = [frames(environment, style, int(seed)) for seed in FLAGS.seeds]
  Image.fromarray(sheet(rows)).save(FLAGS.output, optimize=True)
  print(f'Wrote {FLAGS.output}.')


if __name__ == '__main__':
  app.run(main)
