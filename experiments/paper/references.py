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
"""Reference lines for a run's imitation policy, on its validation demonstrations.

  python -m experiments.paper.references runs/mine

Beside the policy: behaviour cloning of the demonstrators' actions by the same
network (it has what MetaMimic does without), the policy with its goals in shuffled
order and from a perturbed start, the demonstrator's actions repeated open loop,
from the demonstration's start and from the perturbed one, and standing still.
"""

import collections
import dataclasses
import functools
from typing import Mapping, Sequence

from absl import app
from absl import flags
from absl import logging
import acme
from acme import types
import numpy as np
import tensorflow as tf
import tree

from experiments import paths
from experiments import renderer

with renderer.required():
  from acme_metamimic import specs as specs_lib
  from acme_metamimic.tf import actors
  from acme_metamimic.tf import optimizers
  from acme_metamimic.tf import snapshots
  from environments import demonstrations as demonstrations_lib
  from environments import imitation
  from experiments import evaluation
  from experiments import experiment as experiment_lib
  from experiments import exported_policy
  from experiments import perturbed_starts
  from experiments import reporting
  from experiments import run_folder as run_folder_lib
  from experiments.domains import block_stacking
  from experiments.domains import domain as domain_lib

_UPDATES = flags.DEFINE_integer(
  'cloning_updates', 20_000, 'Updates of behaviour cloning.', lower_bound=1
)
_FIGURES = paths.define(
  'references_table', None, 'File for the table, such as references.md.'
)

# Distance that each block is moved by in a perturbed start, in metres: less than
# half of its edge, so that a hand that goes where it was still meets it.
_PERTURBATION = 0.01
_BATCH_SIZE = 256

Demonstration = demonstrations_lib.Demonstration


def clone(
  experiment: experiment_lib.Experiment,
  environment: imitation.ImitationEnvironment,
  num_updates: int,
  seed: int = 0,
) -> evaluation.Policy:
  """Trains the imitation policy's network on the demonstrators' actions.

  Args:
    experiment: experiment whose networks are trained.
    environment: environment that follows the training demonstrations.
    num_updates: number of updates, with batches of 256 steps.
    seed: seed of the batches.

  Returns:
    The policy, from an observation with `goal` to an action.
  """
  spec = acme.make_environment_spec(environment)
  networks, _ = experiment.make_networks(spec)
  networks.init(specs_lib.imitation_spec(spec))
  policy = networks.make_policy(specs_lib.imitation_spec(spec))
  observations, actions = _pairs(environment)
  optimizer = optimizers.FusedAdam(
    optimizers.linear_schedule(1e-3, 1e-4, num_updates)
  )
  variables = policy.trainable_variables
  optimizers.make_slots(optimizer, variables)

  @tf.function
  def update(batch: types.NestedTensor, taken: tf.Tensor) -> None:
    with tf.GradientTape() as tape:
      loss = tf.reduce_mean(tf.square(policy(batch) - taken))
    optimizer.apply(tape.gradient(loss, variables), variables)

  random_state = np.random.RandomState(seed)
  for _ in range(num_updates):
    drawn = random_state.randint(len(actions), size=_BATCH_SIZE)
    update(
      *tree.map_structure(
        functools.partial(np.take, indices=drawn, axis=0),
        (observations, actions),
      )
    )
  return actors.FeedForwardActor(policy).select_action


def _pairs(
  environment: imitation.ImitationEnvironment,
) -> tuple[Mapping[str, np.ndarray], np.ndarray]:
  """Returns what the policy would see along the demonstrations, and the actions."""
  spec = environment.observation_spec()
  observed: dict[str, list[np.ndarray]] = collections.defaultdict(list)
  goals: dict[str, list[np.ndarray]] = collections.defaultdict(list)
  for demonstration in environment.demonstrations:
    for key in spec[specs_lib.GOAL]:
      frames = np.asarray(demonstration.observations[key])
      observed[key].append(frames[:-1])
      goals[key].append(frames[1:])
    if 'last_action' in spec:
      observed['last_action'].append(demonstration.last_actions()[:-1])
  seen = {key: np.concatenate(parts) for key, parts in observed.items()}
  seen[specs_lib.GOAL] = {
    key: np.concatenate(parts) for key, parts in goals.items()
  }
  actions = [np.asarray(d.actions) for d in environment.demonstrations]
  return seen, np.concatenate(actions)


def shuffled(demonstration: Demonstration, seed: int) -> Demonstration:
  """Returns a demonstration whose frames after the first come in any order.

  Args:
    demonstration: the demonstration, whose frames serve as goals.
    seed: seed of the order.
  """
  steps = len(demonstration)
  order = np.random.RandomState(seed).permutation(steps) + 1
  order = np.concatenate(([0], order))
  return dataclasses.replace(
    demonstration,
    observations={
      key: np.asarray(frames)[order]
      for key, frames in demonstration.observations.items()
    },
  )


def rows(
  experiment: experiment_lib.Experiment,
  domain: block_stacking.BlockStacking,
  training: Sequence[Demonstration],
  validation: Sequence[Demonstration],
  policy: evaluation.Policy,
  cloning_updates: int,
) -> list[reporting.Row]:
  """Returns the table's rows.

  Args:
    experiment: experiment of the run.
    domain: its domain.
    training: demonstrations to clone.
    validation: demonstrations to follow.
    policy: the run's imitation policy.
    cloning_updates: number of updates of behaviour cloning.
  """
  moved_demonstrations = perturbed_starts.move_blocks(
    domain, validation, _PERTURBATION
  )
  with (
    perturbed_starts.following(domain, validation) as environment,
    perturbed_starts.following(domain, moved_demonstrations) as moved,
    perturbed_starts.following(domain, training) as shown,
  ):
    cloned = clone(experiment, shown, cloning_updates)
    still = np.zeros(environment.action_spec().shape, np.float32)
    results = {
      'imitation policy': evaluation.follow_all(environment, policy),
      'behaviour cloning of actions': evaluation.follow_all(
        environment, cloned
      ),
      'imitation policy, start perturbed': evaluation.follow_all(moved, policy),
      'behaviour cloning, start perturbed': evaluation.follow_all(
        moved, cloned
      ),
      'imitation policy, goals shuffled': [
        evaluation.follow(environment, policy, i, shuffled(demonstration, i))
        for i, demonstration in enumerate(validation)
      ],
      'actions replayed': evaluation.follow_all(
        environment, evaluation.replay_actions(environment)
      ),
      'actions replayed, start perturbed': evaluation.follow_all(
        moved, evaluation.replay_actions(moved)
      ),
      'standing still': evaluation.follow_all(environment, lambda _: still),
    }
  return [
    {
      'demonstrations': 'validation',
      'policy': name,
      'episodes': len(metrics),
      **evaluation.mean(metrics),
    }
    for name, metrics in results.items()
  ]


def main(argv: list[str]) -> None:
  """Prints the table."""
  if len(argv) != 2:
    raise app.UsageError('Give the folder of a run.')
  logging.set_verbosity(logging.WARNING)
  folder = paths.expand(argv[1])
  try:
    experiment = run_folder_lib.read(folder)
    policy = exported_policy.ExportedPolicy(
      snapshots.policy_path(folder, specs_lib.IMITATION)
    )
    domain = experiment.domain
    if not isinstance(domain, block_stacking.BlockStacking):
      raise exported_policy.PolicyError(
        f'{folder!r} is a run without demonstrations: give one of block stacking.'
      )
    dataset = experiment.dataset(run_folder_lib.dataset_folder(folder))
    assert dataset is not None
    training, validation = (
      domain.load_demonstrations(dataset, kind)
      for kind in (domain_lib.TRAINING, domain_lib.VALIDATION)
    )
  except (
    demonstrations_lib.DatasetError,
    exported_policy.PolicyError,
    run_folder_lib.RunFolderError,
  ) as error:
    raise SystemExit(f'Error: {error}') from None
  tf.random.set_seed(0)
  found = rows(experiment, domain, training, validation, policy, _UPDATES.value)
  print(reporting.format_table(found))
  if _FIGURES.value is not None:
    reporting.write_table(found, _FIGURES.value)


if __name__ == '__main__':
  app.run(main)
