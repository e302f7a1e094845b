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

"""Tests of what a learner saves, resumes from and leaves behind."""

import copy
import pathlib
import resource

import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf
import tree

from acme_metamimic.tf import optimizers
from tests.acme_metamimic import fakes
from tests.acme_metamimic.d4pg import learners


def test_resumed_run_equals_an_uninterrupted_one(tmp_path):
  networks, resumed_networks = (
    learners.make_networks(),
    learners.make_networks(),
  )
  learner = learners.make_learner(
    networks,
    updates_per_step=2,
    checkpoint_directory=str(tmp_path),
    policy_optimizer=optimizers.FusedAdam(1e-2),
    critic_optimizer=snt.optimizers.Adam(1e-2),
  )
  learner.step()
  learner.step()
  assert learner.save()
  saved = learners.variables(networks)
  learner.step()

  resumed = learners.make_learner(
    resumed_networks,
    skip=4,
    updates_per_step=2,
    checkpoint_directory=str(tmp_path),
    policy_optimizer=optimizers.FusedAdam(1e-2),
    critic_optimizer=snt.optimizers.Adam(1e-2),
  )
  learners.assert_close(learners.variables(resumed_networks), saved, rtol=0)
  resumed.step()

  learners.assert_close(
    learners.variables(resumed_networks),
    learners.variables(networks),
    rtol=0,
  )
  assert resumed._counter.get_counts()['steps'] == 6
  assert resumed._num_steps.numpy() == 6


@pytest.mark.slow
def test_checkpoints_stay_in_their_folder(tmp_path, monkeypatch):
  home = tmp_path / 'home'
  home.mkdir()
  monkeypatch.setenv('HOME', str(home))
  run = tmp_path / 'run'
  pairs = learners.make_networks(), learners.make_networks()
  both = [
    learners.make_learner(
      pair, checkpoint_directory=str(run), checkpoint_name=name, skip=i
    )
    for i, (pair, name) in enumerate(zip(pairs, ('a', 'b'), strict=True))
  ]
  for learner in both:
    learner.step()
    assert learner.save()

  assert _folders(run) == {run / 'checkpoints' / 'a', run / 'checkpoints' / 'b'}
  assert not list(home.iterdir())
  for pair, name in zip(pairs, ('a', 'b'), strict=True):
    restored = learners.make_networks()
    learners.make_learner(
      restored, checkpoint_directory=str(run), checkpoint_name=name
    )
    learners.assert_close(
      learners.variables(restored), learners.variables(pair), rtol=0
    )


def _folders(path: pathlib.Path) -> set:
  return {file.parent for file in path.rglob('*') if file.is_file()}


def test_checkpoints_are_written_at_the_given_period(tmp_path):
  learner = learners.make_learner(
    checkpoint_directory=str(tmp_path), checkpoint_period_minutes=60.0
  )
  index = tmp_path / 'checkpoints' / 'learner' / 'checkpoint'
  learner.step()
  first = index.read_bytes()
  learner.step()
  assert index.read_bytes() == first
  learner.save()
  assert index.read_bytes() != first


def test_no_checkpoints_without_a_folder(tmp_path, monkeypatch):
  monkeypatch.setenv('HOME', str(tmp_path))
  learner = learners.make_learner()
  learner.step()
  assert not learner.save()
  assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize('field', ['reward', 'observation'])
def test_non_finite_loss_stops_and_keeps_the_checkpoint(tmp_path, field):
  samples = copy.deepcopy(learners.SAMPLES)
  bad = tree.flatten(getattr(samples.data, field))[0]
  bad[learners.BATCH_SIZE + 3] = np.nan
  learner = learners.make_learner(
    dataset_iterator=fakes.make_iterator(samples, learners.BATCH_SIZE),
    checkpoint_directory=str(tmp_path),
    checkpoint_period_minutes=1e-9,
  )
  learner.step()
  before = _contents(tmp_path / 'checkpoints')
  assert before

  with pytest.raises(FloatingPointError, match='checkpoint is untouched'):
    learner.step()

  assert not learner.save()
  assert _contents(tmp_path / 'checkpoints') == before
  weights = {
    tuple(v.shape): v.numpy() for v in learner._policy_network.variables
  }
  assert all(np.isfinite(w).all() for w in weights.values())
  # What is there to inspect is the state that the bad update met.
  saved = tf.train.latest_checkpoint(tmp_path / 'diverged' / 'learner')
  names = [
    name
    for name, _ in tf.train.list_variables(saved)
    if name.startswith('policy/') and name.endswith('VARIABLE_VALUE')
  ]
  assert len(names) >= len(weights) > 0
  for name in names:
    value = tf.train.load_variable(saved, name)
    if 'OPTIMIZER_SLOT' not in name:
      np.testing.assert_array_equal(value, weights[value.shape])


@pytest.mark.slow
def test_update_that_is_not_finite_is_not_applied():
  samples = copy.deepcopy(learners.SAMPLES)
  samples.data.reward[3 * learners.BATCH_SIZE] = np.nan  # In the fourth batch.
  networks = learners.make_networks()
  learner = learners.make_learner(
    networks,
    dataset_iterator=fakes.make_iterator(samples, learners.BATCH_SIZE),
    updates_per_step=5,
    target_update_period=100,
  )
  good_networks = learners.make_networks()
  learners.copy_variables(networks, good_networks)
  good = learners.make_learner(good_networks, target_update_period=100)
  with pytest.raises(FloatingPointError, match='was not applied'):
    learner.step()
  for _ in range(3):
    good.step()
  learners.assert_close(
    learners.variables(networks), learners.variables(good_networks), atol=1e-6
  )


def _contents(path: pathlib.Path) -> dict:
  return {p: p.read_bytes() for p in path.rglob('*') if p.is_file()}


@pytest.mark.parametrize('name', ['lr=[3e-4,1e-4] x', 'a*b?', '{a,b}', 'a\\b'])
def test_folder_may_have_a_name_that_is_a_pattern(tmp_path, name):
  run = tmp_path / name
  networks, resumed = learners.make_networks(), learners.make_networks()
  learner = learners.make_learner(networks, checkpoint_directory=str(run))
  for _ in range(2):
    learner.step()
    assert learner.save()
  folder = run / 'checkpoints' / 'learner'
  assert learner._checkpointer.directory == str(folder)
  # The one before is removed.
  assert [path.stem for path in folder.glob('*.index')] == ['ckpt-3']
  assert [path.name for path in tmp_path.iterdir()] == [name]

  learners.make_learner(resumed, checkpoint_directory=str(run))
  learners.assert_close(
    learners.variables(resumed), learners.variables(networks), rtol=0
  )
  # Nor do messages tell of another folder.
  with pytest.raises(ValueError, match='is of another network') as error:
    learners.make_learner(
      learners.make_networks((8,)), checkpoint_directory=str(run)
    )
  assert f'The checkpoint {folder}/ckpt-3 is' in str(error.value)
  assert '/proc/self' not in str(error.value)


def test_checkpoint_of_another_network_is_refused(tmp_path):
  learner = learners.make_learner(checkpoint_directory=str(tmp_path))
  learner.step()
  assert learner.save()
  before = _contents(tmp_path)
  for layer_sizes in ((8,), (8, 8)):
    with pytest.raises(ValueError, match='is of another network'):
      learners.make_learner(
        learners.make_networks(layer_sizes), checkpoint_directory=str(tmp_path)
      )
  assert _contents(tmp_path) == before


def test_checkpoint_that_cannot_be_written_leaves_the_last(tmp_path):
  learner = learners.make_learner(checkpoint_directory=str(tmp_path))
  learner.step()
  assert learner.save()
  before = tf.train.latest_checkpoint(tmp_path / 'checkpoints' / 'learner')
  contents = {
    p: content
    for p, content in _contents(tmp_path).items()
    if str(p).startswith(before)
  }
  assert contents

  limits = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
  try:
    with pytest.raises(OSError, match='is untouched'):
      learner.save()
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)

  assert _contents(tmp_path).items() >= contents.items()
  resumed = learners.make_learner(checkpoint_directory=str(tmp_path))
  assert resumed._num_steps.numpy() == 1
