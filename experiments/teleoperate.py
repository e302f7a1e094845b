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
"""Records demonstrations of a person who teleoperates the arm (section 3.1).

  python -m experiments.teleoperate --device=spacemouse --output=data/anna
  python -m experiments.teleoperate --device=keyboard --output=data/anna
  python -m experiments.teleoperate --device=keyboard --observables=image,body

Each take that is kept is a dataset of its own in the output folder, so that it
cannot be lost afterwards. Takes are merged by

  python -m experiments.demonstrations merge data/all data/anna/take_*.hdf5
"""

import argparse
from collections.abc import Sequence
import contextlib
import pathlib
import sys
from typing import Any, Callable, Optional

from experiments import paths
from experiments import renderer

with renderer.required():
  from environments import block_stacking
  from environments import demonstrations
  from environments import state_environment
  from environments.demonstrations import writer
  from environments.teleoperation import controller
  from environments.teleoperation import device
  from environments.teleoperation import keyboard
  from environments.teleoperation import session
  from environments.teleoperation import space_mouse
  from experiments.datasets import live_view
  from experiments.datasets import scenes

DEVICES = ('spacemouse', 'keyboard')

_SPACE_MOUSE_HELP = """\
  Push, pull, lift and turn the cap to move the hand.
  Left button: close or open the fingers. Right button: begin a take, keep it."""


class TakeFolder:
  """Stores each take in a new file: take_0.hdf5, take_1.hdf5, and so on.

  Args:
    folder: path of the folder, which is made if it is missing; takes that are in
      it already are kept.
    metadata: metadata that all takes share.
  """

  def __init__(self, folder: pathlib.Path, metadata: demonstrations.Metadata):
    self._folder = folder
    self._metadata = metadata
    folder.mkdir(parents=True, exist_ok=True)
    taken = [
      int(number)
      for path in folder.glob('take_*.hdf5')
      if (number := path.stem.removeprefix('take_')).isdecimal()
    ]
    self._next = max(taken, default=-1) + 1

  @property
  def num_takes(self) -> int:
    """Number of the next take."""
    return self._next

  def keep(self, demonstration: demonstrations.Demonstration) -> str:
    """Stores a take.

    Args:
      demonstration: the recorded episode.

    Returns:
      The path of the new HDF5 file.
    """
    file = str(self._folder / f'take_{self._next}.hdf5')
    writer.write(file, [demonstration], self._metadata)
    self._next += 1
    return file


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog='python -m experiments.teleoperate',
    description=__doc__,
    epilog=f'keys:\n{keyboard.HELP}\n\nSpaceMouse:\n{_SPACE_MOUSE_HELP}',
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  _add_control(parser.add_argument)
  _add_recording(parser.add_argument)
  return parser


def _add_recording(add: Callable[..., Any]) -> None:
  add(
    '--output',
    type=lambda text: pathlib.Path(paths.expand(text)),
    default=pathlib.Path('data', 'teleoperation'),
    help='path of the folder for the takes; default: %(default)s',
  )
  add(
    '--demonstrator',
    default='person',
    help='your name in the datasets; default: %(default)s',
  )
  add(
    '--observables',
    default='body,blocks',
    help='observations to record, of '
    f'{",".join(block_stacking.OBSERVABLES)}; default: %(default)s. Images can '
    'be drawn from the states later.',
  )
  add(
    '--seed',
    type=int,
    default=0,
    help='seed of the first start in an empty folder; default: %(default)s',
  )
  add(
    '--episode_length',
    type=int,
    default=block_stacking.EPISODE_LENGTH,
    help='number of control steps of 50 ms after which a take ends; '
    'default: %(default)s',
  )


def _add_control(add: Callable[..., Any]) -> None:
  defaults = controller.Settings()
  add(
    '--device',
    choices=DEVICES,
    required=True,
    help='input device that moves the hand',
  )
  add(
    '--speed',
    type=float,
    default=defaults.speed,
    help='speed of the hand at full deflection, in m/s; default: %(default)s',
  )
  add(
    '--view',
    choices=live_view.KINDS,
    default='auto',
    help='kind of view of the scene; auto is a window if there is a display, '
    'and a picture in the output folder otherwise',
  )
  add(
    '--tilt',
    action='store_true',
    help='let the hand tilt as the device does; otherwise it points down and '
    'only turns',
  )


def _open_device(name: str, stack: contextlib.ExitStack) -> device.Device:
  """Opens an input device; the keyboard is read beside a SpaceMouse.

  Args:
    name: name of the device, one of `DEVICES`.
    stack: stack that closes the device.
  """
  if name == 'keyboard':
    keys = keyboard.Keyboard()
    stack.callback(keys.close)
    return keys
  mouse = space_mouse.open_space_mouse()
  stack.callback(mouse.close)
  print(f'Found {mouse.name}.\n{_SPACE_MOUSE_HELP}')
  if not sys.stdin.isatty():
    return mouse
  keys = keyboard.Keyboard()
  stack.callback(keys.close)
  return device.Combined((mouse, keys))


def _run(options: argparse.Namespace, stack: contextlib.ExitStack) -> None:
  """Opens environment, device and view, and runs a session."""
  settings = controller.Settings(speed=options.speed, tilt=options.tilt)
  arguments = {
    **scenes.DEFAULT_ARGUMENTS,
    'episode_length': options.episode_length,
  }
  environment = block_stacking.load(options.observables.split(','), **arguments)
  stack.callback(environment.close)
  source = _open_device(options.device, stack)
  environment.reset()
  metadata = scenes.metadata(environment, **arguments)
  folder = TakeFolder(options.output, metadata)
  view, message = live_view.open_view(
    options.view, environment, options.output / 'preview.png'
  )
  stack.callback(view.close)
  print(keyboard.HELP, message, sep='\n', flush=True)
  pacer = session.Pacer()
  summary = session.Session(
    environment,
    source,
    controller.PositionController(settings),
    folder.keep,
    demonstrator=options.demonstrator,
    seed=options.seed + folder.num_takes,
    view=view,
    pacer=pacer,
    say=lambda text: print(text, flush=True),
  ).run()
  print(
    f'{summary.kept} takes kept in {options.output}, {summary.discarded} '
    f'discarded; {summary.late_steps} steps began late.'
  )


def main(arguments: Optional[Sequence[str]] = None) -> int:
  """Records takes until the person quits; returns the exit code.

  Args:
    arguments: arguments of the command line; those of this process by default.
  """
  options = _parser().parse_args(arguments)
  with contextlib.ExitStack() as stack:
    try:
      _run(options, stack)
    except KeyboardInterrupt:
      print(f'\nInterrupted; the takes that were kept are in {options.output}.')
      return 130
    except (
      device.DeviceError,
      demonstrations.DatasetError,
      live_view.ViewError,
      state_environment.RenderError,
      OSError,
      ValueError,
    ) as error:
      print(f'Error: {error}', file=sys.stderr)
      return 1
  return 0


if __name__ == '__main__':
  sys.exit(main())
