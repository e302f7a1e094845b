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
from experiments import paths

_PROGRAM = 'python -m experiments.demonstrations'

_DATASET = 'path of the dataset: an HDF5 file, or the folder it is in'
_NEW_DATASET = 'path of the new HDF5 file, or of its new folder'


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
  """Returns the parser, whose `command` is the name of the chosen command.

  Args:
    description: description of the program in its help.
  """
  result = argparse.ArgumentParser(
    prog=_PROGRAM,
    description=description,
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  commands = result.add_subparsers(
    title='commands', dest='command', required=True, metavar='command'
  )
  for add in (
    _add_record,
    _add_info,
    _add_validate,
    _add_play,
    _add_render,
    _add_split,
    _add_merge,
    _add_export,
  ):
    add(commands)
  for name, command in commands.choices.items():
    if name != 'record':
      _add_mask(command.add_argument)
  return result


def _add(
  commands: Any, name: str, summary: str, *examples: str
) -> argparse.ArgumentParser:
  """Adds a command and returns its parser.

  Args:
    commands: the subparsers of the program.
    name: name of the command.
    summary: description of the command in its help.
    *examples: arguments of examples in the help.
  """
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
  add('dataset', help=_NEW_DATASET)
  add(
    '--demonstrator',
    choices=tuple(demonstrators.STYLES),
    default=demonstrators.PAPER_TRAINING,
    help='name of the scripted demonstrator; default: %(default)s',
  )
  add(
    '--episodes',
    type=_positive,
    default=500,
    help='number of episodes to keep; default: %(default)s',
  )
  add(
    '--seed',
    type=_seed,
    default=0,
    help='seed of the first attempt; default: %(default)s',
  )
  add(
    '--observables',
    nargs='+',
    choices=block_stacking.OBSERVABLES,
    default=['body', 'blocks'],
    help='observations to record; default: body blocks. The command render '
    'can add images later.',
  )
  _add_image_size(add)
  add(
    '--episode-length',
    type=_positive,
    default=block_stacking.EPISODE_LENGTH,
    help='largest number of control steps in an episode; default: %(default)s',
  )
  add(
    '--half-size',
    type=float,
    default=block_stacking.HALF_SIZE,
    help='half the edge of the cubes, in metres; default: %(default)s',
  )
  _add_resume(add)


def _add_info(commands: Any) -> None:
  _add(
    commands,
    'info',
    'Prints counts, lengths and returns of a dataset for each demonstrator.',
    'data/steady',
  ).add_argument('dataset', help=_DATASET)


def _add_validate(commands: Any) -> None:
  add = _add(
    commands,
    'validate',
    'Replays the stored actions and compares the states with the stored ones.',
    'data/steady',
    'data/steady --tolerance=1e-3 --any-model --verbose',
  ).add_argument
  add('dataset', help=_DATASET)
  add(
    '--tolerance',
    type=float,
    default=0.0,
    help='largest accepted difference of a position (m or rad) or velocity; '
    'default: %(default)s, bit for bit',
  )
  add(
    '--verbose',
    action='store_true',
    help='also print the demonstrations that agree',
  )
  _add_any_model(add)


def _add_play(commands: Any) -> None:
  add = _add(
    commands,
    'play',
    'Plays an episode from its states: in a window, or as a film.',
    'data/steady --episode=3',
    'data/steady steady.mp4 --episode=3 --speed=2',
  ).add_argument
  add('dataset', help=_DATASET)
  add(
    'film',
    nargs='?',
    type=paths.expand,
    help='path of the new film, .mp4, .mkv, .avi, .webm or .gif; without it a '
    'window opens',
  )
  add(
    '--episode',
    type=int,
    default=0,
    help='index of the episode, negative from the end; default: %(default)s',
  )
  add(
    '--size',
    type=_positive,
    default=480,
    help='height and width of the film in pixels; default: %(default)s',
  )
  add(
    '--speed',
    type=_speed,
    default=1.0,
    help="speed of playing, relative to the episode's own; "
    'default: %(default)s',
  )
  _add_any_model(add)


def _add_render(commands: Any) -> None:
  add = _add(
    commands,
    'render',
    'Writes a new dataset with images, which are drawn from the states.',
    'data/steady data/steady_images',
    'data/steady data/steady_small --image-size=64x64',
    'data/steady data/steady_views --images close_image side_image',
  ).add_argument
  add('dataset', help=_DATASET)
  add('output', help=_NEW_DATASET)
  add(
    '--images',
    nargs='+',
    choices=block_stacking.IMAGES,
    default=['image'],
    help='images to draw; default: image.',
  )
  _add_image_size(add)
  _add_resume(add)
  _add_any_model(add)


def _add_split(commands: Any) -> None:
  add = _add(
    commands,
    'split',
    'Divides the demonstrations between two new datasets, or by masks in one.',
    'data/all data/train data/test --share=0.9 --seed=1',
    'data/all data/masked --masks train valid',
    'data/all data/steady data/others --demonstrator=steady',
  ).add_argument
  add('dataset', help=_DATASET)
  add('first', help=_NEW_DATASET)
  add('second', nargs='?', help=f'{_NEW_DATASET}; none with --masks')
  add(
    '--masks',
    nargs=2,
    metavar=('FIRST', 'SECOND'),
    help='names of two masks that divide the demonstrations of one new dataset, '
    'in place of two datasets',
  )
  add(
    '--share',
    type=float,
    default=0.9,
    help='share of the demonstrations that are drawn for the first new '
    'dataset; default: %(default)s',
  )
  add(
    '--seed',
    type=_seed,
    default=0,
    help='seed of the draw; default: %(default)s',
  )
  add(
    '--demonstrator',
    help='name of the demonstrator whose demonstrations go to the first new '
    'dataset, in place of a share',
  )


def _add_merge(commands: Any) -> None:
  add = _add(
    commands,
    'merge',
    'Writes a new dataset with the demonstrations of several.',
    'data/all data/steady data/hesitant',
  ).add_argument
  add('output', help=_NEW_DATASET)
  add('datasets', nargs='+', help='paths of the datasets to merge')


def _add_export(commands: Any) -> None:
  add = _add(
    commands,
    'export',
    "Writes TFRecord files of episodes in RLDS's step structure.",
    'data/steady data/steady_rlds',
  ).add_argument
  add('dataset', help=_DATASET)
  add('folder', type=paths.expand, help='path of the new folder')
  add(
    '--episodes-per-file',
    type=_positive,
    default=50,
    help='number of episodes in each file but the last; default: %(default)s',
  )


def _add_image_size(add: Callable[..., Any]) -> None:
  add(
    '--image-size',
    type=_image_size,
    default=(128, 128),
    metavar='HEIGHTxWIDTH',
    help='height and width of images in pixels; default: 128x128',
  )


def _add_mask(add: Callable[..., Any]) -> None:
  add(
    '--mask',
    metavar='NAME',
    help="read only the demonstrations of this mask, robomimic's filter key; "
    'info lists them',
  )


def _add_resume(add: Callable[..., Any]) -> None:
  add(
    '--resume',
    action='store_true',
    help='go on with a file that was not finished',
  )


def _add_any_model(add: Callable[..., Any]) -> None:
  add(
    '--any-model',
    action='store_true',
    help='accept a model that has changed since the recording',
  )
