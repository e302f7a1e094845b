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

"""The spec of an imitation environment, without the environment."""

from typing import Mapping

from acme import specs
import numpy as np

from acme_metamimic import specs as specs_lib

NUM_ACTIONS = 9


def make_environment_spec(
  frame: Mapping[str, specs.Array], **observations: specs.Array
) -> specs.EnvironmentSpec:
  """Returns the spec of an environment that observes frames and follows goals.

  Args:
    frame: specs of the observations of which the goals consist, too.
    **observations: specs of further observations.
  """
  scalar = specs.Array((), np.float32)
  streams = {stream: scalar for stream in specs_lib.STREAMS}
  return specs.EnvironmentSpec(
    observations={**frame, specs_lib.GOAL: dict(frame), **observations},
    actions=specs.BoundedArray((NUM_ACTIONS,), np.float32, -1.0, 1.0),
    rewards=streams,
    discounts=streams,
  )
