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
"""Tests of policies that a run has exported."""

from acme import specs
import numpy as np
import pytest

import acme_metamimic
from acme_metamimic import specs as specs_lib
from acme_metamimic.tf import snapshots
from experiments import exported_policy
from tests.acme_metamimic import fakes

_SPEC = fakes.imitation_spec()


@pytest.fixture(scope='module')
def path(tmp_path_factory) -> str:
  """A policy that sees `body` alone; its critic saw `blocks` as well."""
  networks = acme_metamimic.make_imitation_networks(
    _SPEC,
    policy_layer_sizes=(4,),
    critic_layer_sizes=(4,),
    policy_keys=('body',),
    critic_keys=('body', 'blocks'),
  )
  networks.init(_SPEC)
  policy = networks.make_policy(specs_lib.imitation_spec(_SPEC))
  return snapshots.export_policy(
    policy, str(tmp_path_factory.mktemp('policies') / 'imitation_policy')
  )


@pytest.fixture(scope='module')
def policy(path) -> exported_policy.ExportedPolicy:
  return exported_policy.ExportedPolicy(path)


def test_it_is_shown_what_it_takes(policy):
  policy.check(_SPEC.observations)
  observation = fakes.FakeEnvironment(imitation=True).reset().observation
  action = policy(observation)
  assert action.shape == (2,)
  blind = {**observation, 'blocks': observation['blocks'] + 1.0}
  np.testing.assert_array_equal(policy(blind), action)
  seen = {**observation, 'body': observation['body'] + 1.0}
  assert np.any(policy(seen) != action)


@pytest.mark.parametrize(
  ('body', 'shown'),
  [
    (None, 'no such thing'),
    (specs.Array((4,), np.float32), r'float32\[4\]'),
    (specs.Array((3,), np.float64), r'float64\[3\]'),
  ],
)
def test_other_observations_are_named(policy, body, shown):
  observations = {**_SPEC.observations, 'body': body}
  if body is None:
    del observations['body']
  with pytest.raises(
    exported_policy.PolicyError,
    match=rf"takes 'body' as float32\[3\], and .* shows {shown}: .*another run",
  ):
    policy.check(observations)


def test_what_is_no_policy_is_named(tmp_path):
  with pytest.raises(
    exported_policy.PolicyError, match='no policy that can be'
  ):
    exported_policy.ExportedPolicy(str(tmp_path))
