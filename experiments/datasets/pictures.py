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
"""Draws demonstrations from their states: as observations, films or in a window."""

import contextlib
import dataclasses
import os
import time
from typing import Callable, Generator, Iterator, Sequence

import imageio_ffmpeg
import numpy as np

from environments import block_stacking
from environments import demonstrations
from environments import state_environment
from environments.block_stacking import scene
from environments.demonstrations import writer as writer_lib
from experiments.datasets import live_view

FRAMES_PER_SECOND = round(1.0 / block_stacking.CONTROL_TIMESTEP)
# Arguments of ffmpeg by the suffix of a film's path: its format, codec and pixels.
_FORMATS = {
  '.mp4': ('mp4', 'libx264', 'yuv420p'),
  '.mkv': ('matroska', 'libx264', 'yuv420p'),
  '.avi': ('avi', 'libx264', 'yuv420p'),
  '.webm': ('webm', 'libvpx-vp9', 'yuv420p'),
  '.gif': ('gif', 'gif', 'rgb8'),
}
# A GIF counts in hundredths of a second, and viewers slow down what lasts one.
_MAX_GIF_FRAMES_PER_SECOND = 50
# Height and width of a film must be multiples of this for video codecs.
_BLOCK_SIZE = 8


def add_images(
  dataset: demonstrations.Dataset,
  environment: state_environment.StateEnvironment,
  file: str,
  resume: bool = False,
  on_episode: Callable[[], object] = lambda: None,
) -> None:
  """Writes a new dataset that has images beside the other observations.

  Args:
    dataset: dataset that is drawn, one demonstration at a time.
    environment: environment of the recording, which observes images of the
      wanted size.
    file: path of the HDF5 file of the new dataset.
    resume: whether to go on with a file that was not finished.
    on_episode: function that is called after each demonstration.

  Raises:
    DatasetError: if the file exists or the disk is full.
  """
  spec = environment.observation_spec()
  names = [name for name in block_stacking.IMAGES if name in spec]
  size = spec[names[0]].shape[:2]
  metadata = dataclasses.replace(
    dataset.metadata,
    arguments={**dataset.metadata.arguments, 'image_size': size},
  )
  with demonstrations.DatasetWriter(file, metadata, resume) as writer:
    done = len(writer)
    for episode, demonstration in zip(dataset.names[done:], dataset[done:]):
      drawn = [
        environment.reset_to(state).observation
        for state in demonstration.states
      ]
      images = {name: np.stack([o[name] for o in drawn]) for name in names}
      writer.append(
        dataclasses.replace(
          demonstration,
          observations={**demonstration.observations, **images},
        ),
        [
          mask
          for mask, episodes in dataset.masks.items()
          if episode in episodes
        ],
      )
      on_episode()


@contextlib.contextmanager
def _film(
  file: str, size: int, frames_per_second: float
) -> Iterator[Generator[None, object, None]]:
  """Opens a new film and yields a generator that takes its frames.

  Args:
    file: path of the film, whose suffix is one of `_FORMATS`.
    size: height and width of the frames, in pixels.
    frames_per_second: number of frames in a second of the film.
  """
  container, codec, pixels = _FORMATS[_suffix(file)]
  output = ['-f', container]
  if container == 'gif' and frames_per_second > _MAX_GIF_FRAMES_PER_SECOND:
    # Drops frames, lest the film be slower than it is to be.
    output += ['-r', str(_MAX_GIF_FRAMES_PER_SECOND)]
  with writer_lib.new_file(file) as temporary:
    writer = imageio_ffmpeg.write_frames(
      temporary,
      (size, size),
      fps=frames_per_second,
      macro_block_size=_BLOCK_SIZE,
      codec=codec,
      pix_fmt_out=pixels,
      ffmpeg_log_level='error',
      output_params=output,
    )
    writer.send(None)
    try:
      yield writer
    finally:
      writer.close()


def _suffix(file: str) -> str:
  return os.path.splitext(file)[1].lower()


def check_film(file: str, size: int) -> None:
  """Checks that a film can be written, before anything is loaded or drawn.

  Args:
    file: path of the new film; its folder is made.
    size: height and width of the film in pixels.

  Raises:
    DatasetError: if the file exists or its suffix is of no known format.
    ValueError: if the size does not suit the codec.
  """
  if _suffix(file) not in _FORMATS:
    raise demonstrations.DatasetError(
      f'{file} has the suffix {_suffix(file)!r}; a film has one of '
      f'{", ".join(_FORMATS)}.'
    )
  if size < _BLOCK_SIZE or size % _BLOCK_SIZE:
    raise ValueError(f'size is {size}; use a multiple of {_BLOCK_SIZE} pixels.')
  writer_lib.check_new(file)
  os.makedirs(os.path.dirname(os.path.abspath(file)), exist_ok=True)


def film(
  items: Sequence[demonstrations.Demonstration],
  environment: state_environment.StateEnvironment,
  file: str,
  size: int = 480,
  speed: float = 1.0,
) -> None:
  """Films demonstrations one after the other.

  Args:
    items: the demonstrations, in the film's order.
    environment: environment of the recording.
    file: path of the new film, whose suffix says its format.
    size: height and width of the film in pixels, a multiple of 8.
    speed: speed of the film, relative to the episodes' own.

  Raises:
    DatasetError: if the file exists or its suffix is of no known format.
    ValueError: if the size does not suit the codec.
  """
  check_film(file, size)
  with _film(file, size, FRAMES_PER_SECOND * speed) as writer:
    for demonstration in items:
      for state in demonstration.states:
        environment.reset_to(state)
        pixels = environment.physics.render(size, size, camera_id=scene.CAMERA)
        writer.send(pixels.tobytes())


def show(
  item: demonstrations.Demonstration,
  environment: state_environment.StateEnvironment,
  speed: float = 1.0,
) -> None:
  """Plays a demonstration in a window, until its end or the window is closed.

  Args:
    item: demonstration that is played.
    environment: environment of the recording.
    speed: speed of playing, relative to the episode's own.

  Raises:
    DatasetError: if no window can be opened.
  """
  reason = live_view.why_no_window()
  if reason is not None:
    raise demonstrations.DatasetError(
      f'No window can be opened: {reason}; name an MP4 file to film to.'
    )
  period = block_stacking.CONTROL_TIMESTEP / speed
  environment.reset_to(item.states[0])
  window = live_view.Window(environment)
  try:
    for state in item.states:
      environment.reset_to(state)
      if not window.show():
        break
      time.sleep(period)
  finally:
    window.close()
