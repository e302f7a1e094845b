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

"""Tests of policies as SavedModels."""

import subprocess
import sys

from acme.agents.tf import actors
import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf

from acme_metamimic import networks
from acme_metamimic import specs as specs_lib
from acme_metamimic.tf import snapshots
from tests.acme_metamimic import fakes

_SPEC = fakes.imitation_spec()

# Runs where this package cannot be found.
_LOAD = """
import importlib.util, sys
import numpy as np
import tensorflow as tf
assert importlib.util.find_spec('acme_metamimic') is None
policy = tf.saved_model.load(sys.argv[1])
(signature,), _ = policy.__call__.concrete_functions[0].structured_input_signature
batch = tf.nest.map_structure(
  lambda s: np.full((3, *s.shape[1:]), 0.5, s.dtype.as_numpy_dtype), signature)
np.save(sys.argv[2], policy(batch).numpy())
"""


@pytest.fixture
def policy():
  made = networks.make_imitation_networks(
    _SPEC, policy_layer_sizes=(8, 8), critic_layer_sizes=(8, 8)
  )
  made.init(_SPEC)
  for variable in made.policy_network.trainable_variables:
    variable.assign_add(tf.random.normal(variable.shape))
  return made.make_policy(specs_lib.imitation_spec(_SPEC))


def _observation() -> dict:
  environment = fakes.FakeEnvironment(imitation=True)
  environment.reset()
  return environment.step(np.zeros(2, np.float32)).observation


def test_acmes_actor_runs_a_loaded_policy(policy, tmp_path):
  path = snapshots.export_policy(policy, str(tmp_path / 'policy'))
  loaded = actors.FeedForwardActor(tf.saved_model.load(path))
  np.testing.assert_allclose(
    loaded.select_action(_observation()),
    actors.FeedForwardActor(policy).select_action(_observation()),
    rtol=1e-6,
  )


@pytest.mark.slow
def test_loads_without_this_package(policy, tmp_path):
  path = snapshots.export_policy(policy, str(tmp_path / 'policy'))
  output = tmp_path / 'actions.npy'
  subprocess.run(
    [sys.executable, '-c', _LOAD, path, str(output)],
    cwd=tmp_path,
    check=True,
    capture_output=True,
  )
  actions = np.load(output)
  assert actions.shape == (3, 2)
  np.testing.assert_array_equal(actions[0], actions[2])
  assert np.any(actions != 0.0)


def test_a_new_export_replaces_the_old_one(policy, tmp_path):
  path = snapshots.export_policy(policy, str(tmp_path / 'policy'))
  for variable in policy.trainable_variables:
    variable.assign_add(tf.random.normal(variable.shape))
  (tmp_path / 'policy.123.tmp').mkdir()  # Of a process that was killed.
  snapshots.export_policy(policy, path)
  loaded = actors.FeedForwardActor(tf.saved_model.load(path))
  np.testing.assert_allclose(
    loaded.select_action(_observation()),
    actors.FeedForwardActor(policy).select_action(_observation()),
    rtol=1e-6,
  )
  assert [p.name for p in tmp_path.iterdir()] == ['policy']


def test_a_snapshot_holds_what_was_learned_when_it_is_written(policy, tmp_path):
  snapshot = snapshots.PolicySnapshot(policy)
  for variable in policy.trainable_variables:
    variable.assign_add(tf.random.normal(variable.shape))
  path = snapshot.write(snapshots.policy_path(str(tmp_path), 'imitation'))
  assert path == str(tmp_path / 'policies' / 'imitation_policy')
  loaded = actors.FeedForwardActor(tf.saved_model.load(path))
  np.testing.assert_allclose(
    loaded.select_action(_observation()),
    actors.FeedForwardActor(policy).select_action(_observation()),
    rtol=1e-6,
  )


def test_policy_without_variables_is_refused(tmp_path):
  with pytest.raises(ValueError, match='create_variables'):
    snapshots.export_policy(snt.Linear(3), str(tmp_path / 'policy'))
  assert not list(tmp_path.iterdir())
