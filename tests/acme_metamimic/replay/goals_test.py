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
"""Tests of goals that are kept as references into the demonstrations."""

from typing import Any

import dm_env
import numpy as np
import pytest
import reverb
import tensorflow as tf
import tree

from acme_metamimic import agent as agent_lib
from acme_metamimic import builder as builder_lib
from acme_metamimic import config as config_lib
from acme_metamimic import specs as specs_lib
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.replay import goals
from tests.acme_metamimic import fakes
from tests.acme_metamimic.replay import adder_streams

_LENGTHS = (5, 3, 7)


def _demonstrations(seed: int = 0) -> list[dict[str, np.ndarray]]:
  random_state = np.random.RandomState(seed)
  return [
    {
      key: np.stack(frames)
      for key, frames in _columns(
        [adder_streams.random_frame(random_state) for _ in range(length)]
      ).items()
    }
    for length in _LENGTHS
  ]


def _columns(frames: list[dict[str, Any]]) -> dict[str, list[Any]]:
  return {key: [frame[key] for frame in frames] for key in frames[0]}


def _episode(
  demonstrations: list[dict[str, np.ndarray]], index: int
) -> tuple[dm_env.TimeStep, list[adder_streams.Step]]:
  """An episode whose goals are a demonstration's frames."""
  last = _LENGTHS[index] - 1
  first, steps = adder_streams.random_episode(
    np.random.RandomState(index), last
  )

  def follow(timestep: dm_env.TimeStep, step: int) -> dm_env.TimeStep:
    step = min(step + 1, last)
    goal = {k: v[step] for k, v in demonstrations[index].items()}
    reference = np.array((index, step), np.int32)
    return timestep._replace(
      observation={
        **timestep.observation,
        'goal': goal,
        'goal_reference': reference,
      }
    )

  return follow(first, 0), [
    (action, follow(timestep, i + 1))
    for i, (action, timestep) in enumerate(steps)
  ]


def _spec() -> Any:
  spec = adder_streams.environment_spec()
  return spec._replace(
    observations={**spec.observations, 'goal_reference': goals.REFERENCE_SPEC}
  )


class _Memory:
  """Both tables of a builder on a server."""

  def __init__(self, goal_frames: Any) -> None:
    half: Any = {
      'batch_size': 4,
      'min_replay_size': 1,
      'max_replay_size': 100,
      'num_parallel_samplers': 1,
    }
    self.builder = builder_lib.MetaMimicBuilder(
      config_lib.MetaMimicConfig(
        imitation=d4pg_config.D4PGConfig(replay_table_name='imitation', **half),
        task=d4pg_config.D4PGConfig(**half),
      ),
      goal_frames=goal_frames,
    )
    self._server = reverb.Server(self.builder.make_replay_tables(_spec()))
    self.client = reverb.Client(f'localhost:{self._server.port}')
    self.adder = self.builder.imitation.make_adder(self.client)

  def unique_items(self, half: str, num_batches: int = 40) -> list[Any]:
    """The items that a learner sees, in an order that is the same for all."""
    make = {
      'imitation': self.builder.imitation.make_dataset_iterator,
      'task': self.builder.task.make_dataset_iterator,
    }[half]
    batches = make(self.client)
    items = {}
    for _ in range(num_batches):
      data = tree.map_structure(lambda x: x.numpy(), next(batches).data)
      for i in range(4):
        item = tree.map_structure(lambda x, i=i: x[i], data)
        span = item.observation['body'], item.next_observation['body']
        items[tuple(body.tobytes() for body in span)] = item
    return [items[key] for key in sorted(items)]


@pytest.mark.slow
def test_learners_see_the_same_with_references_and_without():
  demonstrations = _demonstrations()
  memories = [_Memory(goals.GoalFrames(demonstrations)), _Memory(None)]
  for memory in memories:
    for index in (2, 0, 1):
      adder_streams.add_episode(memory.adder, _episode(demonstrations, index))
  for half in ('imitation', 'task'):
    with_references, without = [m.unique_items(half) for m in memories]
    # For 4, 2 and 6 steps: one item a step, and the shorter ones at the end.
    assert len(without) == (4 + 3) + (2 + 1) + (6 + 4)
    adder_streams.assert_identical(with_references, without)


@pytest.mark.slow
def test_the_table_keeps_the_reference_alone():
  demonstrations = _demonstrations()
  memory = _Memory(goals.GoalFrames(demonstrations))
  adder_streams.add_episode(memory.adder, _episode(demonstrations, 0))
  (sample,) = memory.client.sample('imitation', 1, emit_timesteps=False)
  # Body, goal and image of both observations; action, reward and discount.
  assert len(sample.data) == 2 * 3 + 3
  assert sample.data[1].dtype == np.int32
  assert sample.data[1].shape == (2,)


def test_lookup_of_batches_and_beyond_the_end():
  demonstrations = _demonstrations()
  frames = goals.GoalFrames(demonstrations)
  reference = tf.constant([[[0, 0], [2, 6]], [[1, 1], [1, 99]]], tf.int32)
  found = frames.lookup(reference)
  for key, values in found.items():
    expected = [
      [demonstrations[0][key][0], demonstrations[2][key][6]],
      [demonstrations[1][key][1], demonstrations[1][key][2]],
    ]
    np.testing.assert_array_equal(values, expected)


def test_adder_wants_a_reference_to_a_demonstration():
  demonstrations = _demonstrations()
  memory = _Memory(goals.GoalFrames(demonstrations))
  first, _ = _episode(demonstrations, 0)
  foreign = {
    **first.observation,
    'goal_reference': np.array((-1, 1), np.int32),
  }
  with pytest.raises(ValueError, match=r'goal_reference \[-1, 1\] is to none'):
    memory.adder.add_first(first._replace(observation=foreign))
  plain, _ = adder_streams.random_episode(np.random.RandomState(0), 2)
  with pytest.raises(ValueError, match='goal_reference'):
    memory.adder.add_first(plain)


def test_spec_without_references_is_refused():
  builder = builder_lib.MetaMimicBuilder(
    goal_frames=goals.GoalFrames(_demonstrations())
  )
  with pytest.raises(ValueError, match=r"'goal_reference' is None.*int32\[2\]"):
    builder.make_replay_tables(adder_streams.environment_spec())


def test_frames_of_another_form_are_refused():
  frames = goals.GoalFrames([{'body': np.zeros((2, 3), np.float32)}])
  with pytest.raises(ValueError, match='give GoalFrames the frames'):
    builder_lib.MetaMimicBuilder(goal_frames=frames).make_replay_tables(_spec())


@pytest.mark.parametrize(
  ('demonstrations', 'message'),
  [
    ([], 'no demonstrations'),
    ([{'a': np.zeros(2)}, {'b': np.zeros(2)}], 'demonstration 1 has the keys'),
    ([{'a': np.zeros(2), 'b': np.zeros(3)}], 'demonstration 0 has .*frames'),
    ([{'a': np.zeros(0)}], 'demonstration 0 has .*at least one'),
  ],
)
def test_bad_demonstrations_are_refused(demonstrations, message):
  with pytest.raises(ValueError, match=message):
    goals.GoalFrames(demonstrations)


@pytest.mark.slow
def test_policies_do_not_see_the_reference():
  spec = fakes.imitation_spec()
  agent = agent_lib.MetaMimic(
    spec._replace(
      observations={**spec.observations, 'goal_reference': goals.REFERENCE_SPEC}
    ),
    config=config_lib.MetaMimicConfig(),
    logger_factory=lambda _: fakes.RecordingLogger(),
  )
  observation = fakes.FakeEnvironment(imitation=True).reset().observation
  actions = [
    agent.imitation_policy(
      {**observation, 'goal_reference': np.array(reference, np.int32)}
    )
    for reference in ((0, 1), (3, 7))
  ]
  np.testing.assert_array_equal(*actions)
  agent.close()


def test_views_of_the_halves_leave_the_reference_out():
  for view in (specs_lib.imitation_spec, specs_lib.task_spec):
    assert 'goal_reference' not in view(_spec()).observations
