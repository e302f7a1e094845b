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
"""What MetaMimic asks of a learner beyond Acme's `core.Learner`.

Each is optional: a learner of Acme's own, which has none of them, runs in either
half. Nodes and agents call the functions here, which know the defaults.
"""

from typing import Any, List, Optional, Protocol, Sequence

from acme import core
import numpy as np
import sonnet as snt

# Acme's name for the variables of the policy that actors follow.
POLICY = 'policy'
# Name of the variables of the policy that evaluators follow.
EVALUATION_POLICY = 'evaluation_policy'


class ExtendedLearner(Protocol):
  """All that a learner may have on top of Acme's; `D4PGLearner` has it."""

  @property
  def evaluation_policy(self) -> snt.Module:
    """Policy that maps observations to actions, to be evaluated."""

  def trace(self) -> None:
    """Traces the TensorFlow functions that `step` runs, and runs none."""

  def save(self) -> bool:
    """Writes a checkpoint now, and returns whether one was written."""

  def close(self) -> None:
    """Ends the learner's threads."""


def evaluation_policy(learner: core.Learner) -> Optional[snt.Module]:
  """Returns the policy that a learner wants to be evaluated by.

  Args:
    learner: learner of either half.

  Returns:
    The policy; None if the learner has none of its own, and the networks' policy
    without noise is the one to evaluate.
  """
  return getattr(learner, 'evaluation_policy', None)


def get_variables(
  learner: core.Learner, names: Sequence[str]
) -> List[List[np.ndarray]]:
  """Returns a learner's variables.

  Args:
    learner: learner of either half.
    names: names of collections; a learner without an evaluation policy of its
      own gives the variables of its policy under that name.

  Returns:
    The variables of each collection.
  """
  if evaluation_policy(learner) is None:
    names = [POLICY if name == EVALUATION_POLICY else name for name in names]
  return learner.get_variables(list(names))


def trace(learner: core.Learner) -> bool:
  """Traces a learner's functions before its first step, if it can.

  Args:
    learner: learner of either half.

  Returns:
    False if it cannot: its first step traces them, and TensorFlow must not trace
    in another thread meanwhile.
  """
  return _call(learner, 'trace')


def save(learner: core.Learner) -> bool:
  """Writes a learner's checkpoint now.

  Args:
    learner: learner of either half.

  Returns:
    Whether one was written.
  """
  try:
    # Acme's `Learner` has the method and leaves it to be written.
    return bool(learner.save())
  except NotImplementedError:
    return False


def close(learner: core.Learner) -> None:
  """Ends a learner's threads, if it has any.

  Args:
    learner: learner of either half.
  """
  _call(learner, 'close')


def _call(learner: Any, name: str) -> bool:
  """Calls a method, and returns whether there is one."""
  method = getattr(learner, name, None)
  if method is None:
    return False
  method()
  return True
