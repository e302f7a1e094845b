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
from typing import Mapping, Optional, Sequence

import numpy as np
import tqdm

import acme_metamimic
from environments import block_stacking
from environments import demonstrations as demonstrations_lib
from environments import demonstrators
from environments import recording
from experiments import evaluation
from experiments import presets
from experiments import reporting
from experiments import training

TRAINING_STYLE, VALIDATION_STYLE = 'brisk', 'careful'
RECORDED_FOLDER = 'demonstrations'
# Validation episodes are recorded with other seeds than training episodes.
_VALIDATION_SEED_OFFSET = 1_000_000

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
    RunFolderError: if the run folder exists or cannot be made.
    DatasetError: if the dataset cannot be used. No run folder is made then.
  """
  if os.path.exists(settings.run_folder):
    raise _run_folder_exists(settings)
  started = time.monotonic()
  dataset = load(settings, settings.dataset) if settings.dataset else None
  _make_run_folder(settings)
  print(f'Results go to {settings.run_folder}.')
  try:
    job = _Job(settings, *(dataset or record_and_load(settings)))
    try:
      job.train()
      job.report(started)
    finally:
      job.close()
  except KeyboardInterrupt:
    print(f'\nInterrupted. What there is was kept in {settings.run_folder}.')


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


Dataset = Sequence[demonstrations_lib.Demonstration]


def folders(root: str) -> tuple[str, str]:
  """Returns a dataset's folders to train on and to validate with."""
  return os.path.join(root, 'train'), os.path.join(root, 'validation')


def load(settings: Settings, root: str) -> tuple[Dataset, Dataset]:
  """Returns the demonstrations to train on and to validate with."""
  train_folder, validation_folder = folders(root)
  train_set, validation_set = (
    demonstrations_lib.load(folder, task=block_stacking.TASK_NAME)
    for folder in (train_folder, validation_folder)
  )
  if len(validation_set) < 2:
    raise demonstrations_lib.DatasetError(
      f'{validation_folder} holds {len(validation_set)} demonstration; 2 are '
      'needed to show a wrong one.'
    )
  _check_usable(train_set, train_folder)
  _check_usable(validation_set, validation_folder)
  return (
    train_set[: settings.num_demonstrations],
    validation_set[: settings.num_validation_demonstrations],
  )


def _check_usable(dataset: Dataset, folder: str) -> None:
  """Raises a DatasetError if a run would fail on it, be it at its end."""
  try:
    environment = presets.make_imitation_environment(
      dataset, seed=0, training=False
    )
    action_shape = environment.action_spec().shape
    for index, demonstration in enumerate(dataset):
      environment.start(index)
      actions = demonstration.actions
      if actions.shape[1:] != action_shape or not np.isfinite(actions).all():
        raise ValueError(
          f'Demonstration {index} has actions {actions.dtype} {actions.shape}; '
          f'it needs finite ones of shape {action_shape}. Record it again.'
        )
      if not demonstration.task_return > 0.0:
        raise ValueError(
          f'Demonstration {index} has a task return of '
          f'{demonstration.task_return}, with which none can be compared; '
          'leave it out.'
        )
  except ValueError as error:
    raise demonstrations_lib.DatasetError(f'{folder}: {error}') from error


def record_and_load(settings: Settings) -> tuple[Dataset, Dataset]:
  """Records a run's dataset into its folder."""
  root = os.path.join(settings.run_folder, RECORDED_FOLDER)
  train_folder, validation_folder = folders(root)
  _record(
    train_folder,
    TRAINING_STYLE,
    settings.num_demonstrations,
    _first_seed(settings.seed, settings.num_demonstrations),
  )
  _record(
    validation_folder,
    VALIDATION_STYLE,
    settings.num_validation_demonstrations,
    _first_seed(settings.seed, settings.num_validation_demonstrations)
    + _VALIDATION_SEED_OFFSET,
  )
  return load(settings, root)


def _first_seed(seed: int, num_episodes: int) -> int:
  # Below the offset whatever the run's seed is.
  return seed * num_episodes % _VALIDATION_SEED_OFFSET


def _record(folder: str, style: str, count: int, seed: int) -> None:
  environment = block_stacking.load(presets.OBSERVABLES)
  kept: list[demonstrations_lib.Demonstration] = []
  with tqdm.tqdm(total=count, desc=f'Recording {style!r}', unit='demo') as bar:

    def on_episode(demonstration: demonstrations_lib.Demonstration) -> None:
      kept.append(demonstration)
      bar.update()

    try:
      recorded = recording.record(
        environment, demonstrators.STYLES[style], count, seed, on_episode
      )
    except KeyboardInterrupt:
      if kept:
        _save(folder, kept)
      raise
  _save(folder, recorded.demonstrations)
  print(
    f'Kept {count} of {recorded.num_attempts} episodes; '
    f'{recorded.num_discarded} did not stack.'
  )


def _save(folder: str, dataset: Dataset) -> None:
  demonstrations_lib.save(
    folder,
    dataset,
    block_stacking.TASK_NAME,
    block_stacking.CONTROL_TIMESTEP,
  )


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
      self._agent.save()

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
      rows += table_rows(
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
      f'video and checkpoints are in {self._settings.run_folder}.'
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


def table_rows(
  name: str,
  environment: evaluation.imitation.ImitationEnvironment,
  trained: evaluation.Policy,
  untrained: evaluation.Policy,
  max_episodes: int,
) -> list[reporting.Row]:
  """Returns the table's rows for a dataset: the policy and its controls.

  Args:
    name: of the dataset.
    environment: must not end episodes early.
    trained: from an observation with `goal` to an action.
    untrained: likewise, before it learned anything.
    max_episodes: demonstrations to follow, from the first on.
  """
  number = len(environment.demonstrations)
  candidates = [
    ('trained', trained, False),
    ('untrained', untrained, False),
    ('trained, wrong goals', trained, True),
    ('actions replayed', evaluation.replay_actions(environment), False),
  ]
  if number < 2:  # There is no wrong demonstration.
    del candidates[2]
  rows: list[reporting.Row] = []
  for label, policy, wrong_goals in candidates:
    metrics = evaluation.follow_all(
      environment,
      policy,
      indices=range(min(number, max_episodes)),
      wrong_goals=wrong_goals,
    )
    rows.append(
      {
        'demonstrations': name,
        'policy': label,
        'episodes': len(metrics),
        **evaluation.mean(metrics),
      }
    )
  return rows
