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
"""Records, describes, checks and rearranges datasets of demonstrations.

  python -m experiments.demonstrations record data/steady --episodes=500
  python -m experiments.demonstrations info data/steady
  python -m experiments.demonstrations validate data/steady
  python -m experiments.demonstrations render data/steady data/steady_images
  python -m experiments.demonstrations play data/steady steady.mp4 --episode=3
  python -m experiments.demonstrations split data/steady data/train data/test
  python -m experiments.demonstrations split data/steady data/new --masks train valid
  python -m experiments.demonstrations merge data/all data/steady data/hesitant
  python -m experiments.demonstrations export data/steady data/steady_rlds

A path is that of an HDF5 file, or of a folder with demonstrations.hdf5 in it.
Existing files are never changed: each command writes a new one, as a whole or not
at all.
"""

import argparse
from collections.abc import Sequence
import sys
from typing import Optional

import tqdm

from experiments import progress
from experiments import renderer

with renderer.required():
  from environments import block_stacking
  from environments import demonstrations
  from environments import state_environment
  from environments.demonstrations import writer
  from experiments.datasets import arguments as arguments_lib
  from experiments.datasets import arrange
  from experiments.datasets import pictures
  from experiments.datasets import record
  from experiments.datasets import report
  from experiments.datasets import scenes

_INTERRUPTED = 130  # The exit code that shells give for Ctrl-C.


def _record(options: argparse.Namespace) -> int:
  arguments = {
    'episode_length': options.episode_length,
    'half_size': options.half_size,
  }
  if set(block_stacking.IMAGES) & set(options.observables):
    arguments['image_size'] = options.image_size
  settings = record.Settings(
    path=options.dataset,
    demonstrator=options.demonstrator,
    num_episodes=options.episodes,
    seed=options.seed,
    observables=options.observables,
    arguments=arguments,
  )
  file = demonstrations.dataset_file(options.dataset)
  try:
    with tqdm.tqdm(
      total=options.episodes,
      desc=f'Recording {options.demonstrator!r}',
      file=progress.stream(),
    ) as bar:
      bar.update(len(writer.recorded_files(file)))
      attempts = record.record(settings, options.resume, lambda _: bar.update())
  except KeyboardInterrupt:
    number = len(writer.recorded_files(file))
    print(
      f'Interrupted; {number} complete episode(s) are kept in '
      f'{writer.partial_folder(file)}. Go on with --resume, or end '
      f'here with --resume --episodes={number}.',
      file=sys.stderr,
    )
    return _INTERRUPTED
  print(f'{file}: kept {options.episodes} of {attempts} attempts.')
  return 0


def _info(options: argparse.Namespace) -> int:
  print(
    report.describe(demonstrations.load(options.dataset, mask=options.mask))
  )
  return 0


def _validate(options: argparse.Namespace) -> int:
  dataset = demonstrations.load(options.dataset, mask=options.mask)
  dataset.verify()
  environment = scenes.load_environment(
    dataset, ('body',), any_model=options.any_model
  )
  wrong = 0
  for result in report.replay(dataset, environment, options.tolerance):
    wrong += not result.agrees
    if options.verbose or not result.agrees:
      print(result, flush=True)
  print(f'{wrong} of {len(dataset)} demonstrations part from their replay.')
  return 1 if wrong else 0


def _play(options: argparse.Namespace) -> int:
  dataset = demonstrations.load(options.dataset, mask=options.mask)
  if not -len(dataset) <= options.episode < len(dataset):
    raise demonstrations.DatasetError(
      f'{dataset.file} has no episode {options.episode}; choose one of 0 to '
      f'{len(dataset) - 1}.'
    )
  if options.film is not None:
    pictures.check_film(options.film, options.size)
  environment = scenes.load_environment(
    dataset, ('body',), any_model=options.any_model
  )
  if options.film is None:
    pictures.show(dataset[options.episode], environment, options.speed)
    return 0
  items = [dataset[options.episode]]
  pictures.film(items, environment, options.film, options.size, options.speed)
  print(f'{options.film}: episode {options.episode}, {len(items[0])} steps.')
  return 0


def _render(options: argparse.Namespace) -> int:
  dataset = demonstrations.load(options.dataset, mask=options.mask)
  environment = scenes.load_environment(
    dataset,
    options.images,
    image_size=tuple(options.image_size),
    any_model=options.any_model,
  )
  file = demonstrations.dataset_file(options.output)
  with tqdm.tqdm(
    total=len(dataset), desc='Rendering', file=progress.stream()
  ) as bar:
    bar.update(len(writer.recorded_files(file)))
    pictures.add_images(dataset, environment, file, options.resume, bar.update)
  print(f'{file}: {len(dataset)} demonstrations with images.')
  return 0


def _split(options: argparse.Namespace) -> int:
  if (options.second is None) == (options.masks is None):
    raise ValueError(
      'split writes two datasets or two masks: give a second path, or --masks '
      'and one path.'
    )
  dataset = demonstrations.load(options.dataset, mask=options.mask)
  choice = {
    'share': options.share,
    'seed': options.seed,
    'demonstrator': options.demonstrator,
  }
  first = demonstrations.dataset_file(options.first)
  if options.masks is not None:
    names = tuple(options.masks)
    counts = arrange.mark(dataset, first, names, **choice)
    names = tuple(f'{first}, mask {name}' for name in names)
  else:
    names = (first, demonstrations.dataset_file(options.second))
    counts = arrange.split(dataset, names, **choice)
  for name, count in zip(names, counts):
    print(f'{name}: {count} demonstrations.')
  return 0


def _merge(options: argparse.Namespace) -> int:
  datasets = [
    demonstrations.load(path, mask=options.mask) for path in options.datasets
  ]
  file = demonstrations.dataset_file(options.output)
  print(f'{file}: {arrange.merge(datasets, file)} demonstrations.')
  return 0


def _export(options: argparse.Namespace) -> int:
  from experiments.datasets import rlds

  dataset = demonstrations.load(options.dataset, mask=options.mask)
  files = rlds.export(dataset, options.folder, options.episodes_per_file)
  print(f'{options.folder}: {len(dataset)} episodes in {len(files)} file(s).')
  return 0


_COMMANDS = {
  'record': _record,
  'info': _info,
  'validate': _validate,
  'play': _play,
  'render': _render,
  'split': _split,
  'merge': _merge,
  'export': _export,
}


def main(arguments: Optional[Sequence[str]] = None) -> int:
  """Runs a command and returns the exit code.

  Args:
    arguments: arguments of the command line; those of this process by default.
  """
  options = arguments_lib.parser(__doc__ or '').parse_args(arguments)
  try:
    return _COMMANDS[options.command](options)
  except (
    OSError,
    ValueError,  # DatasetError is one.
    state_environment.RenderError,
  ) as error:
    print(f'Error: {error}', file=sys.stderr)
    return 1
  except KeyboardInterrupt:
    print('Interrupted; no file was changed.', file=sys.stderr)
    return _INTERRUPTED


if __name__ == '__main__':
  sys.exit(main())
