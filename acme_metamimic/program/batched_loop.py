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

"""An environment loop for several environments that share each policy call."""

import operator
import time
from typing import Any, Dict, List, Optional, Sequence

from acme import adders as acme_adders
from acme import core
from acme.tf import variable_utils
from acme.utils import counting
from acme.utils import loggers
from acme.utils import signals
import dm_env
import numpy as np
import sonnet as snt
import tensorflow as tf
import tensorflow_probability as tfp
import tree

from acme_metamimic.program import observers
from acme_metamimic.tf import traced_function


class BatchedEnvironmentLoop(core.Worker):
  """Acme's environment loop for several environments side by side.

  The paper has a process for each environment. A process that imports the
  libraries takes some 400 MB, and a call of a small policy takes about as long
  for ten observations as for one. The replay gets the same: each environment has
  an adder of its own, and its episodes begin and end as if it were alone.
  """

  def __init__(
    self,
    environments: Sequence[dm_env.Environment],
    policy_network: snt.Module,
    adders: Sequence[acme_adders.Adder],
    *,
    variable_client: Optional[variable_utils.VariableClient] = None,
    counter: Optional[counting.Counter] = None,
    logger: Optional[loggers.Logger] = None,
  ):
    """Initializes the loop.

    Args:
      environments: environments to step, all with the same specs.
      policy_network: policy, from batched observations to batched actions or
        their distribution.
      adders: adder of each environment, in the order of the environments.
      variable_client: client that keeps the policy's variables up to date, asked
        once in each call of `step`; None if the variables do not change.
      counter: counter of `steps` and `episodes`, over all environments.
      logger: logger that receives the length, return and speed of each episode;
        None logs nothing.

    Raises:
      ValueError: if there are no environments, or not as many adders.
    """
    if not environments or len(environments) != len(adders):
      raise ValueError(
        f'{len(environments)} environments and {len(adders)} adders: give one '
        'environment at least, and an adder for each.'
      )
    self._environments = list(environments)
    self._adders = list(adders)
    self._variable_client = variable_client
    self._counter = counter or counting.Counter()
    self._logger = logger
    self._timesteps: List[dm_env.TimeStep] = []
    self._episodes = [_Episode() for _ in environments]

    def act(observation: Any) -> tf.Tensor:
      action = policy_network(observation)
      if isinstance(action, tfp.distributions.Distribution):
        return action.sample()
      return action

    self._act = traced_function.TracedFunction(act)

  def reset(self) -> None:
    """Starts an episode in each environment."""
    self._timesteps = [self._start(i) for i in range(len(self._environments))]

  def step(self) -> None:
    """Takes one step in each environment, and starts episodes that are due."""
    if not self._timesteps:
      self.reset()
    actions = self.select_actions([t.observation for t in self._timesteps])
    for index, action in enumerate(actions):
      timestep = self._environments[index].step(action)
      self._adders[index].add(action, timestep)
      self._episodes[index].add(timestep)
      if timestep.last():
        self._log(index)
        timestep = self._start(index)
      self._timesteps[index] = timestep
    if self._variable_client is not None:
      self._variable_client.update()

  def select_actions(self, observations: Sequence[Any]) -> np.ndarray:
    """Selects the actions of all environments in one call of the policy.

    Args:
      observations: observation of each environment, without batch dimensions.

    Returns:
      Actions, float32[N, A], for N environments.
    """
    batch = tree.map_structure(lambda *leaves: np.stack(leaves), *observations)
    return self._act(batch).numpy()

  def run(self) -> None:
    """Steps all environments until the program stops."""
    with signals.runtime_terminator():
      while True:
        self.step()

  def _start(self, index: int) -> dm_env.TimeStep:
    """Starts an episode in one environment and returns its first timestep."""
    self._episodes[index] = _Episode()
    timestep = self._environments[index].reset()
    self._adders[index].add_first(timestep)
    return timestep

  def _log(self, index: int) -> None:
    """Counts and logs the finished episode of one environment."""
    episode = self._episodes[index]
    counts = self._counter.increment(episodes=1, steps=episode.length)
    if self._logger is not None:
      metrics = observers.divergences(self._environments[index])
      self._logger.write({**episode.result(), **metrics, **counts})


class _Episode:
  """Results of one episode, as Acme's environment loop logs them.

  Attributes:
    length: number of steps so far.
  """

  def __init__(self) -> None:
    self.length = 0
    self._return: Any = None
    self._started = time.monotonic()

  def add(self, timestep: dm_env.TimeStep) -> None:
    """Adds a timestep after the first."""
    self.length += 1
    if self._return is None:
      # A copy, as what an environment returns is its own.
      self._return = tree.map_structure(np.float64, timestep.reward)
    else:
      self._return = tree.map_structure(
        operator.add, self._return, timestep.reward
      )

  def result(self) -> Dict[str, Any]:
    """Returns the length, the return by stream, and the steps per second."""
    seconds = time.monotonic() - self._started
    return {
      'episode_length': self.length,
      'episode_return': self._return,
      'steps_per_second': self.length / max(seconds, 1e-9),
    }
