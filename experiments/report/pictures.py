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
"""Pictures and films as parts of a page: inline SVG, and data in the page."""

import base64
import io
import os
import tempfile
from typing import Any, Mapping, Sequence

import imageio_ffmpeg
import numpy as np
from PIL import Image
from PIL import ImageDraw

from experiments import renderer

with renderer.required():
  from matplotlib import pyplot as plt

  from experiments import reporting
  from experiments.report import rollouts as rollouts_lib

Columns = Mapping[str, np.ndarray]

# Of each of the three pictures of a film. More than this a phone does not show.
_FILM_SIZE = 160
# Of a picture, which its label takes.
_LABEL_ROWS = 18

_PANELS = (
  ('imitation reward a step', ('training', 'validation'), 'imitation_reward'),
  (
    'imitation policy: task return / demonstration',
    ('training', 'validation'),
    'task_return',
  ),
  ('task policy: task return of an episode', ('task_policy',), 'return'),
)


def curves(runs: Mapping[str, Columns]) -> str:
  """Returns the curves of several runs as SVG.

  Args:
    runs: columns of each run's curves, by its name.
  """
  figure, axes = plt.subplots(
    1, len(_PANELS), figsize=(12.5, 3.6), constrained_layout=True
  )
  for axis, (title, prefixes, name) in zip(axes, _PANELS):
    for index, (run, columns) in enumerate(runs.items()):
      for prefix, style in zip(prefixes, ('o--', 'o-')[-len(prefixes) :]):
        column = f'{prefix}_{name}'
        if column in columns:
          label = f'{run} {prefix}' if len(prefixes) > 1 else run
          axis.plot(
            columns['minutes'],
            columns[column],
            style,
            ms=3,
            color=f'C{index}',
            label=label,
          )
    axis.set(title=title, xlabel='minutes of training')
    axis.set_ylim(bottom=0.0)
    axis.grid(alpha=0.3)
    if axis.lines:
      axis.legend(frameon=False, fontsize=8)
  return _svg(figure)


def scatter(rollouts: Sequence[rollouts_lib.Rollout]) -> str:
  """Returns each demonstration's return against the rollout's, as SVG.

  Args:
    rollouts: rollouts of one policy.
  """
  figure, axis = plt.subplots(figsize=(4.6, 4.2), constrained_layout=True)
  for stacked, color, label in ((True, 'C0', 'stacked'), (False, 'C3', 'not')):
    chosen = [r for r in rollouts if r.stacked == stacked]
    axis.scatter(
      [r.demonstration_return for r in chosen],
      [r.task_return for r in chosen],
      color=color,
      label=f'{label} ({len(chosen)})',
    )
  limit = 1.05 * max(r.demonstration_return for r in rollouts)
  axis.plot([0, limit], [0, limit], color='0.6', lw=1)
  axis.set(
    xlabel="demonstration's task return", ylabel="rollout's", ylim=(0, None)
  )
  axis.grid(alpha=0.3)
  axis.legend(frameon=False)
  return _svg(figure)


def survival(rollouts: Sequence[rollouts_lib.Rollout]) -> str:
  """Returns the share of the demonstrations still tracked by step, as SVG.

  Args:
    rollouts: rollouts of one policy.
  """
  figure, axis = plt.subplots(figsize=(4.6, 4.2), constrained_layout=True)
  axis.step(*rollouts_lib.survival(rollouts), where='post')
  axis.set(xlabel='step', ylabel='share still tracked', ylim=(0, 1.02))
  axis.grid(alpha=0.3)
  return _svg(figure)


def film(rollout: rollouts_lib.Rollout) -> str:
  """Returns demonstration, rollout and their difference as a film's data URL.

  Args:
    rollout: the rollout.
  """
  filmer = reporting.Filmer(_FILM_SIZE)
  path = os.path.join(tempfile.mkdtemp(), 'film.mp4')
  writer = imageio_ffmpeg.write_frames(
    path,
    (3 * _FILM_SIZE, _FILM_SIZE),
    fps=reporting.FRAMES_PER_SECOND,
    macro_block_size=8,
    output_params=['-movflags', '+faststart'],
  )
  writer.send(None)
  try:
    for left, right in zip(rollout.demonstration_states, rollout.states):
      pair = filmer.frame(left, right)
      one, other = np.split(pair.astype(np.int16), 2, axis=1)
      difference = _labelled(np.abs(one - other).astype(np.uint8))
      writer.send(np.ascontiguousarray(np.hstack((pair, difference))))
  finally:
    writer.close()
    filmer.close()
  return data_url(path, 'video/mp4')


def _labelled(difference: np.ndarray) -> np.ndarray:
  """Returns it with a label in place of the difference of the labels."""
  difference[:_LABEL_ROWS] = 0
  picture = Image.fromarray(difference)
  ImageDraw.Draw(picture).text((6, 4), 'difference', fill=(255, 255, 255))
  return np.asarray(picture)


def data_url(path: str, media_type: str) -> str:
  """Returns a file's contents as a data URL, and removes the file.

  Args:
    path: path of the file.
    media_type: its media type.
  """
  with open(path, 'rb') as file:
    content = base64.b64encode(file.read()).decode()
  os.remove(path)
  return f'data:{media_type};base64,{content}'


def _svg(figure: Any) -> str:
  text = io.StringIO()
  figure.savefig(text, format='svg')
  plt.close(figure)
  # Without the XML declaration, which has no place inside a page.
  return text.getvalue()[text.getvalue().index('<svg') :]
