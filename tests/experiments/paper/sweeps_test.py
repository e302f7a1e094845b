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
import os
import subprocess
import sys
import time

import pytest

from experiments import command_line
from experiments import experiment as experiment_lib
from experiments import overrides
from experiments import presets
from experiments.paper import run as run_lib
from experiments.paper import sweeps

_CUTOFF = 'domain.early_termination_distance'
_ALL = [(n, s) for n in sweeps.FIGURES for s in sweeps.SCALES]


def _experiment(curve: sweeps.Curve) -> experiment_lib.Experiment:
  changes = [a.removeprefix('--set=') for a in curve.arguments[1:]]
  return overrides.apply(presets.make(curve.preset), changes)


@pytest.mark.parametrize(('name', 'scale'), _ALL)
def test_each_curve_is_an_experiment_of_its_own(name, scale):
  figure = sweeps.make(name, scale)
  experiments = [_experiment(curve) for curve in figure.curves]
  assert len({curve.name for curve in figure.curves}) == len(experiments)
  for index, one in enumerate(experiments):
    assert all(one != other for other in experiments[:index])


def test_figure_5_is_about_demonstrations():
  experiments = [
    _experiment(curve) for curve in sweeps.make('figure5', sweeps.PAPER).curves
  ]
  assert [e.demonstrations.num_train for e in experiments] == [
    10,
    50,
    100,
    500,
  ]
  assert {e.num_imitation_actors for e in experiments} == {256}


def test_figure_8_has_equal_budgets():
  figure = sweeps.make('figure8', sweeps.LAPTOP)
  experiments = [_experiment(curve) for curve in figure.curves]
  assert len({e.budget for e in experiments}) == 1
  assert [e.learns_imitation for e in experiments].count(False) == 3


def test_the_paper_has_no_regression():
  plain = _experiment(sweeps.make('figure8', sweeps.LAPTOP).curves[-1])
  assert plain.task.regression_weight == 0.0
  assert plain.imitation == presets.make('features').imitation


def test_cutoffs_are_compared_after_as_many_updates():
  curves = sweeps.make('cutoffs', sweeps.LAPTOP).curves
  experiments = [_experiment(curve) for curve in curves]
  distances = [overrides.values(e)[_CUTOFF] for e in experiments]
  assert distances == [0.05, 0.1, 0.2, None]
  assert {e.budget.imitation_updates for e in experiments} == {50_000}
  assert not any(e.task_phase.exists for e in experiments)


def test_what_is_not_there_is_told_with_its_neighbour():
  with pytest.raises(ValueError, match="no 'figure9': did you mean 'figure"):
    sweeps.make('figure9', sweeps.SMOKE)
  with pytest.raises(ValueError, match="no 'laptob': did you mean 'laptop'"):
    sweeps.make('figure8', 'laptob')


def test_all_have_their_first_seed_before_any_its_second(tmp_path):
  runs = run_lib.runs('figure8', sweeps.LAPTOP, str(tmp_path))
  # Those whose claim needs a spread have three.
  assert [run.seed for run in runs] == [0] * 6 + [1] * 3 + [2] * 3
  assert [run.curve.name for run in runs[6:9]] == [
    'metamimic',
    'd4pg',
    'd4pgfd',
  ]
  assert len({run.folder for run in runs}) == 12


def test_a_run_is_begun_or_gone_on_with(tmp_path, monkeypatch):
  run = run_lib.runs('figure8', sweeps.SMOKE, str(tmp_path))[1]
  begun = run_lib.command(run, sweeps.SMOKE)
  assert begun[2] == 'experiments.run_metamimic'
  assert '--seed=0' in begun
  assert '--preset=d4pg' in begun
  os.makedirs(run.folder)
  assert run_lib.command(run, sweeps.SMOKE)[3:] == [
    f'--run_folder={run.folder}',
    '--resume',
  ]
  assert not run.is_finished
  (tmp_path / 'smoke/figure8/d4pg/seed_0/task_table.md').write_text('')
  assert run.is_finished


def test_the_papers_scale_is_a_program(tmp_path):
  run = run_lib.runs('figure5', sweeps.PAPER, str(tmp_path))[0]
  line = run_lib.command(run, sweeps.PAPER, ['--lp_launch_type=ray'])
  assert line[2] == 'experiments.run_distributed'
  assert line[-1] == '--lp_launch_type=ray'
  # Its end is in no table, but it has one.
  assert any(flag.startswith('--set=budget.') for flag in line)
  os.makedirs(run.folder)
  assert not run.is_finished
  run.mark_finished()
  assert run.is_finished


def test_a_command_is_stopped_when_its_time_is_up():
  script = (
    'import signal, sys, time\n'
    'signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n'
    'print("ready", flush=True)\n'
    'time.sleep(60)'
  )
  assert run_lib.execute([sys.executable, '-c', script], 2.0) is None
  assert run_lib.execute([sys.executable, '-c', 'exit(5)'], 30.0) == 5


def _script_in_place_of_runs(monkeypatch, script: str) -> None:
  def command(run, *unused_arguments):
    os.makedirs(run.folder, exist_ok=True)
    return [sys.executable, '-c', script, run.folder]

  monkeypatch.setattr(run_lib, 'command', command)


def test_a_run_that_fails_does_not_end_the_sweep(tmp_path, monkeypatch):
  _script_in_place_of_runs(
    monkeypatch, 'import sys; sys.exit("metamimic/" in sys.argv[1])'
  )
  todo = run_lib.runs('figure8', sweeps.SMOKE, str(tmp_path))
  failed = run_lib.run_all(todo, sweeps.SMOKE, hours=1.0)
  assert [run.curve.name for run in failed] == ['metamimic']
  assert [run.is_finished for run in todo] == [False] + 5 * [True]


def test_a_run_that_is_cut_is_left(tmp_path, monkeypatch):
  _script_in_place_of_runs(monkeypatch, 'import time; time.sleep(60)')
  todo = run_lib.runs('figure8', sweeps.SMOKE, str(tmp_path))
  assert not run_lib.run_all(todo, sweeps.SMOKE, hours=1.0 / 3600.0)
  assert [os.path.exists(run.folder) for run in todo] == [True] + 5 * [False]
  assert not any(run.is_finished for run in todo)


def test_a_stop_reaches_the_run_that_is_on(tmp_path):
  script = (
    'import signal, sys, time\n'
    'def stop(*_):\n'
    f'  open({str(tmp_path / "saved")!r}, "w"); sys.exit(0)\n'
    'signal.signal(signal.SIGTERM, stop)\n'
    f'open({str(tmp_path / "ready")!r}, "w")\n'
    'time.sleep(60)'
  )
  sweep = (
    'import sys\n'
    'from experiments import command_line\n'
    'from experiments.paper import run\n'
    'command_line.stop_on_signals()\n'
    f'run.execute([sys.executable, "-c", {script!r}], 60.0)'
  )
  process = subprocess.Popen([sys.executable, '-c', sweep])
  while not (tmp_path / 'ready').exists():
    assert process.poll() is None
    time.sleep(0.1)
  process.terminate()
  assert process.wait(60.0) != 0
  assert (tmp_path / 'saved').exists()


def test_flags_of_curves_are_those_of_the_run_script():
  # What `overrides.apply` takes, the flag `--set` takes.
  assert hasattr(command_line, 'SHORT_NAMES')
  for argument in sweeps.make('figure6', sweeps.SMOKE).curves[0].arguments:
    assert argument.startswith(('--preset=', '--set='))
