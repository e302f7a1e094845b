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
"""Runs an experiment in one process: demonstrations, training, evaluation."""

import contextlib
import os
import time
from typing import Mapping, Optional, Type

import acme
import dm_env
import sonnet as snt
import tensorflow as tf

import acme_metamimic
from acme_metamimic import specs as specs_lib
from acme_metamimic.replay import footprint
from acme_metamimic.replay import saving
from acme_metamimic.tf import actors
from acme_metamimic.tf import checkpoints
from acme_metamimic.tf import snapshots
from environments import fixed_starts
from experiments import acting
from experiments import controls
from experiments import evaluation
from experiments import experiment as experiment_lib
from experiments import renderer
from experiments import reporting
from experiments import run_folder as run_folder_lib
from experiments import schedule
from experiments import task_evaluation
from experiments import training
from experiments.datasets import run_dataset
from experiments.domains import block_stacking
from experiments.domains import domain as domain_lib
from experiments.report import write as report


def run(
  experiment: experiment_lib.Experiment, run_folder: str, resume: bool = False
) -> None:
  """Runs an experiment; an interrupt keeps what there is.

  Args:
    experiment: experiment to run.
    run_folder: path of the run's folder, which is made if the run is new.
    resume: whether to go on with the run in that folder.

  Raises:
    KeyboardInterrupt: after what there is was kept.
    RunFolderError: if the run folder exists, cannot be made, is of another run,
      or is of one that is going on.
    DatasetError: if the dataset cannot be used. No run folder is made then.
  """
  if not resume:
    run_folder_lib.check_new(run_folder)
  started = time.monotonic()
  try:
    run_dataset.check_wanted(experiment)
    if not resume:
      run_folder_lib.make(run_folder)
    with run_folder_lib.held(run_folder):
      if not resume:
        _note(experiment, run_folder)
      print(f'Results go to {run_folder}.')
      dataset = run_dataset.prepare(
        experiment, os.path.join(run_folder, run_folder_lib.RECORDED_FOLDER)
      )
      with _Job(experiment, run_folder, dataset, resume) as job:
        if resume:
          # Not before what was kept has been found to fit.
          _note(experiment, run_folder)
        job.train()
        job.report(started)
  except KeyboardInterrupt:
    if os.path.exists(run_folder):
      print(
        f'\nInterrupted. What there is was kept in {run_folder}. To go on:\n'
        f'{run_folder_lib.resume_command(run_folder_lib.ONE_PROCESS, run_folder)}'
      )
    raise


def _note(experiment: experiment_lib.Experiment, run_folder: str) -> None:
  """Notes in its folder what is run."""
  run_folder_lib.write(run_folder, run_folder_lib.ONE_PROCESS, experiment)


class _Job(contextlib.AbstractContextManager):
  """Agent, environments and curves of a run."""

  def __init__(
    self,
    experiment: experiment_lib.Experiment,
    run_folder: str,
    dataset: Optional[domain_lib.Dataset],
    resume: bool,
  ):
    self._experiment, self._folder = experiment, run_folder
    progress = (
      run_folder_lib.read_progress(run_folder)
      if resume
      else schedule.Progress()
    )
    # After a resume other starts and noise than before it, by the seed none the
    # less.
    steps = progress.imitation_steps + progress.task_steps
    tf.random.set_seed(experiment.seed + steps)
    self._environments = _make_environments(experiment, dataset, steps)
    self._evaluate = _evaluator_class(experiment)(
      self._environments.get('training'),
      self._environments.get('validation'),
      self._environments['task_evaluation'],
      experiment.evaluation.episodes,
    )
    try:
      self._curves = reporting.Curves(
        self._path('curves.csv'),
        training.curve_columns(self._evaluate.columns),
        progress.minutes if resume else None,
      )
    except ValueError as error:
      raise run_folder_lib.RunFolderError(str(error)) from None
    halves = [h for h in specs_lib.STREAMS if h in self._environments]
    logs = {half: acting.LatestLogger() for half in halves}
    self._spec = acme.make_environment_spec(self._environments[halves[0]])
    try:
      self._agent = experiment.make_agent(
        self._spec,
        dataset,
        logger_factory=lambda label: logs[label.removesuffix('_learner')],
        checkpoint_directory=run_folder,
      )
    except checkpoints.CheckpointError as error:
      raise run_folder_lib.RunFolderError(str(error)) from error
    print(_describe_policies(experiment, self._agent.policies))
    print(footprint.describe(self._agent.expected_bytes))
    if resume and experiment.keeps_replay:
      size = saving.saved_bytes(self._path('checkpoints', 'replay_0'))
      print(f'It goes on with {size / 1e6:.0f} MB of replay from the disk.')
    self._trainer = training.Trainer(
      self._agent,
      logs,
      self._environments,
      self._curves,
      self._evaluate,
      task_steps_per_imitation_step=experiment.task_steps_per_imitation_step,
      task_phase=experiment.task_phase,
      progress=progress,
      keeps_replay=experiment.keeps_replay,
    )

  def __exit__(self, *unused_error: object) -> None:
    """Stops the agent's threads and its server, and closes the environments."""
    self._agent.close()
    for environment in self._environments.values():
      environment.close()

  def _path(self, *names: str) -> str:
    return os.path.join(self._folder, *names)

  def train(self) -> None:
    """Trains; saves at each evaluation, at the end, and at an interrupt."""
    try:
      self._trainer.run(
        self._experiment.budget,
        self._experiment.evaluation.period_minutes,
        self._after_evaluation,
      )
    except BaseException:
      self._save()
      raise
    finally:
      # Now, as it is the one thing to use of a run that is interrupted.
      self._agent.export(self._path(snapshots.POLICIES_FOLDER))

  def _after_evaluation(self) -> None:
    reporting.plot_curves(self._curves, self._path('curves.png'))
    self._save()

  def _save(self) -> None:
    """Saves what a resume needs; how far the run is comes last."""
    if self._agent.save():
      run_folder_lib.write_progress(self._folder, self._trainer.progress)

  def report(self, started: float) -> None:
    """Evaluates the final policies; writes the table, a strip and a film."""
    if self._experiment.domain.has_demonstrations:
      if self._experiment.learns_imitation:
        self._write_table()
      self._write_task_table()
      # Last: a machine that cannot draw has both tables.
      if self._experiment.learns_imitation:
        self._film_if_possible()
    else:
      task_return = self._curves.column('task_policy_return')[-1]
      print(f'Task policy, from random starts: task return {task_return:.1f}.')
    where = self._write_report()
    print(
      f'Curves are in {self._path("curves.png")}{where}.\n'
      f'{(time.monotonic() - started) / 60:.1f} minutes in all. What the run has '
      f'left is in {self._folder}.'
    )

  def _write_table(self) -> None:
    number = self._experiment.demonstrations.num_validation
    print(
      f'Evaluating on up to {number} demonstrations of each kind, without noise.'
    )
    untrained = self._make_untrained_policy()
    rows: list[reporting.Row] = []
    for name in ('training', 'validation'):
      rows += controls.table_rows(
        name,
        self._environments[name],
        self._agent.imitation_policy,
        untrained,
        number,
      )
    reporting.show_table(rows, self._path('table.md'))

  def _write_report(self) -> str:
    """Writes the page of the run; returns words that say where it is."""
    if not self._experiment.domain.has_demonstrations:
      return ''
    path = self._path('report.html')
    report.write([self._folder], path)
    return f', and all there is to see in {path}'

  def _write_task_table(self) -> None:
    """Compares the task policy with the demonstrators, where they are scripted."""
    environment = self._environments['task_evaluation']
    assert isinstance(environment, fixed_starts.FixedStarts)
    print(
      'Evaluating the task policy and the demonstrators from the same '
      f'{environment.num_starts} random starts.'
    )
    rows = task_evaluation.table_rows(
      environment,
      {'task policy': self._agent.task_policy},
      self._experiment.demonstrations.scripted_demonstrators,
    )
    reporting.show_table(
      rows, self._path('task_table.md'), task_evaluation.TITLES
    )
    references = {
      str(row['policy']): float(row['task_return']) for row in rows[1:]
    }
    reporting.plot_curves(self._curves, self._path('curves.png'), references)

  def _make_untrained_policy(self) -> evaluation.Policy:
    """Returns the policy of new networks."""
    networks, _ = self._experiment.make_networks(self._spec)
    spec = specs_lib.imitation_spec(self._spec)
    networks.init(spec)
    builder = acme_metamimic.MetaMimicBuilder(
      self._experiment.one_process_config,
      noise_scale=self._experiment.domain.noise_scale(),
    ).imitation
    policy = builder.make_policy(networks, spec, evaluation=True)
    return actors.FeedForwardActor(builder.on_environment(policy)).select_action

  def _film_if_possible(self) -> None:
    try:
      self._film()
    except Exception as error:
      if not renderer.is_missing(error):
        raise
      print(
        f'There is no film, as no picture can be drawn here ({error}). '
        f'{renderer.REMEDY}'
      )

  def _film(self) -> None:
    environment = self._environments['validation']
    filmed = self._experiment.evaluation.filmed
    pairs = [
      reporting.rollout_states(environment, self._agent.imitation_policy, index)
      for index in range(min(filmed, len(environment.demonstrations)))
    ]
    domain = self._experiment.domain
    assert isinstance(domain, block_stacking.BlockStacking)
    with contextlib.closing(
      reporting.Filmer(
        images=domain.policy_images, image_size=domain.image_size
      )
    ) as filmer:
      # First: where nothing can be drawn it leaves no file that was begun.
      filmer.strip(pairs[0], self._path('validation.png'))
      filmer.film(pairs, self._path('validation.mp4'))


def _make_environments(
  experiment: experiment_lib.Experiment,
  dataset: Optional[domain_lib.Dataset],
  steps_before: int,
) -> Mapping[str, dm_env.Environment]:
  """Returns those that the halves act in, and those to evaluate in."""
  domain, seed = experiment.domain, experiment.seed
  acting_seed = seed + steps_before
  make_task = domain.make_task_environment
  task = {
    specs_lib.TASK: make_task(dataset, domain_lib.ACTOR, acting_seed + 1),
    'task_evaluation': make_task(dataset, domain_lib.VALIDATION, seed + 4),
  }
  if not experiment.learns_imitation:
    return task
  kinds = {
    specs_lib.IMITATION: (domain_lib.ACTOR, acting_seed),
    'training': (domain_lib.TRAINING, seed + 2),
    'validation': (domain_lib.VALIDATION, seed + 3),
  }
  if experiment.task_phase.exists:
    kinds[domain_lib.SOURCE] = (domain_lib.SOURCE, acting_seed + 5)
  make = domain.make_imitation_environment
  return {
    **task,
    **{name: make(dataset, *kind) for name, kind in kinds.items()},
  }


def _describe_policies(
  experiment: experiment_lib.Experiment, policies: Mapping[str, snt.Module]
) -> str:
  """Returns a line that says what was built, to check settings by."""
  sizes = ', '.join(
    f'{sum(v.shape.num_elements() for v in policy.trainable_variables):,} in the '
    f'{name} policy'
    for name, policy in policies.items()
  )
  layers = 'x'.join(map(str, experiment.networks.policy_layer_sizes))
  torso = ''
  if any(len(v.shape) == 4 for p in policies.values() for v in p.variables):
    torso = f'torso {experiment.networks.torso}, '
  return f'Networks: {torso}layers {layers}; parameters: {sizes}.'


def _evaluator_class(
  experiment: experiment_lib.Experiment,
) -> Type[evaluation.Evaluator]:
  """Returns what evaluates the halves that there are."""
  if not experiment.learns_imitation:
    return evaluation.TaskEvaluator
  if experiment.domain.has_demonstrations:
    return evaluation.Evaluator
  return evaluation.ReturnEvaluator
