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
"""Tests of the flags that make an experiment."""

import dataclasses
import signal
import sys
import warnings

from absl import app
from absl import flags
from absl import logging
import pytest
import tensorflow as tf

from acme_metamimic.tf import terminal
from experiments import command_line
from experiments import experiment as experiment_lib
from experiments import overrides
from experiments import presets
from experiments import run_folder as run_folder_lib

_FORMS = (run_folder_lib.ONE_PROCESS, run_folder_lib.PROGRAM)


def _make(
  monkeypatch, *arguments: str, form: str = run_folder_lib.ONE_PROCESS
) -> tuple[experiment_lib.Experiment, str]:
  """Returns what a run script with these flags would run."""
  values = flags.FlagValues()
  with monkeypatch.context() as patch:
    for name in ('string', 'multi_string', 'bool'):
      define = getattr(flags, f'DEFINE_{name}')
      patch.setattr(
        flags,
        f'DEFINE_{name}',
        lambda *args, define=define: define(*args, flag_values=values),
      )
    define_path = flags.DEFINE
    patch.setattr(
      flags,
      'DEFINE',
      lambda *a, **k: define_path(*a, flag_values=values, **k),  # type: ignore[call-overload]
    )
    command_line.define(form)
    values(['program', *arguments])
    patch.setattr(command_line, '_FLAGS', values)
    return command_line.make_experiment(form)


@pytest.fixture
def make(monkeypatch):
  return lambda *args, **kwargs: _make(monkeypatch, *args, **kwargs)


@pytest.mark.parametrize('form', _FORMS)
def test_default_is_the_features_preset(make, form):
  experiment, _ = make(form=form)
  assert experiment == presets.make('features')


def test_preset_that_is_not_there(make):
  with pytest.raises(
    command_line.SettingsError,
    match=r"no preset 'pixel': did you mean 'pixels'",
  ):
    make('--preset=pixel')


@pytest.mark.parametrize(
  ('text', 'message'),
  [
    ('imitation.discuont=0.9', 'did you mean imitation.discount'),
    ('imitation.discount', 'has no value: write it as path=value'),
    ('imitation.discount=high', 'imitation.discount='),
    ('imitation.discount=2', r'imitation.discount=2.0 must lie in \[0, 1\]'),
    ('domain.policy_keys=image', r'add \[.image.\] to the observables'),
    ('program.seed=1', 'are set by `seed` and `budget`'),
    ('preset=paper', 'give --preset'),
  ],
)
def test_errors_of_set_are_one_sentence(make, text, message):
  with pytest.raises(command_line.SettingsError, match=message) as error:
    make(f'--set={text}')
  assert '\n' not in str(error.value)


def test_values_that_go_together_may_come_in_any_order(make):
  texts = ('domain.policy_keys=image', 'domain.observables=image,body,blocks')
  (first, _), (second, _) = (
    make(*(f'--set={text}' for text in order)) for order in (texts, texts[::-1])
  )
  assert first == second
  assert first.domain.seen_keys == ('image',)


def test_all_fields_can_be_listed(make, capsys):
  with pytest.raises(SystemExit) as error:
    make('--preset=paper', '--set=list')
  assert error.value.code == 0
  lines = capsys.readouterr().out.splitlines()
  paper = presets.make('paper')
  assert [line.partition('=')[0] for line in lines] == [
    path
    for path in overrides.paths(paper)
    if path not in experiment_lib.DERIVED
  ]
  assert 'imitation.batch_size=64' in lines
  assert "domain.policy_keys=('image',)" in lines
  # What is printed can be given.
  assert (
    overrides.apply(
      paper, [line for line in lines if not line.startswith('preset')]
    )
    == paper
  )


@pytest.mark.parametrize('form', _FORMS)
def test_each_short_name_changes_its_field(make, form):
  names = dict(command_line.SHORT_NAMES)
  if form == run_folder_lib.PROGRAM:
    names |= command_line.PROGRAM_SHORT_NAMES
  values = dict.fromkeys(names, '3') | {
    'dataset': 'mine',
    'train_mask': 'mine',
    'validation_mask': 'mine',
    'half_precision': 'true',
  }
  experiment, _ = make(*(f'--{k}={values[k]}' for k in names), form=form)
  fields = overrides.values(experiment)
  for name, (path, text) in names.items():
    expected = {'mine': 'mine', 'true': True, '3': 3}[values[name]]
    assert fields[path] == expected
    assert text.endswith('.')


def test_program_alone_has_flags_of_its_nodes(make):
  with pytest.raises(flags.UnrecognizedFlagError, match='num_caches'):
    make('--num_caches=2')


def test_set_goes_before_the_short_name(make):
  experiment, _ = make('--seed=3', '--set=seed=4')
  assert experiment.seed == 4


@pytest.fixture
def kept(tmp_path) -> experiment_lib.Experiment:
  """Of a run whose folder is there."""
  experiment = overrides.apply(
    presets.make('light'), ['seed=5', 'imitation.n_step=4', 'budget.minutes=2']
  )
  run_folder_lib.write(str(tmp_path), run_folder_lib.ONE_PROCESS, experiment)
  return experiment


def test_resume_keeps_the_settings(make, kept, tmp_path):
  experiment, folder = make('--resume', f'--run_folder={tmp_path}')
  assert experiment == kept
  assert folder == str(tmp_path)
  # Nor is the preset's name any other.
  assert make('--resume', f'--run_folder={tmp_path}', '--preset=light')[0] == (
    kept
  )


def test_resume_takes_changes(make, kept, tmp_path):
  experiment, _ = make(
    '--resume',
    f'--run_folder={tmp_path}',
    '--budget_minutes=24',
    '--set=evaluation.episodes=2',
  )
  assert experiment == dataclasses.replace(
    kept,
    budget=dataclasses.replace(kept.budget, minutes=24.0),
    evaluation=dataclasses.replace(kept.evaluation, episodes=2),
  )


def test_resume_with_another_preset_is_refused(make, kept, tmp_path):
  with pytest.raises(
    command_line.SettingsError,
    match=r'--preset=paced is not that of the run, light: leave it out',
  ):
    make('--resume', f'--run_folder={tmp_path}', '--preset=paced')


def test_resume_needs_a_folder(make):
  with pytest.raises(
    command_line.SettingsError, match='needs the --run_folder'
  ):
    make('--resume')


def test_resume_of_the_other_form_is_refused(make, kept, tmp_path):
  with pytest.raises(
    run_folder_lib.RunFolderError, match=r'a run of experiments\.run_metamimic'
  ):
    make('--resume', f'--run_folder={tmp_path}', form=run_folder_lib.PROGRAM)


def test_more_than_flags_is_refused():
  command_line.check_no_arguments(['program'])
  with pytest.raises(app.UsageError, match=r"Unknown arguments: \['more'\]"):
    command_line.check_no_arguments(['program', 'more'])


@pytest.mark.parametrize(
  ('number', 'exit_code'), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signals_end_a_run_as_ctrl_c_does(number, exit_code):
  both = (signal.SIGTERM, signal.SIGHUP)
  before = {each: signal.getsignal(each) for each in both}
  try:
    command_line.stop_on_signals()
    with pytest.raises(KeyboardInterrupt) as error:
      signal.raise_signal(number)
    assert isinstance(error.value, command_line.Stopped)
    assert error.value.exit_code == exit_code
    # The next one ends it at once.
    assert {signal.getsignal(each) for each in both} == {signal.SIG_DFL}
  finally:
    for each, handler in before.items():
      signal.signal(each, handler)


def test_a_terminal_that_ends_is_nothing_under_nohup():
  before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
  other = signal.getsignal(signal.SIGTERM)
  try:
    command_line.stop_on_signals()
    signal.raise_signal(signal.SIGHUP)
    with pytest.raises(command_line.Stopped):
      signal.raise_signal(signal.SIGTERM)
  finally:
    signal.signal(signal.SIGHUP, before)
    signal.signal(signal.SIGTERM, other)


@pytest.mark.parametrize('form', _FORMS)
@pytest.mark.parametrize('flag', ['dataset', 'set=demonstrations.dataset'])
def test_home_may_be_a_tilde(make, monkeypatch, form, flag):
  monkeypatch.setenv('HOME', '/home/me')
  experiment, folder = make('--run_folder=~/x', f'--{flag}=~/ds', form=form)
  assert folder == '/home/me/x'
  assert experiment.demonstrations.dataset == '/home/me/ds'


def test_a_dataset_that_was_moved_is_named_anew(make, tmp_path):
  run, data = tmp_path / 'run', tmp_path / 'data'
  run.mkdir()
  data.mkdir()
  experiment = overrides.replace(
    presets.make('features'), 'demonstrations.dataset', str(data)
  )
  run_folder_lib.write(str(run), run_folder_lib.ONE_PROCESS, experiment)
  arguments = ('--resume', f'--run_folder={run}')
  assert make(*arguments)[0] == experiment
  moved = data.rename(tmp_path / 'moved')
  with pytest.raises(
    command_line.SettingsError,
    match=rf'{data}., is not there; give its path, .* with --dataset',
  ):
    make(*arguments)
  resumed, _ = make(*arguments, f'--dataset={moved}')
  assert resumed.demonstrations.dataset == str(moved)


def test_a_run_that_would_never_end_is_refused(make):
  limits = (
    '--budget_minutes=none',
    '--set=budget.imitation_updates=100',
  )
  with pytest.raises(
    command_line.SettingsError,
    match=r'after_share=0.5 is a share of the budget',
  ):
    make(*limits)
  at_updates = (
    '--set=task_phase.after_share=none',
    '--set=task_phase.after_imitation_updates=50',
  )
  with pytest.raises(
    command_line.SettingsError, match='imitation_updates=100 does not grow'
  ):
    make(*limits, *at_updates)
  # A program has no such phase; nor has this.
  make(*limits, form=run_folder_lib.PROGRAM)
  make(*limits, '--set=task_phase.after_share=none')
  make(*limits, *at_updates, '--set=budget.task_updates=50')


@pytest.mark.parametrize('wanted', [False, True])
def test_deprecations_of_libraries_show_if_they_are_wanted(monkeypatch, wanted):
  monkeypatch.setattr(terminal, 'quiet_reverb', lambda: None)
  monkeypatch.setattr(logging, 'set_verbosity', lambda _: None)
  monkeypatch.setattr(tf.get_logger(), 'setLevel', lambda _: None)
  monkeypatch.setattr(sys, 'warnoptions', ['always'] if wanted else [])
  with warnings.catch_warnings(record=True) as shown:
    # As dm_control does.
    warnings.simplefilter('always', DeprecationWarning)
    command_line.quiet()
    warnings.warn('setDaemon() is deprecated', DeprecationWarning, stacklevel=1)
  assert bool(shown) == wanted
