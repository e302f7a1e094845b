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
"""A point in the plane, for trials of programs: as fast as it goes, or paced."""

import dataclasses
from typing import Optional

import acme_metamimic
from experiments import experiment
from experiments import schedule
from experiments.domains import light

# As long as a step of block stacking is in the world.
_STEP_SECONDS = 0.05


def make() -> experiment.Experiment:
  """Returns the experiment, in which both policies learn within a minute."""
  return experiment.Experiment(
    preset='light',
    domain=light.Light(),
    imitation=_half('imitation'),
    task=_half('task'),
    networks=experiment.Networks(
      policy_layer_sizes=(64, 64), critic_layer_sizes=(64, 64)
    ),
    budget=schedule.Budget(),
    evaluation=schedule.Evaluation(period_minutes=0.25),
  )


def make_paced() -> experiment.Experiment:
  """Returns the same with steps of 50 ms, which leaves the cores mostly idle."""
  base = make()
  # One update of a batch for each step.
  ratio = float(base.imitation.batch_size)
  return dataclasses.replace(
    base,
    preset='paced',
    domain=light.Light(step_seconds=_STEP_SECONDS),
    imitation=_half('imitation', ratio),
    task=_half('task', ratio),
  )


def _half(
  table: str, samples_per_insert: Optional[float] = None
) -> acme_metamimic.D4PGConfig:
  return acme_metamimic.D4PGConfig(
    replay_table_name=table,
    discount=0.9,
    vmax=10.0,  # A reward is at most 1.
    num_atoms=51,
    n_step=3,
    policy_learning_rate=3e-4,
    critic_learning_rate=3e-4,
    updates_per_step=10,
    min_replay_size=200,
    max_replay_size=50_000,
    variable_update_period=100,
    samples_per_insert=samples_per_insert,
    # Soon enough to be seen in a run of a minute.
    checkpoint_period_minutes=0.1,
  )
