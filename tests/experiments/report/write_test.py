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
import base64
import contextlib
import dataclasses
import pathlib
import re
import shutil
import subprocess
from unittest import mock

import imageio_ffmpeg
import numpy as np
from PIL import Image
import pytest

from experiments import experiment as experiment_lib
from experiments import one_process
from experiments import presets
from experiments import run_folder as run_folder_lib
from experiments import schedule
from experiments.domains import block_stacking
from experiments.report import page
from experiments.report import write

_CHROMIUM = shutil.which('chromium') or shutil.which('google-chrome')


@pytest.fixture(scope='module')
def run(short_dataset, tmp_path_factory) -> pathlib.Path:
  """A run of seconds."""
  base = presets.make('features')
  experiment = dataclasses.replace(
    base,
    domain=block_stacking.BlockStacking(task_starts=2, task_episode_length=10),
    demonstrations=experiment_lib.Demonstrations(
      short_dataset, num_train=3, num_validation=2
    ),
    budget=schedule.Budget(minutes=0.0),
    evaluation=schedule.Evaluation(1.0, episodes=1, filmed=1),
    keeps_replay=False,
  )
  folder = tmp_path_factory.mktemp('runs') / 'a<b'
  one_process.run(experiment, str(folder))
  return folder


@pytest.fixture(scope='module')
def report(run) -> pathlib.Path:
  path = run / 'report.html'
  write.write([str(run)], str(path))
  return path


@pytest.mark.slow
def test_all_is_in_the_page(report, run):
  text = report.read_text()
  # Names are escaped.
  assert '<h2>a&lt;b</h2>' in text
  assert 'a<b' not in text
  for name in ('table.md', 'task_table.md'):
    for row in page.markdown_cells((run / name).read_text()):
      for cell in row:
        assert f'>{cell}</t' in text
  assert text.count('<svg') == 3
  assert 'imitation reward a step, body alone' in text
  assert 'task.regression_filter = advantage' in text
  assert 'unseen demonstrations' in text
  # Nothing of it is elsewhere.
  links = re.findall(r'(?:src|href)="([^"#]{1,40})', text)
  assert links
  assert all(link.startswith('data:') for link in links)


@pytest.mark.parametrize(
  ('module', 'expected'),
  [
    ('dm_control._render', contextlib.nullcontext()),
    ('experiments.reporting', pytest.raises(RuntimeError, match='No screen')),
  ],
)
def test_a_page_has_no_films_where_nothing_can_be_drawn(
  module, expected, monkeypatch
):
  def film(unused_rollout):
    exec("raise RuntimeError('No screen')", {'__name__': module})

  monkeypatch.setattr(write.pictures, 'film', film)
  with expected:
    assert write._films([mock.Mock()]) == []


@pytest.mark.slow
def test_films_show_demonstration_rollout_and_difference(report, tmp_path):
  films = re.findall('src="data:video/mp4;base64,([^"]+)"', report.read_text())
  # Both demonstrations failed, and one is filmed.
  assert len(films) == 1
  path = tmp_path / 'film.mp4'
  path.write_bytes(base64.b64decode(films[0]))
  frames = imageio_ffmpeg.read_frames(str(path))
  width, height = next(frames)['size']
  assert width == 3 * height
  first = np.frombuffer(next(frames), np.uint8).reshape(height, width, 3)
  one, other, difference = np.split(first[20:].astype(int), 3, axis=1)
  # They start alike.
  assert np.abs(one - other).mean() < 3.0
  assert difference.mean() < 3.0
  assert one.std() > 10.0


@pytest.mark.slow
@pytest.mark.skipif(_CHROMIUM is None, reason='there is no Chromium here')
def test_a_browser_shows_it(report, tmp_path):
  picture = tmp_path / 'page.png'
  flags = ('--headless', '--no-sandbox', '--disable-gpu')
  subprocess.run(
    [
      str(_CHROMIUM),
      *flags,
      '--window-size=390,1200',
      f'--screenshot={picture}',
      f'file://{report}',
    ],
    check=True,
    timeout=120,
    capture_output=True,
  )
  pixels = np.asarray(Image.open(picture).convert('RGB')).astype(int)
  assert pixels.shape[:2] == (1200, 390)
  # Text, and the curves' first colour.
  assert (pixels.sum(axis=-1) < 100).mean() > 0.005
  blue = np.abs(pixels - np.array([31, 119, 180])).max(axis=-1) < 40
  assert blue.sum() > 10
  # A phone's page is not wider than the phone: the right margin is empty.
  assert (pixels[:, -3:].std(axis=(1, 2)) < 1.0).mean() > 0.9


def test_runs_without_curves_are_named(tmp_path):
  with pytest.raises(write.ReportError, match=r'curves.csv.* has no points'):
    write.write([str(tmp_path)], str(tmp_path / 'report.html'))


@pytest.mark.slow
def test_runs_of_one_name_are_refused(run, tmp_path):
  other = tmp_path / run.name
  shutil.copytree(run, other)
  with pytest.raises(write.ReportError, match='have one name'):
    write.write([str(run), str(other)], str(tmp_path / 'report.html'))
  other.rename(tmp_path / 'other')
  path = tmp_path / 'both.html'
  write.write([str(run), str(tmp_path / 'other')], str(path))
  assert path.read_text().count('<h2>') == 2


def test_what_is_no_run_is_named(tmp_path):
  (tmp_path / 'curves.csv').write_text('minutes\n1.0\n')
  with pytest.raises(run_folder_lib.RunFolderError, match='holds no run'):
    write.write([str(tmp_path)], str(tmp_path / 'report.html'))


def test_tables_are_read_as_they_were_written():
  text = '| a | b |\n| - | - |\n| 1 | x y |\n'
  cells = page.markdown_cells(text)
  assert cells == [['a', 'b'], ['1', 'x y']]
  assert '<td>x y</td>' in page.table(cells)
  assert page.table([]) == ''
