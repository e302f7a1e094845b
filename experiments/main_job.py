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

"""The main job: demonstrations, training, evaluation, and what is left of it."""

import dataclasses
import datetime
import json
import os
import time
from typing import Mapping, Optional

import acme_metamimic
from experiments import controls
from experiments import presets
from experiments import reporting
from experiments import training
from experiments.datasets import run_dataset

# Episodes of each kind in the evaluations during training.
_CURVE_EPISODES = 10
_FILMED = 3


class RunFolderError(ValueError):
  """The run folder cannot be used; the message says why."""


@dataclasses.dataclass(frozen=True)
class Settings:
  """Settings of a run.

  Attributes:
    budget_minutes: of training.
    seed: of demonstrations, starts, networks and noise.
    num_demonstrations: to train on.
    num_validation_demonstrations: of the other demonstrator.
    evaluation_period_minutes: between two points of the curves.
    run_folder: new folder for the results.
    dataset: folder of recorded demonstrations, or None to record them.
  """

  budget_minutes: float
  seed: int
  num_demonstrations: int
  num_validation_demonstrations: int
  evaluation_period_minutes: float
  run_folder: str
  dataset: Optional[str] = None


def default_run_folder() -> str:
  """Returns a folder named after the time."""
  return os.path.join('runs', datetime.datetime.now().strftime('%Y%m%d-%H%M%S'))


def run(settings: Settings) -> None:
  """Runs the main job; an interrupt keeps what there is.

  Raises:
    KeyboardInterrupt: after what there is was kept.
    RunFolderError: if the run folder exists or cannot be made.
    DatasetError: if the dataset cannot be used. No run folder is made then.
  """
  if os.path.exists(settings.run_folder):
    raise _run_folder_exists(settings)
  started = time.monotonic()
  try:
    dataset = _load(settings, settings.dataset) if settings.dataset else None
    _make_run_folder(settings)
    print(f'Results go to {settings.run_folder}.')
    job = _Job(settings, *(dataset or _record(settings)))
    try:
      job.train()
      job.report(started)
    finally:
      job.close()
  except KeyboardInterrupt:
    if os.path.exists(settings.run_folder):
      print(f'\nInterrupted. What there is was kept in {settings.run_folder}.')
    raise


def _run_folder_exists(settings: Settings) -> RunFolderError:
  return RunFolderError(
    f'the run folder {settings.run_folder!r} exists and is left as it is; '
    'give another --run_folder or move it away.'
  )


def _make_run_folder(settings: Settings) -> None:
  try:
    os.makedirs(settings.run_folder)
  except FileExistsError:
    raise _run_folder_exists(settings) from None
  except OSError as error:
    raise RunFolderError(
      f'the run folder {settings.run_folder!r} cannot be made '
      f'({error.strerror}); give another --run_folder.'
    ) from None
  with open(os.path.join(settings.run_folder, 'settings.json'), 'w') as file:
    json.dump(dataclasses.asdict(settings), file, indent=2)


Dataset = run_dataset.Dataset


def _load(settings: Settings, root: str) -> tuple[Dataset, Dataset]:
  return run_dataset.load(
    root, settings.num_demonstrations, settings.num_validation_demonstrations
  )


def _record(settings: Settings) -> tuple[Dataset, Dataset]:
  root = os.path.join(settings.run_folder, run_dataset.RECORDED_FOLDER)
  run_dataset.record(
    root,
    settings.seed,
    settings.num_demonstrations,
    settings.num_validation_demonstrations,
  )
  return _load(settings, root)


class _Job:
  """Agent, environments and curves of a run."""

  def __init__(
    self, settings: Settings, train_set: Dataset, validation_set: Dataset
  ):
    self._settings = settings
    self._train_set, self._validation_set = train_set, validation_set
    seed = settings.seed
    self._environments = training.Environments(
      imitation=presets.make_imitation_environment(
        train_set, seed, training=True
      ),
      task=presets.make_task_environment(seed + 1),
      training=presets.make_imitation_environment(
        train_set, seed + 2, training=False
      ),
      validation=presets.make_imitation_environment(
        validation_set, seed + 3, training=False
      ),
      task_evaluation=presets.make_task_environment(seed + 4),
    )
    self._curves = reporting.Curves(
      self._path('curves.csv'), training.CURVE_COLUMNS
    )
    self._config = presets.laptop_config()
    self._logs = {
      half: training.LatestLogger() for half in ('imitation', 'task')
    }
    self._agent = self._make_agent(self._path(), self._logs)
    with open(self._path('config.json'), 'w') as file:
      json.dump(dataclasses.asdict(self._config), file, indent=2)

  def _path(self, *names: str) -> str:
    return os.path.join(self._settings.run_folder, *names)

  def _make_agent(
    self,
    checkpoint_directory: Optional[str] = None,
    logs: Optional[Mapping[str, training.LatestLogger]] = None,
  ) -> acme_metamimic.MetaMimic:
    spec = presets.make_spec(self._environments.imitation)
    imitation_networks, task_networks = presets.make_networks(
      spec, self._config
    )
    return acme_metamimic.MetaMimic(
      spec,
      imitation_networks,
      task_networks,
      self._config,
      logger_factory=lambda label: (
        logs[label.removesuffix('_learner')]
        if logs
        else training.LatestLogger()
      ),
      checkpoint_directory=checkpoint_directory,
    )

  def train(self) -> None:
    """Trains; an interrupt saves the checkpoints and the curves first."""
    trainer = training.Trainer(
      self._agent,
      self._logs,
      self._environments,
      self._curves,
      task_steps_per_imitation_step=presets.TASK_STEPS_PER_IMITATION_STEP,
      evaluation_episodes=_CURVE_EPISODES,
    )
    try:
      trainer.run(
        self._settings.budget_minutes,
        self._settings.evaluation_period_minutes,
        self._plot,
      )
    finally:
      if self._agent.save():
        # Now, as it is the one thing to use of a run that is interrupted.
        self._agent.export(self._path('policies'))

  def _plot(self) -> None:
    reporting.plot_curves(self._curves, self._path('curves.png'))

  def report(self, started: float) -> None:
    """Evaluates the final policies; writes the table, a strip and a video."""
    print('Evaluating on all demonstrations, without noise.')
    untrained = self._make_agent()
    rows: list[reporting.Row] = []
    for name, environment in (
      ('training', self._environments.training),
      ('validation', self._environments.validation),
    ):
      rows += controls.table_rows(
        name,
        environment,
        self._agent.imitation_policy,
        untrained.imitation_policy,
        self._settings.num_validation_demonstrations,
      )
    untrained.close()
    print(reporting.write_table(rows, self._path('table.md')))
    task_return = self._curves.column('task_policy_return')[-1]
    print(
      f'Task policy, {_CURVE_EPISODES} episodes from random starts: task return '
      f'{task_return:.1f} (curve in {self._path("curves.png")}).'
    )
    self._film()
    print(
      f'{(time.monotonic() - started) / 60:.1f} minutes in all. Table, curves, '
      f'video, policies and checkpoints are in {self._settings.run_folder}.'
    )

  def _film(self) -> None:
    environment = self._environments.validation
    count = min(_FILMED, len(self._validation_set))
    pairs = [
      reporting.rollout_states(environment, self._agent.imitation_policy, index)
      for index in range(count)
    ]
    filmer = reporting.Filmer()
    filmer.film(pairs, self._path('validation.mp4'))
    filmer.strip(pairs[0], self._path('validation.png'))

  def close(self) -> None:
    """Stops the agent's threads and its server."""
    self._agent.close()
