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
import dataclasses

import pytest

from experiments import experiment as experiment_lib
from experiments import overrides
from experiments import presets
from experiments import settings


def _changed(name: str, **changes: object) -> experiment_lib.Experiment:
  paths = {path.replace('__', '.'): value for path, value in changes.items()}
  return overrides.replace_all(presets.make(name), paths)


@pytest.mark.parametrize(
  ('preset', 'path', 'value', 'message'),
  [
    (
      'features',
      'networks.torso',
      'impala_64',
      'networks.torso=impala_64 has no effect, .* give --preset=pixels',
    ),
    (
      'features',
      'networks.compute_dtype',
      'float16',
      'networks.compute_dtype=float16 has no effect, as no image is seen',
    ),
    (
      'features',
      'domain.pixel_scale',
      3.0,
      'pixel_scale=3.0 has no effect, as domain.pixel_coefficient is 0',
    ),
  ],
)
def test_settings_without_effect_are_refused(preset, path, value, message):
  before = presets.make(preset)
  with pytest.raises(ValueError, match=message):
    settings.check_effects(overrides.replace(before, path, value), before)


def test_settings_with_an_effect_are_not():
  settings.check_effects(
    _changed('pixels', networks__torso='impala_64'), presets.make('pixels')
  )
  settings.check_effects(
    _changed('features', domain__joint_scale=3.0), presets.make('features')
  )
  # Those of a preset are its own.
  for name in presets.PRESETS:
    settings.check_effects(presets.make(name), presets.make(name))


@pytest.mark.parametrize(
  ('path', 'value'),
  [
    ('domain.joint_scale', 4.0),
    ('networks.policy_layer_sizes', (8, 8)),
    ('demonstrations.num_train', 3),
    ('demonstrations.train_mask', 'train'),
    ('demonstrations.validation_mask', 'valid'),
    ('imitation.discount', 0.9),
    ('task.num_atoms', 51),
    ('task.policy_averaging_horizon', 1),
    ('imitation.auxiliary_weight', 1.0),
    ('imitation.policy_trains_torso', True),
    ('imitation.max_replay_size', 10_000),
    ('task.priority_exponent', 0.6),
    ('program.num_replay_shards', 2),
  ],
)
def test_a_run_does_not_go_on_as_another(path, value):
  before = presets.make('features')
  with pytest.raises(
    ValueError, match=f'{path}=.* cannot change at a resume, .* another run'
  ):
    settings.check_resumable(overrides.replace(before, path, value), before)


def test_a_run_may_go_on_longer_and_learn_otherwise():
  before = presets.make('features')
  for path, value in (
    ('budget.minutes', 60.0),
    ('imitation.policy_learning_rate', 1e-5),
    ('demonstrations.dataset', 'elsewhere'),
    ('num_imitation_actors', 3),
    ('task.policy_averaging_horizon', 5000),
  ):
    settings.check_resumable(overrides.replace(before, path, value), before)


def test_without_its_replay_a_run_may_go_on_with_other_tables():
  before = presets.make('features')
  changed = overrides.replace(before, 'imitation.max_replay_size', 10_000)
  settings.check_resumable(changed, before, has_replay=False)
  with pytest.raises(ValueError, match='give --set=keeps_replay=false as well'):
    settings.check_resumable(changed, before)


def test_baselines_are_no_programs():
  settings.check_program(presets.make('features'))
  with pytest.raises(ValueError, match=r'use experiments\.run_metamimic'):
    settings.check_program(presets.make('d4pg'))
  assert not dataclasses.replace(presets.make('d4pg'), seed=1).learns_imitation
