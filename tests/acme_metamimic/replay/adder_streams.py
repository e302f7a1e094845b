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
"""Random streams for an adder, and the items that it makes of them."""

from collections.abc import Iterable, Sequence
from typing import Any

from acme import specs
import dm_env
import numpy as np
import reverb
import tree

from acme_metamimic.replay import adders

STREAMS = ('imitation', 'task')

# How an episode ends: the last discount of the imitation and the task stream.
EARLY_TERMINATION = (0.0, 1.0)
TRUNCATION = (1.0, 1.0)
TERMINATION = (0.0, 0.0)

# (number of steps, end) of the episodes, one after the other. The shortest are
# shorter than the longest n-step.
EPISODES = (
  (7, EARLY_TERMINATION),
  (1, TRUNCATION),
  (2, EARLY_TERMINATION),
  (12, TERMINATION),
  (4, TRUNCATION),
)

Step = tuple[np.ndarray, dm_env.TimeStep]


def environment_spec() -> specs.EnvironmentSpec:
  frame = {
    'body': specs.Array((3,), np.float32),
    'image': specs.Array((4, 4, 3), np.uint8),
  }
  scalars = {stream: specs.Array((), np.float32) for stream in STREAMS}
  return specs.EnvironmentSpec(
    observations={**frame, 'goal': frame},
    actions=specs.BoundedArray((2,), np.float32, -1.0, 1.0),
    rewards=scalars,
    discounts=scalars,
  )


def task_environment_spec() -> specs.EnvironmentSpec:
  spec = environment_spec()
  return specs.EnvironmentSpec(
    observations={k: v for k, v in spec.observations.items() if k != 'goal'},
    actions=spec.actions,
    rewards=spec.rewards['task'],
    discounts=spec.discounts['task'],
  )


def random_frame(random_state: np.random.RandomState) -> dict[str, Any]:
  return {
    'body': random_state.randn(3).astype(np.float32),
    'image': random_state.randint(256, size=(4, 4, 3)).astype(np.uint8),
  }


def streams(values: Iterable[float]) -> dict[str, np.ndarray]:
  return {
    stream: np.asarray(value, np.float32)
    for stream, value in zip(STREAMS, values, strict=True)
  }


def random_episode(
  random_state: np.random.RandomState,
  num_steps: int,
  end: tuple[float, float] = EARLY_TERMINATION,
) -> tuple[dm_env.TimeStep, list[Step]]:
  """An episode of an imitation environment with random content."""

  def observation() -> dict[str, Any]:
    goal = random_frame(random_state)
    return {**random_frame(random_state), 'goal': goal}

  first = dm_env.TimeStep(dm_env.StepType.FIRST, None, None, observation())
  steps = []
  for i in range(1, num_steps + 1):
    is_last = i == num_steps
    timestep = dm_env.TimeStep(
      step_type=dm_env.StepType.LAST if is_last else dm_env.StepType.MID,
      reward=streams(random_state.randn(2)),
      # Discounts other than one, for a test that notices their order.
      discount=streams(end if is_last else random_state.uniform(0.5, 1, 2)),
      observation=observation(),
    )
    action = random_state.uniform(-1, 1, 2).astype(np.float32)
    steps.append((action, timestep))
  return first, steps


def split(timestep: dm_env.TimeStep, stream: str) -> dm_env.TimeStep:
  """What an adder of Acme's is to be given for one stream."""
  observation = dict(timestep.observation)
  if stream == 'task':
    del observation['goal']
  if timestep.first():
    return timestep._replace(observation=observation)
  return timestep._replace(
    observation=observation,
    reward=timestep.reward[stream],
    discount=timestep.discount[stream],
  )


def make_adder(client: reverb.Client, **kwargs: Any) -> adders.DualStreamAdder:
  kwargs = {
    'imitation_n_step': 3,
    'imitation_discount': 0.9,
    'task_n_step': 3,
    'task_discount': 0.99,
    **kwargs,
  }
  return adders.DualStreamAdder(client, **kwargs)


def add_episode(
  adder: Any, episode: tuple[dm_env.TimeStep, list[Step]], extras: Any = ()
) -> None:
  first, steps = episode
  adder.add_first(first)
  for action, timestep in steps:
    adder.add(action, timestep, extras)


def items(client: reverb.Client, table: str) -> list[reverb.ReplaySample]:
  """All items of a table, in the order of their insertion."""
  size = client.server_info()[table].current_size
  if not size:
    return []
  return list(client.sample(table, num_samples=size, emit_timesteps=False))


def transitions(client: reverb.Client, stream: str, table: str) -> list[Any]:
  signature = adders.DualStreamAdder.signature(environment_spec())[stream]
  return [
    tree.unflatten_as(signature, tree.flatten(item.data))
    for item in items(client, table)
  ]


def assert_identical(actual: Sequence[Any], expected: Sequence[Any]) -> None:
  assert len(actual) == len(expected)
  for actual_item, expected_item in zip(actual, expected, strict=True):
    tree.assert_same_structure(actual_item, expected_item)
    for (path, a), b in zip(
      tree.flatten_with_path(actual_item),
      tree.flatten(expected_item),
      strict=True,
    ):
      assert a.dtype == b.dtype, path
      np.testing.assert_array_equal(a, b, err_msg=str(path))
