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

"""A learner whose steps run beside the thread that asks for them."""

from concurrent import futures
from typing import List, Optional

from acme import core
from acme import types


class BackgroundLearner(core.Learner):
  """Runs a learner's steps in a thread of its own, one at a time.

  Where an actor and its learner share a process, the one can act while the other
  learns: a step begins when it is asked for, and is waited for when the next one
  is. So there are as many steps for each observation as without, and the last
  one may still be under way.
  """

  def __init__(self, learner: core.Learner):
    """Initializes the learner.

    Args:
      learner: learner whose steps are run, already traced.
    """
    self._learner = learner
    self._executor = futures.ThreadPoolExecutor(1, 'learner')
    self._under_way: Optional[futures.Future] = None

  def step(self) -> None:
    """Begins a step, once the one before has ended.

    Raises:
      Exception: what the step before has raised.
    """
    self.wait()
    self._under_way = self._executor.submit(self._learner.step)

  def wait(self) -> None:
    """Waits for the end of the step that is under way, if there is one.

    Raises:
      Exception: what the step has raised.
    """
    under_way, self._under_way = self._under_way, None
    if under_way is not None:
      under_way.result()

  def get_variables(self, names: List[str]) -> List[types.NestedArray]:
    """Returns the learner's variables.

    Args:
      names: names of the variables.
    """
    return self._learner.get_variables(names)
