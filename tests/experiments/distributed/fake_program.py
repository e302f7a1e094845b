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

"""MetaMimic's program on environments that are fakes: to be built, not run."""

from typing import Any

import launchpad as lp

import acme_metamimic
from acme_metamimic.program import distributed
from tests.acme_metamimic import fakes


def make_program(**kwargs: Any) -> lp.Program:
  """Returns the program; arguments are those of `DistributedMetaMimic`."""
  return distributed.DistributedMetaMimic(
    lambda kind, seed: fakes.FakeEnvironment(True, seed=seed),
    lambda kind, seed: fakes.FakeEnvironment(False, seed=seed),
    lambda spec: (
      acme_metamimic.make_imitation_networks(spec),
      acme_metamimic.make_task_networks(spec),
    ),
    **kwargs,
  ).build()
