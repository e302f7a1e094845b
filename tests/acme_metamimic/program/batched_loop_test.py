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

from typing import Any, Dict, List

from acme.utils import counting
from acme.utils import loggers
import dm_env
import numpy as np
import pytest
import sonnet as snt
import tensorflow as tf

from acme_metamimic.program import batched_loop
from tests.acme_metamimic import fakes


class _Adder:
  """Keeps what it is given."""

  def __init__(self) -> None:
    self.episodes: List[List[Any]] = []

  def add_first(self, timestep: dm_env.TimeStep) -> None:
    self.episodes.append([timestep])

  def add(self, action: np.ndarray, next_timestep: dm_env.TimeStep) -> None:
    self.episodes[-1] += [action, next_timestep]


class _Logger(loggers.Logger):
  """Keeps what it is given, nested returns included."""

  def __init__(self) -> None:
    self.records: List[Dict[str, Any]] = []

  def write(self, data: loggers.LoggingData) -> None:
    self.records.append(dict(data))

  def close(self) -> None:
    pass


class CountedPolicy(snt.Module):
  """Acts by the observation; counts its calls."""

  def __init__(self) -> None:
    super().__init__()
    self.calls = tf.Variable(0)

  def __call__(self, observation: Any) -> tf.Tensor:
    self.calls.assign_add(1)
    return tf.tanh(observation['body'][:, :2])


def _make(lengths: List[int], **kwargs: Any):
  policy, adders = CountedPolicy(), [_Adder() for _ in lengths]
  environments = [
    fakes.FakeEnvironment(True, length, seed)
    for seed, length in enumerate(lengths)
  ]
  loop = batched_loop.BatchedEnvironmentLoop(
    environments, policy, adders, **kwargs
  )
  return loop, policy, adders


def test_each_environment_has_its_own_episodes_and_actions():
  loop, policy, adders = _make([3, 5])
  for _ in range(7):
    loop.step()
  assert int(policy.calls) == 7, 'One call for both environments.'
  assert [len(a.episodes) for a in adders] == [3, 2]
  for adder, length in zip(adders, (3, 5)):
    first = adder.episodes[0]
    assert len(first) == 1 + 2 * length
    assert first[0].first()
    assert first[-1].last()
    for before, action in zip(first[:-1:2], first[1::2]):
      np.testing.assert_allclose(
        action, np.tanh(before.observation['body'][:2]), rtol=1e-6
      )


def test_counts_and_logs_episodes_as_acmes_loop_does():
  logger, counter = _Logger(), counting.Counter(prefix='actor')
  loop, _, adders = _make([4, 4], counter=counter, logger=logger)
  for _ in range(4):
    loop.step()
  assert counter.get_counts() == {'actor_episodes': 2, 'actor_steps': 8}
  assert len(logger.records) == 2
  rewards = [t.reward['task'] for t in adders[0].episodes[0][2::2]]
  record = logger.records[0]
  assert record['episode_length'] == 4
  np.testing.assert_allclose(
    record['episode_return']['task'], np.sum(rewards), rtol=1e-6
  )
  assert record['steps_per_second'] > 0.0


def test_needs_an_adder_for_each_environment():
  with pytest.raises(ValueError, match='0 environments and 0 adders'):
    _make([])
  environment = fakes.FakeEnvironment(True)
  with pytest.raises(ValueError, match='1 environments and 0 adders'):
    batched_loop.BatchedEnvironmentLoop([environment], CountedPolicy(), [])
