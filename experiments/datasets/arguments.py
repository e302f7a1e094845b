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
"""The command line of `python -m experiments.demonstrations`."""

import argparse
import math
from typing import Any, Callable

from environments import block_stacking
from environments.block_stacking import demonstrators

_PROGRAM = 'python -m experiments.demonstrations'


def _positive(text: str) -> int:
  value = int(text)
  if value < 1:
    raise argparse.ArgumentTypeError(f'is {value}; it must be at least 1')
  return value


def _seed(text: str) -> int:
  value = int(text)
  if not 0 <= value < 2**31:
    raise argparse.ArgumentTypeError(f'is {value}; it must be in [0, 2**31)')
  return value


def _speed(text: str) -> float:
  value = float(text)
  if not 0.0 < value < math.inf:
    raise argparse.ArgumentTypeError(f'is {text}; it must be positive')
  return value


def _image_size(text: str) -> tuple[int, int]:
  height, _, width = text.partition('x')
  return _positive(height), _positive(width or height)


def parser(description: str) -> argparse.ArgumentParser:
  """Returns the parser; the parsed `command` is the command's name.

  Args:
    description: of the program.
  """
  result = argparse.ArgumentParser(
    prog=_PROGRAM,
    description=description,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  commands = result.add_subparsers(
    title='commands', dest='command', required=True, metavar='command'
  )
  _add_record(commands)
  _add_checks(commands)
  _add_pictures(commands)
  _add_rearrangements(commands)
  return result


def _add(
  commands: Any, name: str, summary: str, *examples: str
) -> argparse.ArgumentParser:
  return commands.add_parser(
    name,
    help=summary,
    description=summary,
    epilog='\n'.join(
      ('examples:', *(f'  {_PROGRAM} {name} {e}' for e in examples))
    ),
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )


def _add_record(commands: Any) -> None:
  add = _add(
    commands,
    'record',
    'Records a scripted demonstrator; only episodes that stack are kept.',
    'data/steady --demonstrator=steady --episodes=500',
    'data/pixels --observables image body blocks --image-size=64',
    'data/steady --demonstrator=steady --episodes=500 --resume',
  ).add_argument
  add('dataset', help='the new file or folder')
  add(
    '--demonstrator',
    choices=tuple(demonstrators.STYLES),
    default=demonstrators.PAPER_TRAINING,
    help='default: %(default)s',
  )
  add('--episodes', type=_positive, default=500, help='default: %(default)s')
  add('--seed', type=_seed, default=0, help='of the first attempt')
  add(
    '--observables',
    nargs='+',
    choices=block_stacking.OBSERVABLES,
    default=['body', 'blocks'],
    help='default: body blocks; images can be added later by render',
  )
  _add_image_size(add)
  add('--episode-length', type=_positive, default=block_stacking.EPISODE_LENGTH)
  add(
    '--half-size',
    type=float,
    default=block_stacking.HALF_SIZE,
    help='of the cubes, in metres',
  )
  _add_resume(add)


def _add_checks(commands: Any) -> None:
  _add(
    commands,
    'info',
    'Says what is in a dataset: counts, lengths, returns, per demonstrator.',
    'data/steady',
  ).add_argument('dataset')
  add = _add(
    commands,
    'validate',
    'Replays the stored actions; says where and by how much states part.',
    'data/steady',
    'data/steady --tolerance=1e-3 --any-model --verbose',
  ).add_argument
  add('dataset')
  add(
    '--tolerance',
    type=float,
    default=0.0,
    help='of positions and velocities; default: bit for bit',
  )
  add('--verbose', action='store_true', help='also say what agrees')
  _add_any_model(add)


def _add_pictures(commands: Any) -> None:
  add = _add(
    commands,
    'play',
    'Plays an episode from its states: in a window, or as an MP4 film.',
    'data/steady --episode=3',
    'data/steady steady.mp4 --episode=3 --speed=2',
  ).add_argument
  add('dataset')
  add('film', nargs='?', help='new MP4 file; a window opens without one')
  add('--episode', type=int, default=0, help='negative ones from the end')
  add('--size', type=_positive, default=480, help='of the film, in pixels')
  add('--speed', type=_speed, default=1.0)
  _add_any_model(add)
  add = _add(
    commands,
    'render',
    'Adds images, drawn from the states, in a new dataset.',
    'data/steady data/steady_images',
    'data/steady data/steady_small --image-size=64x64',
  ).add_argument
  add('dataset')
  add('output', help='the new file or folder')
  _add_image_size(add)
  _add_resume(add)
  _add_any_model(add)


def _add_rearrangements(commands: Any) -> None:
  add = _add(
    commands,
    'split',
    'Shares out the demonstrations over two new datasets.',
    'data/all data/train data/test --share=0.9 --seed=1',
    'data/all data/steady data/others --demonstrator=steady',
  ).add_argument
  add('dataset')
  add('first', help='new file or folder')
  add('second', help='new file or folder')
  add('--share', type=float, default=0.9, help='of the first; default: 0.9')
  add('--seed', type=_seed, default=0, help='of the draw')
  add('--demonstrator', help='goes to the first, in place of a share')
  add = _add(
    commands,
    'merge',
    'Puts several datasets into a new one.',
    'data/all data/steady data/hesitant',
  ).add_argument
  add('output', help='new file or folder')
  add('datasets', nargs='+')
  add = _add(
    commands,
    'export',
    "Writes TFRecord files of episodes in RLDS's step structure.",
    'data/steady data/steady_rlds',
  ).add_argument
  add('dataset')
  add('folder', help='the new folder')
  add('--episodes-per-file', type=_positive, default=50)


def _add_image_size(add: Callable[..., Any]) -> None:
  add(
    '--image-size',
    type=_image_size,
    default=(128, 128),
    metavar='HEIGHTxWIDTH',
    help='default: 128x128',
  )


def _add_resume(add: Callable[..., Any]) -> None:
  add(
    '--resume',
    action='store_true',
    help='go on with what did not come to its end',
  )


def _add_any_model(add: Callable[..., Any]) -> None:
  add(
    '--any-model',
    action='store_true',
    help='accept a model that has changed since the recording',
  )
