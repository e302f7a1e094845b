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
"""Draws a figure of the paper from whatever runs there are.

  python -m experiments.paper.plot figure8 --scale=laptop

It writes a picture for each x-axis, environment steps, updates and minutes, and
a table, all named after the figure, into --figures. The pictures have the
evaluations on the way; the table has those at the end, over all demonstrations and
starts. A curve whose runs are all unfinished is shown as far as they are, and says
so. Programs, as at the scale `paper`, have logs in place of such curves.
"""

import csv
import os
from typing import Any, Mapping, NamedTuple, Optional, Sequence

from absl import app
from absl import flags
import numpy as np

from experiments import paths
from experiments import renderer

with renderer.required():
  from matplotlib import pyplot as plt

  from experiments import reporting
  from experiments import run_curves
  from experiments.paper import run as run_lib
  from experiments.paper import statistics
  from experiments.paper import sweeps

_OUTPUT = paths.define(
  'figures', 'docs/results/paper', 'Folder for the pictures and the table.'
)
_MINUTES = flags.DEFINE_float(
  'until_minutes',
  None,
  'Minutes of each run that are shown, to compare runs of different lengths; '
  'all by default.',
  lower_bound=0.0,
)


class Result(NamedTuple):
  """What a run has left behind.

  Attributes:
    columns: columns of its curves.
    final: values at its end, by the names of the curves' columns.
    is_finished: whether it has come to its end.
  """

  columns: Mapping[str, np.ndarray]
  final: Mapping[str, float]
  is_finished: bool


# What runs have left behind, by the name of their curve.
Found = Mapping[str, Sequence[Result]]

# Columns that add up to the value of the axis, by its name.
_AXES: Mapping[str, Sequence[str]] = {
  'environment steps': (
    'imitation_environment_steps',
    'task_environment_steps',
  ),
  'updates': ('imitation_updates', 'task_updates'),
  'minutes': ('minutes',),
}


def results(name: str, scale: str, root: str) -> Found:
  """Returns what the runs have left behind, by the name of their curve.

  Unfinished runs of a curve that has a finished one are left out: they would cut
  it where they are.

  Args:
    name: name of the figure.
    scale: scale of the runs.
    root: folder of the runs of all figures.
  """
  found: dict[str, list[Result]] = {}
  for run in run_lib.runs(name, scale, root):
    path = os.path.join(run.folder, 'curves.csv')
    columns = run_curves.read(path) if os.path.exists(path) else {}
    if columns:
      found.setdefault(run.curve.name, []).append(
        Result(columns, _final(run.folder), run.is_finished)
      )
  return {
    curve: [r for r in of_curve if r.is_finished] or of_curve
    for curve, of_curve in found.items()
  }


def cut(found: Found, minutes: float) -> Found:
  """Returns the same as it was after some minutes of each run.

  Args:
    found: what runs have left behind, by the name of their curve.
    minutes: minutes of training.

  Raises:
    ValueError: if no run has been evaluated by then.
  """
  shown = {
    curve: [_cut(run, minutes) for run in runs if _is_evaluated(run, minutes)]
    for curve, runs in found.items()
  }
  if not any(shown.values()):
    first = min(run.columns['minutes'][0] for r in found.values() for run in r)
    raise ValueError(
      f'until_minutes={minutes} is before the first evaluation, at {first:.1f}: give '
      'more.'
    )
  return {curve: runs for curve, runs in shown.items() if runs}


def _is_evaluated(run: Result, minutes: float) -> bool:
  return bool(run.columns['minutes'][0] <= minutes)


def _cut(run: Result, minutes: float) -> Result:
  is_shown = run.columns['minutes'] <= minutes
  if is_shown.all():
    return run
  columns = {name: values[is_shown] for name, values in run.columns.items()}
  return run._replace(columns=columns, final={})


def _final(folder: str) -> Mapping[str, float]:
  """Returns the values of a run's tables, by the names of the curves' columns."""
  values: dict[str, float] = {}
  for row in _rows(os.path.join(folder, 'table.csv')):
    if row['policy'] == 'trained':
      values |= {
        f'{row["demonstrations"]}_{name}': float(row[name])
        for name in reporting.COLUMNS
      }
  for row in _rows(os.path.join(folder, 'task_table.csv')):
    if row['policy'] == 'task policy':
      values['task_policy_return'] = float(row['task_return'])
      values['task_policy_stacked'] = float(row['stacked'])
      values['task_policy_first_stacked'] = float(row['first_stacked'])
  return values


def _rows(path: str) -> Sequence[Mapping[str, str]]:
  if not os.path.exists(path):
    return ()
  with open(path, newline='') as file:
    return list(csv.DictReader(file))


def band(
  runs: Sequence[Result], axis: str, column: str
) -> Optional[statistics.Band]:
  """Returns a column of several runs over an axis; None if none has it.

  Args:
    runs: the runs.
    axis: name of the axis, a key of `_AXES`.
    column: name of the column.
  """
  with_column = [run.columns for run in runs if column in run.columns]
  try:
    return statistics.band(
      [
        np.sum([np.nan_to_num(run[name]) for name in _AXES[axis]], axis=0)
        for run in with_column
      ],
      [run[column] for run in with_column],
    )
  except ValueError:
    return None


def draw(
  figure: sweeps.Figure,
  found: Found,
  axis: str,
  path: str,
  demonstrators: Mapping[str, float],
) -> None:
  """Draws a figure over one axis.

  Args:
    figure: the figure.
    found: what its runs have left behind, by the name of the curve.
    axis: name of the axis, a key of `_AXES`.
    path: path of the PNG file.
    demonstrators: task returns of the demonstrators, for panels in the unit.
  """
  number = len(figure.panels)
  picture, panels = plt.subplots(
    1,
    number,
    figsize=(4.2 * number, 4.0),
    constrained_layout=True,
    squeeze=False,
  )
  lines: dict[str, Any] = {}
  for panel, axes in zip(figure.panels, panels.flat):
    for index, curve in enumerate(figure.curves):
      runs = found.get(curve.name, ())
      drawn = band(runs, axis, panel.column)
      if drawn is None:
        continue
      (line,) = axes.plot(drawn.x, drawn.center, 'o-', ms=2, color=f'C{index}')
      lines[f'{curve.label} ({_seeds(runs)})'] = line
      axes.fill_between(
        drawn.x, drawn.low, drawn.high, color=f'C{index}', alpha=0.2, lw=0
      )
    references = dict(panel.references)
    if panel.column == 'task_policy_return':
      references.update(demonstrators)
    for index, (name, value) in enumerate(references.items()):
      style = ('--', ':', '-.')[index % 3]
      axes.axhline(value, color='0.4', ls=style, lw=1, label=name)
    _finish(axes, panel.title, axis)
  picture.suptitle(figure.title)
  picture.legend(
    list(lines.values()),
    list(lines),
    loc='outside lower center',
    ncols=len(figure.curves),
    frameon=False,
    fontsize=8,
  )
  picture.savefig(path, dpi=100)
  plt.close(picture)


def _finish(axes: Any, title: str, axis: str) -> None:
  axes.set(title=title, xlabel=axis)
  axes.set_xlim(left=0.0)
  axes.set_ylim(bottom=0.0)
  axes.grid(alpha=0.3)
  # The references; the curves are in the legend of all panels.
  if axes.get_legend_handles_labels()[0]:
    axes.legend(frameon=False, fontsize=8)


def _seeds(runs: Sequence[Result]) -> str:
  number = len(runs)
  return str(number) if runs[0].is_finished else f'{number} unfinished'


def table(
  figure: sweeps.Figure,
  found: Found,
) -> tuple[Sequence[Mapping[str, object]], Mapping[str, str]]:
  """Returns the rows of the values at the end of each curve, and the titles.

  Args:
    figure: the figure.
    found: what its runs have left behind, by the name of the curve.
  """
  titles = {'curve': 'curve', 'seeds': 'seeds', 'minutes': 'minutes a run'}
  titles |= {panel.column: panel.title for panel in figure.panels}
  rows = []
  for curve in figure.curves:
    runs = found.get(curve.name, ())
    if not runs:
      continue
    row: dict[str, object] = {
      'curve': curve.label,
      'seeds': _seeds(runs),
      'minutes': float(np.mean([run.columns['minutes'][-1] for run in runs])),
    }
    for panel in figure.panels:
      last = [value for run in runs for value in _last(run, panel.column)]
      row[panel.column] = (
        float(statistics.interquartile_mean(np.array(last))) if last else '-'
      )
    rows.append(row)
  return rows, titles


def _last(run: Result, column: str) -> Sequence[float]:
  """Returns a run's value at its end, or the last of its curve; none if neither."""
  if column in run.final:
    return [run.final[column]]
  return [float(v) for v in run.columns.get(column, ())[-1:]]


def demonstrator_returns(folders: Sequence[str]) -> Mapping[str, float]:
  """Returns the demonstrators' task returns that the first finished run has.

  Args:
    folders: folders of runs, all from the same starts.
  """
  for folder in folders:
    rows = _rows(os.path.join(folder, 'task_table.csv'))
    if rows:
      return {
        row['policy']: float(row['task_return'])
        for row in rows
        if row['policy'].startswith('demonstrator')
      }
  return {}


def main(argv: list[str]) -> None:
  """Draws the figure."""
  if len(argv) != 2:
    raise app.UsageError(f'Give a figure: {", ".join(sweeps.FIGURES)}.')
  name, scale, root = argv[1], run_lib.SCALE.value, run_lib.ROOT.value
  try:
    figure = sweeps.make(name, scale)
  except ValueError as error:
    raise SystemExit(f'Error: {error}') from None
  found = results(name, scale, root)
  if not found:
    raise SystemExit(
      f'Error: there are no runs of {name} at the scale {scale} in {root!r}: '
      f'make some with `python -m experiments.paper.run {name} --scale={scale}`.'
    )
  if _MINUTES.value is not None:
    try:
      found = cut(found, _MINUTES.value)
    except ValueError as error:
      raise SystemExit(f'Error: {error}') from None
  os.makedirs(_OUTPUT.value, exist_ok=True)
  stem = os.path.join(_OUTPUT.value, name)
  folders = [run.folder for run in run_lib.runs(name, scale, root)]
  for axis in _AXES:
    path = f'{stem}_{axis.replace(" ", "_")}.png'
    draw(figure, found, axis, path, demonstrator_returns(folders))
    print(path)
  rows, titles = table(figure, found)
  print(reporting.write_table(rows, f'{stem}.md', titles))


if __name__ == '__main__':
  app.run(main)
