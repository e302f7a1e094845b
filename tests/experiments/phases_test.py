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
"""Tests of the task phase: who may begin an episode, also after a resume."""

import pytest

from experiments import phases
from experiments import schedule

_SETTINGS = schedule.TaskPhase(
  after_share=0.5, source_steps=100, source_steps_per_task_step=0.5
)
_BUDGET = schedule.Budget(minutes=10.0)


def _steps(source: int, task: int) -> phases.Steps:
  return {phases.SOURCE: source, 'task': task}.__getitem__


def test_the_task_actor_waits_for_the_first_steps():
  phase = phases.Phase(_SETTINGS, schedule.Progress())
  assert not phase.may_start_source(_steps(0, 0))
  phase.begin(5.0, _steps(0, 0))
  assert phase.may_start_source(_steps(0, 0))
  assert not phase.may_start_task(_steps(99, 0))
  assert phase.may_start_task(_steps(100, 0))
  # From then on half a step for each of the task actor's.
  assert not phase.may_start_source(_steps(111, 20))
  assert phase.may_start_source(_steps(110, 20))


def test_its_minutes_are_not_those_of_the_first_part():
  phase = phases.Phase(
    _SETTINGS, schedule.Progress(minutes=6.0, task_phase_minutes=2.0)
  )
  assert phase.minutes(6.0) == 2.0
  assert not phase.is_time(6.0, _BUDGET, 0)
  assert phase.is_time(7.0, _BUDGET, 0)
  phase.go_on(7.0)
  assert phase.minutes(9.0) == 4.0


def test_a_resume_in_the_second_phase_counts_its_own_steps():
  """The first had 300 and 200, after which the budget grew."""
  first = phases.Phase(
    _SETTINGS, schedule.Progress(source_steps=300, task_steps=200)
  )
  first.begin(5.0, _steps(300, 200))
  resumed = phases.Phase(
    _SETTINGS,
    schedule.Progress(source_steps=350, task_steps=200, **first.progress()),
  )
  resumed.go_on(6.0)
  assert not resumed.may_start_task(_steps(350, 200))
  assert resumed.may_start_task(_steps(400, 200))
  assert resumed.describe(_steps(350, 200)) == (
    'task phase (50 of 100 steps first), '
  )
  assert resumed.describe(_steps(400, 200)) == 'task phase, '


@pytest.mark.parametrize('keeps_replay', [True, False])
def test_without_its_replay_a_resume_makes_the_first_steps_anew(keeps_replay):
  phase = phases.Phase(
    _SETTINGS,
    schedule.Progress(source_steps=300, task_steps=200),
    keeps_replay,
  )
  phase.go_on(6.0)
  assert phase.may_start_task(_steps(300, 200)) == keeps_replay
  assert phase.may_start_task(_steps(400, 200))
