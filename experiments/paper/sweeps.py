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
"""The sweeps behind the paper's figures, as data: what is run for each curve."""

import dataclasses
import difflib
from typing import Callable, Mapping, Sequence

from experiments import pixel_forms
from experiments import presets

SMOKE, LAPTOP, PAPER = 'smoke', 'laptop', 'paper'
SCALES = (SMOKE, LAPTOP, PAPER)

# Of curves that are beside the figure's claim, or take too long.
_ONE_SEED = (0,)

# The paper does not say how long its runs are, nor does its text have the axes of
# its figures; another end is a flag behind `--`, such as --budget_minutes.
_PAPER: Mapping[str, object] = {'budget.imitation_updates': 1_000_000}

# A minute each, to see that all is there.
_SMOKE: Mapping[str, object] = {
  'budget.minutes': 0.1,
  'demonstrations.num_train': 3,
  'demonstrations.num_validation': 2,
  'evaluation.period_minutes': 0.05,
  'evaluation.episodes': 2,
  'evaluation.filmed': 1,
  'domain.task_starts': 2,
  'domain.task_episode_length': 20,
  'task_phase.source_steps': 100,
}


@dataclasses.dataclass(frozen=True)
class Curve:
  """One curve of a figure: the same experiment with several seeds.

  Attributes:
    name: name of the curve's folder.
    label: name in the legend.
    preset: preset that the experiment is made from.
    changes: fields of the experiment that differ from the preset, by path.
    seeds: seeds of its runs.
  """

  name: str
  label: str
  preset: str
  changes: Mapping[str, object] = dataclasses.field(default_factory=dict)
  seeds: Sequence[int] = (0, 1, 2)

  @property
  def arguments(self) -> Sequence[str]:
    """Flags of a run script that make the experiment, but for its seed."""
    return [
      f'--preset={self.preset}',
      *(f'--set={path}={_text(value)}' for path, value in self.changes.items()),
    ]


@dataclasses.dataclass(frozen=True)
class Panel:
  """One panel of a figure.

  Attributes:
    title: what it shows.
    column: column of a run's curves.
    references: values that the paper gives for it, by what they are.
  """

  title: str
  column: str
  references: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Figure:
  """A figure of the paper.

  Attributes:
    title: what it compares.
    curves: its curves.
    panels: its panels.
  """

  title: str
  curves: Sequence[Curve]
  panels: Sequence[Panel]


_TASK_RETURN = 'task return / demonstration'
_IMITATION_REWARD = 'imitation reward a step'


def _figure5(scale: str) -> Figure:
  preset = {SMOKE: 'features', LAPTOP: 'features', PAPER: 'paper'}[scale]
  numbers = (2, 3) if scale == SMOKE else (10, 50, 100, 500)
  curves = [
    Curve(
      f'demonstrations_{number}',
      f'{number} demonstrations',
      preset,
      {
        **_of_scale(scale),
        **({} if scale == PAPER else _IMITATION_ALONE),
        'demonstrations.num_train': number,
      },
    )
    for number in numbers
  ]
  return Figure(
    'Figure 5: more demonstrations, better generalization',
    curves,
    [
      # Section 3.2: "from 67 % [...] to 81 %", and 52 % on unseen ones.
      Panel(
        f'training: {_TASK_RETURN}',
        'training_task_return',
        {'paper, fewest': 0.67, 'paper, most': 0.81},
      ),
      Panel(
        f'validation: {_TASK_RETURN}',
        'validation_task_return',
        {'paper, 500': 0.52},
      ),
      Panel(f'training: {_IMITATION_REWARD}', 'training_imitation_reward'),
      Panel(f'validation: {_IMITATION_REWARD}', 'validation_imitation_reward'),
    ],
  )


def _figure6(scale: str) -> Figure:
  preset = PAPER if scale == PAPER else 'pixels'
  torsos = {
    PAPER: ('paper', 'paper_plain', 'impala'),
    LAPTOP: ('40_p4_32_64', '40_p4_32_64_plain', 'impala_40_plain'),
    SMOKE: ('64_p4_16_32', '64_p4_16_32_plain', 'impala_32_plain'),
  }[scale]
  labels = (
    'large, instance norm',
    'large, no instance norm',
    "IMPALA's",
  )
  curves = [
    Curve(
      torso,
      label,
      preset,
      {
        **_of_scale(scale),
        **({} if scale == PAPER else _IMITATION_ALONE),
        'networks.torso': torso,
        'domain.image_size': pixel_forms.FORMS[torso].image_size,
      },
      seeds=_ONE_SEED,
    )
    for torso, label in zip(torsos, labels)
  ]
  return Figure(
    'Figure 6: larger networks and normalization',
    curves,
    [
      Panel(f'validation: {_TASK_RETURN}', 'validation_task_return'),
      Panel(f'training: {_TASK_RETURN}', 'training_task_return'),
      Panel(f'validation: {_IMITATION_REWARD}', 'validation_imitation_reward'),
    ],
  )


def _figure8(scale: str) -> Figure:
  changes = _of_scale(scale)
  if scale == PAPER:
    curves = [
      Curve('metamimic', 'MetaMimic', PAPER, changes),
      Curve(
        'metamimic_curriculum',
        'MetaMimic, curriculum',
        PAPER,
        {**changes, 'domain.task_curriculum_probability': 1.0},
        _ONE_SEED,
      ),
    ]
  else:
    curves = [
      Curve('metamimic', 'MetaMimic', 'features', changes),
      Curve('d4pg', 'D4PG', 'd4pg', changes),
      Curve('d4pgfd', 'D4PGfD', 'd4pgfd', changes),
      Curve(
        'metamimic_curriculum',
        'MetaMimic, curriculum',
        'metamimic_curriculum',
        changes,
        _ONE_SEED,
      ),
      Curve(
        'd4pg_curriculum',
        'D4PG, curriculum',
        'd4pg_curriculum',
        changes,
        _ONE_SEED,
      ),
      # The paper's has none.
      Curve(
        'metamimic_gradient',
        'MetaMimic, no regression',
        'features',
        {**changes, 'task.regression_weight': 0.0},
        _ONE_SEED,
      ),
    ]
  return Figure(
    'Figure 8: task policies',
    curves,
    [
      Panel('task return of an episode', 'task_policy_return'),
      Panel('stacked at the end', 'task_policy_stacked'),
    ],
  )


def _cutoffs(scale: str) -> Figure:
  """Returns a comparison of the paper's early termination, which has no figure."""
  curves = [
    Curve(
      f'cutoff_{cutoff}',
      f'{cutoff} m' if cutoff else 'no early termination',
      PAPER if scale == PAPER else 'features',
      {
        **({} if scale == PAPER else _IMITATION_ALONE),
        **({'budget.imitation_updates': 50_000} if scale == LAPTOP else {}),
        **_of_scale(scale),
        'domain.early_termination_distance': cutoff,
      },
    )
    for cutoff in (0.05, 0.1, 0.2, None)
  ]
  return Figure(
    'Early termination (appendix C.2): distances of hand to block',
    curves,
    [
      Panel(f'validation: {_TASK_RETURN}', 'validation_task_return'),
      Panel('validation: tracked', 'validation_tracked'),
      Panel(f'validation: {_IMITATION_REWARD}', 'validation_imitation_reward'),
    ],
  )


# The whole time for the imitation half, whose figures these are.
_IMITATION_ALONE: Mapping[str, object] = {
  'task_phase.after_share': None,
  'task_steps_per_imitation_step': 1e-6,
}

FIGURES: Mapping[str, Callable[[str], Figure]] = {
  'figure5': _figure5,
  'figure6': _figure6,
  'figure8': _figure8,
  'cutoffs': _cutoffs,
}


def make(name: str, scale: str) -> Figure:
  """Returns a figure.

  Args:
    name: name of the figure, a key of `FIGURES`.
    scale: one of `SCALES`: `smoke`, minutes; `laptop`, two cores and hours; or
      `paper`, Table 1 on a cluster.

  Raises:
    ValueError: if there is no such figure or scale, with the nearest that is.
  """
  for value, known in ((name, tuple(FIGURES)), (scale, SCALES)):
    if value not in known:
      near = difflib.get_close_matches(value, known, n=1)
      raise ValueError(
        f'there is no {value!r}: '
        + (f'did you mean {near[0]!r}? ' if near else '')
        + f'There are {", ".join(known)}.'
      )
  figure = FIGURES[name](scale)
  for curve in figure.curves:
    presets.make(curve.preset)
  if scale != SMOKE:
    return figure
  # It shows that all is there, and no spread.
  return dataclasses.replace(
    figure,
    curves=[dataclasses.replace(c, seeds=_ONE_SEED) for c in figure.curves],
  )


def _of_scale(scale: str) -> Mapping[str, object]:
  """Returns the changes that all runs of a scale have."""
  return {SMOKE: _SMOKE, PAPER: _PAPER}.get(scale, {})


def _text(value: object) -> str:
  if value is None:
    return 'none'
  return str(value).lower() if isinstance(value, bool) else str(value)
