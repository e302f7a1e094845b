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
"""Tests of the learner that adds noise to the vectors of what it samples."""

import copy
import dataclasses

import numpy as np
import pytest

from acme_metamimic import builder as builder_lib
from acme_metamimic import config as config_lib
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from tests.acme_metamimic import fakes
from tests.acme_metamimic.d4pg import learners

_FRAME = {k: v for k, v in learners.SPEC.observations.items() if k != 'goal'}


def _scale(value: float):
  return {
    key: np.full(spec.shape, value, np.float32) for key, spec in _FRAME.items()
  }


def _updated(pair, builder):
  """Returns the networks' variables after an update."""
  networks = copy.deepcopy(pair)
  iterator = fakes.make_iterator(learners.SAMPLES, learners.BATCH_SIZE)
  builder.make_learner(networks, iterator).step()
  return learners.variables(networks)


def test_it_learns_from_noisy_vectors_in_the_units_of_the_scale():
  networks = learners.make_networks()
  config = d4pg_config.D4PGConfig(observation_noise=0.5)
  plain = _updated(networks, d4pg_builder.D4PGBuilder(d4pg_config.D4PGConfig()))
  for value, changes in ((0.0, False), (1e-6, False), (1.0, True)):
    builder = d4pg_builder.D4PGBuilder(config, noise_scale=_scale(value))
    differences = [
      np.max(np.abs(a - b))
      for a, b in zip(_updated(networks, builder), plain, strict=True)
    ]
    assert (max(differences) > 1e-5) == changes, value


@pytest.mark.parametrize('half', ['imitation', 'task'])
def test_each_half_has_the_scale_of_the_builder_and_needs_it(half):
  config = config_lib.MetaMimicConfig()
  noisy = dataclasses.replace(getattr(config, half), observation_noise=0.5)
  config = dataclasses.replace(config, **{half: noisy})
  builder_lib.MetaMimicBuilder(config, noise_scale=_scale(1.0))
  with pytest.raises(ValueError, match=r'observation_noise=0\.5 has no units'):
    builder_lib.MetaMimicBuilder(config)


@pytest.mark.parametrize('noise', [-0.1, float('nan')])
def test_noise_that_is_none_is_refused(noise):
  with pytest.raises(ValueError, match=f'observation_noise={noise} must not'):
    d4pg_config.D4PGConfig(observation_noise=noise)
