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
"""Fixtures that the tests of the environments share.

Recording takes a second, so a few demonstrations serve all tests; no test may
change them. The same holds for the environment: each test that takes it begins
with a reset of its own.
"""

from collections.abc import Iterator, Sequence

import pytest

from environments import block_stacking
from environments import demonstrations
from environments import state_environment
from environments.block_stacking import demonstrators
from environments.demonstrations import recording

FEATURES = ('body', 'blocks')


@pytest.fixture(scope='session')
def features() -> Iterator[state_environment.StateEnvironment]:
  """Block stacking with 'body' and 'blocks'."""
  environment = block_stacking.load(FEATURES, seed=0)
  yield environment
  environment.close()


def _record(
  environment: state_environment.StateEnvironment, style: str, number: int
) -> Sequence[demonstrations.Demonstration]:
  style_of_name = demonstrators.STYLES[style]
  return list(recording.record(environment, style_of_name, number, seed=0))


@pytest.fixture(scope='session')
def training(features) -> Sequence[demonstrations.Demonstration]:
  """Three demonstrations of the first demonstrator."""
  return _record(features, 'brisk', 3)


@pytest.fixture(scope='session')
def validation(features) -> Sequence[demonstrations.Demonstration]:
  """Three demonstrations of the second demonstrator."""
  return _record(features, 'careful', 3)
