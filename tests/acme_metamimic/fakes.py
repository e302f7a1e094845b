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

"""A small environment of the specs that MetaMimic expects, and its data."""

from typing import Any, Dict, Iterator, List, Optional

import acme
from acme import specs
from acme import types
from acme.utils import loggers
import dm_env
import numpy as np
import reverb
import tensorflow as tf
import tree

_SHAPES = {'body': (3,), 'blocks': (2,)}
_NUM_ACTIONS = 2


class FakeEnvironment(dm_env.Environment):
  """Random observations; with `goal` and two streams, or the task's alone."""

  def __init__(self, imitation: bool, episode_length: int = 10, seed: int = 0):
    self._imitation = imitation
    self._episode_length = episode_length
    self._random_state = np.random.RandomState(seed)
    self._num_steps = 0

  def reset(self) -> dm_env.TimeStep:
    self._num_steps = 0
    return dm_env.TimeStep(
      dm_env.StepType.FIRST, None, None, self._observation()
    )

  def step(self, action: np.ndarray) -> dm_env.TimeStep:
    assert np.all(np.abs(action) <= 1.0)
    self._num_steps += 1
    last = self._num_steps >= self._episode_length
    return dm_env.TimeStep(
      dm_env.StepType.LAST if last else dm_env.StepType.MID,
      self._streams(np.float32(self._random_state.uniform())),
      self._streams(np.float32(1.0)),
      self._observation(),
    )

  def observation_spec(self) -> Dict[str, Any]:
    frame = {
      key: specs.Array(shape, np.float32, key) for key, shape in _SHAPES.items()
    }
    return {**frame, 'goal': dict(frame)} if self._imitation else frame

  def action_spec(self) -> specs.BoundedArray:
    return specs.BoundedArray((_NUM_ACTIONS,), np.float32, -1.0, 1.0)

  def reward_spec(self) -> types.NestedSpec:
    return self._streams(specs.Array((), np.float32))

  def discount_spec(self) -> types.NestedSpec:
    return self._streams(specs.BoundedArray((), np.float32, 0.0, 1.0))

  def _observation(self) -> types.NestedArray:
    return tree.map_structure(
      lambda spec: self._random_state.randn(*spec.shape).astype(spec.dtype),
      self.observation_spec(),
    )

  def _streams(self, value: Any) -> Any:
    return {'imitation': value, 'task': value} if self._imitation else value


class RecordingLogger(loggers.Logger):
  """Keeps what it is given, as numbers."""

  def __init__(self) -> None:
    self.records: List[Dict[str, float]] = []

  def write(self, data: loggers.LoggingData) -> None:
    self.records.append({key: float(value) for key, value in data.items()})

  def close(self) -> None:
    pass


def imitation_spec() -> specs.EnvironmentSpec:
  return acme.make_environment_spec(FakeEnvironment(imitation=True))


def task_spec() -> specs.EnvironmentSpec:
  return acme.make_environment_spec(FakeEnvironment(imitation=False))


def add_episode(adder: Any, imitation: bool, episode_length: int = 6) -> None:
  """Records an episode of the fake environment with an adder."""
  environment = FakeEnvironment(imitation, episode_length)
  timestep = environment.reset()
  adder.add_first(timestep)
  while not timestep.last():
    action = np.zeros(2, np.float32)
    timestep = environment.step(action)
    adder.add(action, timestep)


def make_samples(
  spec: specs.EnvironmentSpec, num_samples: int, seed: int = 0
) -> reverb.ReplaySample:
  """Returns random samples of a half's table, stacked."""
  random_state = np.random.RandomState(seed)

  def observations() -> types.NestedArray:
    return tree.map_structure(
      lambda s: random_state.randn(num_samples, *s.shape).astype(np.float32),
      spec.observations,
    )

  data = types.Transition(
    observation=observations(),
    action=random_state.uniform(-1, 1, (num_samples, _NUM_ACTIONS)).astype(
      np.float32
    ),
    reward=random_state.uniform(-1, 3, num_samples).astype(np.float32),
    discount=random_state.randint(2, size=num_samples).astype(np.float32),
    next_observation=observations(),
  )
  probability = random_state.uniform(0.1, 1.0, num_samples)
  info = reverb.SampleInfo(
    key=np.arange(num_samples, dtype=np.uint64),
    probability=probability / probability.sum(),
    table_size=np.full(num_samples, num_samples, np.int64),
    priority=np.ones(num_samples),
  )
  return reverb.ReplaySample(info=info, data=data)


def make_iterator(
  samples: reverb.ReplaySample, batch_size: int, skip: int = 0
) -> Iterator[reverb.ReplaySample]:
  """Returns batches in order, without end, from the batch number `skip` on."""
  dataset = tf.data.Dataset.from_tensor_slices(samples)
  return iter(
    dataset.batch(batch_size, drop_remainder=True).repeat().skip(skip)
  )


def run_episodes(
  loop: acme.EnvironmentLoop, num_episodes: int, errors: Optional[list] = None
) -> None:
  """Runs episodes, keeping an exception for the thread that started it."""
  try:
    for _ in range(num_episodes):
      loop.run_episode()
  except Exception as error:
    if errors is None:
      raise
    errors.append(error)
