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

"""What a run leaves behind to look at: curves, a table and a video."""

import contextlib
import csv
import os
from typing import Any, Mapping, Optional, Sequence

import imageio_ffmpeg
import matplotlib
import numpy as np
from PIL import Image
from PIL import ImageDraw

from environments import block_stacking
from environments.block_stacking import scene
from experiments import evaluation

matplotlib.use('Agg')
# The backend is chosen above: a run may have no screen.
from matplotlib import pyplot as plt

FRAMES_PER_SECOND = 20

# More than what the digits in the file of curves round by.
_ROUNDING = 1e-5

COLUMNS: Mapping[str, str] = {
  'imitation_reward': 'imitation reward a step',
  'tracked': 'tracked',
  'hand_error': 'end-effector error (m)',
  'task_return': 'task return / demonstration',
  'stacked': 'stacked',
}

TITLES: Mapping[str, str] = {
  'demonstrations': 'demonstrations',
  'policy': 'policy',
  'episodes': 'episodes',
  **COLUMNS,
}

Row = Mapping[str, object]


class Curves:
  """Points of the learning curves, appended to a CSV file as they come."""

  def __init__(
    self,
    path: str,
    columns: Sequence[str],
    resume_at: Optional[float] = None,
  ):
    """Opens a new file, or takes up one.

    Args:
      path: path of the CSV file.
      columns: names of the columns; every point has a value for each.
      resume_at: minutes of training at which the run goes on; points after it
        are left out, as they will come again. None for a new file.

    Raises:
      ValueError: if the file to take up has columns that are not among these.
        Of those that it lacks, as a later version has more, it gets NaN.
    """
    self._path = path
    self._columns = tuple(columns)
    self._points: list[Mapping[str, float]] = []
    if resume_at is not None and os.path.exists(path):
      last = resume_at * (1.0 + _ROUNDING)
      self._points = [p for p in self._read() if p['minutes'] <= last]
    # Whole at any time, also if the process is killed meanwhile.
    with open(f'{path}.new', 'w', newline='') as file:
      writer = csv.writer(file)
      writer.writerow(self._columns)
      writer.writerows(self._row(point) for point in self._points)
    os.replace(f'{path}.new', path)

  def _read(self) -> list[Mapping[str, float]]:
    with open(self._path, newline='') as file:
      text = file.read()
    # Without a row that was cut short when the process was killed.
    reader = csv.DictReader(text[: text.rfind('\n') + 1].splitlines())
    if not set(reader.fieldnames or ()) <= set(self._columns):
      raise ValueError(
        f'{self._path!r} has the columns {reader.fieldnames}, not those of '
        f'this run, {list(self._columns)}: give the folder of another run.'
      )
    return [
      {name: float(row.get(name, 'nan')) for name in self._columns}
      for row in reader
    ]

  def _row(self, point: Mapping[str, float]) -> list[str]:
    return [_digits(point[column]) for column in self._columns]

  def append(self, point: Mapping[str, float]) -> None:
    """Adds a point and writes it to the disk."""
    row = self._row(point)
    self._points.append(point)
    with open(self._path, 'a', newline='') as file:
      csv.writer(file).writerow(row)

  def __len__(self) -> int:
    return len(self._points)

  def __contains__(self, name: str) -> bool:
    return name in self._columns

  def column(self, name: str) -> np.ndarray:
    """Returns the values of a column."""
    return np.array([point[name] for point in self._points])


def _digits(value: float) -> str:
  # Counts in full.
  return f'{value:.0f}' if float(value).is_integer() else f'{value:.6g}'


def plot_curves(
  curves: Curves, path: str, references: Mapping[str, float] = {}
) -> None:
  """Draws how both policies came along, or the task policy's return alone.

  Args:
    curves: curves of a run, with the columns of `training.curve_columns`.
    path: path of the PNG file.
    references: task returns to compare the task policy's with, by name.
  """
  has_imitation = 'validation_task_return' in curves
  columns = 3 if has_imitation else 1
  figure, axes = plt.subplots(
    1,
    columns,
    figsize=(4.0 * columns + 1.0, 3.8),
    constrained_layout=True,
    squeeze=False,
  )
  if has_imitation:
    _plot_imitation(curves, *axes[0, :2])
  task = axes[0, -1]
  task.plot(
    curves.column('minutes'), curves.column('task_policy_return'), 'o-', ms=3
  )
  for index, (name, value) in enumerate(references.items()):
    task.axhline(value, color=f'C{index + 1}', ls='--', label=name)
  if references:
    task.legend(frameon=False)
  task.set(title='task policy: task return of an episode')
  task.set_ylim(bottom=0.0)
  for axis in axes.flat:
    axis.set_xlabel('minutes of training')
    axis.set_xlim(left=0.0)
    axis.grid(alpha=0.3)
  figure.savefig(path, dpi=100)
  plt.close(figure)


def _plot_imitation(curves: Curves, reward: Any, relative: Any) -> None:
  """Draws the imitation policy's rewards, and its task return."""
  minutes = curves.column('minutes')
  reward.plot(
    minutes, curves.column('train_imitation_reward'), '.-', label='acting'
  )
  for name, label in (
    ('training', 'training demonstrations'),
    ('validation', 'validation, one-shot'),
  ):
    reward.plot(
      minutes,
      curves.column(f'{name}_imitation_reward'),
      'o-',
      ms=3,
      label=label,
    )
    relative.plot(
      minutes, curves.column(f'{name}_task_return'), 'o-', ms=3, label=label
    )
  if 'validation_stacked' in curves:
    relative.plot(
      minutes,
      curves.column('validation_stacked'),
      '--',
      label='stacked (valid.)',
    )
  reward.set(title='imitation reward a step', ylim=(0, 1))
  relative.set(title='imitation policy: task return / demonstration')
  relative.set_ylim(bottom=0.0)
  for axis in (reward, relative):
    axis.legend(frameon=False)


def write_table(
  rows: Sequence[Row], path: str, titles: Mapping[str, str] = TITLES
) -> str:
  """Writes a table as CSV and as Markdown.

  Args:
    rows: each has a value for each column.
    path: path of the Markdown file; the CSV file stands beside it.
    titles: titles of the columns in the Markdown text, by their names in the
      rows and in the CSV file; by default those of evaluations of several
      policies.

  Returns:
    The Markdown text.
  """
  with open(os.path.splitext(path)[0] + '.csv', 'w', newline='') as file:
    writer = csv.writer(file)
    writer.writerow(titles)
    writer.writerows([row[name] for name in titles] for row in rows)
  text = format_table(rows, titles)
  with open(path, 'w') as file:
    file.write(text)
  return text


def show_table(
  rows: Sequence[Row], path: str, titles: Mapping[str, str] = TITLES
) -> None:
  """Prints a table, and then writes it: a full disk does not lose it.

  Args:
    rows: as for `write_table`.
    path: as for `write_table`.
    titles: as for `write_table`.

  Raises:
    OSError: if it cannot be written.
  """
  print(format_table(rows, titles), flush=True)
  write_table(rows, path, titles)


def format_table(
  rows: Sequence[Row], titles: Mapping[str, str] = TITLES
) -> str:
  """Returns the Markdown text that `write_table` writes."""
  cells = [list(titles.values())]
  cells += [[_format(row[name]) for name in titles] for row in rows]
  widths = [max(map(len, column)) for column in zip(*cells)]
  cells.insert(1, ['-' * width for width in widths])
  return ''.join(
    '| ' + ' | '.join(c.ljust(w) for c, w in zip(line, widths)) + ' |\n'
    for line in cells
  )


def _format(value: object) -> str:
  return f'{value:.3f}' if isinstance(value, float) else str(value)


class Filmer:
  """Films rollouts beside the demonstrations that they follow.

  Args:
    size: height and width of each half of the picture, in pixels.
    images: images that the policy sees, of `block_stacking.IMAGES`, which are
      shown below, as it sees them; none by default.
    image_size: height and width of these, in pixels.
  """

  def __init__(
    self, size: int = 240, images: Sequence[str] = (), image_size: int = 128
  ):
    self._size = size
    self._images = tuple(images)
    self._environment = block_stacking.load(
      ('body', *images), image_size=(image_size, image_size)
    )

  def close(self) -> None:
    """Closes the environment that is drawn."""
    self._environment.close()

  def film(
    self, pairs: Sequence[tuple[np.ndarray, np.ndarray]], path: str
  ) -> None:
    """Writes an MP4 file.

    Args:
      pairs: states of a demonstration and of the rollout, float64 [T, S].
      path: path of the MP4 file.
    """
    writer = imageio_ffmpeg.write_frames(
      path,
      (2 * self._size, self._size + self._seen_size),
      fps=FRAMES_PER_SECOND,
      macro_block_size=8,
    )
    with contextlib.closing(writer):
      writer.send(None)
      for demonstration, rollout in pairs:
        for left, right in zip(demonstration, rollout):
          writer.send(self.frame(left, right).tobytes())

  @property
  def _seen_size(self) -> int:
    """Height and width of an image that the policy sees, as it is shown."""
    return self._size // len(self._images) if self._images else 0

  def frame(self, demonstration: np.ndarray, rollout: np.ndarray) -> np.ndarray:
    """Returns one picture of two states: uint8 [height, 2 * size, 3]."""
    pictures = []
    for state, label in (
      (demonstration, 'demonstration'),
      (rollout, 'one-shot imitation'),
    ):
      timestep = self._environment.reset_to(state)
      pixels = self._environment.physics.render(
        self._size, self._size, camera_id=scene.CAMERA
      )
      picture = Image.fromarray(pixels)
      ImageDraw.Draw(picture).text((6, 4), label, fill=(255, 255, 255))
      pictures.append(self._with_seen(picture, timestep.observation))
    return np.concatenate(pictures, axis=1)

  def _with_seen(
    self, picture: Image.Image, observation: Mapping[str, np.ndarray]
  ) -> np.ndarray:
    """Returns a picture above what the policy sees, with its pixels as they are."""
    whole = Image.new('RGB', (self._size, self._size + self._seen_size))
    whole.paste(picture)
    for i, name in enumerate(self._images):
      seen = Image.fromarray(observation[name]).resize(
        (self._seen_size, self._seen_size), Image.Resampling.NEAREST
      )
      whole.paste(seen, (i * self._seen_size, self._size))
    return np.asarray(whole)

  def strip(
    self, pair: tuple[np.ndarray, np.ndarray], path: str, num_frames: int = 6
  ) -> None:
    """Writes a PNG: frames of the demonstration above those of the rollout.

    Args:
      pair: states of a demonstration and of the rollout, float64 [T, S].
      path: path of the PNG file.
      num_frames: number of frames, evenly spaced over the episode.
    """
    length = min(len(states) for states in pair)
    columns = []
    for step in np.linspace(0, length - 1, num_frames).astype(int):
      picture = self.frame(pair[0][step], pair[1][step])
      columns.append(np.concatenate(np.split(picture, 2, axis=1), axis=0))
    Image.fromarray(np.concatenate(columns, axis=1)).save(path)


def rollout_states(
  environment: evaluation.imitation.ImitationEnvironment,
  policy: evaluation.Policy,
  index: int,
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the states of a demonstration and of a rollout that follows it.

  Args:
    environment: environment that does not end episodes early.
    policy: maps an observation with `goal` to an action.
    index: index of the demonstration.
  """
  timestep = environment.start(index)
  states = [environment.environment.get_state()]
  while not timestep.last():
    timestep = environment.step(policy(timestep.observation))
    states.append(environment.environment.get_state())
  return environment.demonstration.states, np.stack(states)
