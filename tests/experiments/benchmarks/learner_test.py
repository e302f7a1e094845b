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

"""Tests of the learners' benchmark, on networks too small to be of interest."""

from absl import app
from absl.testing import flagsaver
import pytest

from environments import block_stacking
from experiments.benchmarks import learner


def test_features_have_the_sizes_of_the_environment():
  environment = block_stacking.load(('body', 'blocks'), seed=0)
  expected = environment.observation_spec()
  actual = learner.make_environment_spec()
  for key in ('body', 'blocks'):
    assert actual.observations[key].shape == expected[key].shape
    assert actual.observations['goal'][key].shape == expected[key].shape
  assert actual.actions.shape == environment.action_spec().shape


@pytest.mark.slow
@pytest.mark.parametrize('form', ['features', '32_p2_32_64'])
def test_both_learners_run_and_agree(form):
  result = learner.compare(
    batch_size=4,
    form=form,
    layer_sizes=(8, 8),
    num_atoms=11,
    updates_per_step=10,
    rounds=1,
    seconds=0.05,
  )
  assert result.batch_size == 4
  assert result.acmes > 0.0
  assert result.ratio == pytest.approx(result.ours / result.acmes)
  assert result.loss_difference < 1e-4


def test_updates_per_second_count_all_updates_of_a_call():
  class _Learner:
    num_calls = 0

    def step(self):
      self.num_calls += 1

  fake = _Learner()
  rate = learner.measure_updates(fake, updates=10, seconds=0.05)
  assert rate == pytest.approx(fake.num_calls * 10 / 0.05, rel=0.5)


def test_arguments_are_checked():
  with pytest.raises(app.UsageError, match='Unknown arguments'):
    learner.main(['learner', '256'])
  with (
    flagsaver.as_parsed(updates_per_step='3'),
    pytest.raises(app.UsageError, match='--updates_per_step=3 must divide'),
  ):
    learner.main(['learner'])
