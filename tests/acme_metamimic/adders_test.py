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

"""Tests for the dual-stream adder."""

from collections.abc import Iterable, Iterator, Sequence
import pathlib
from typing import Any

from acme import specs
from acme import types
from acme.adders import reverb as reverb_adders
from acme.adders.reverb import base
import dm_env
import numpy as np
import pytest
import reverb
import tree

from acme_metamimic import adders

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


def _environment_spec() -> specs.EnvironmentSpec:
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


def _task_environment_spec() -> specs.EnvironmentSpec:
  spec = _environment_spec()
  return specs.EnvironmentSpec(
    observations={k: v for k, v in spec.observations.items() if k != 'goal'},
    actions=spec.actions,
    rewards=spec.rewards['task'],
    discounts=spec.discounts['task'],
  )


def _random_frame(random_state: np.random.RandomState) -> dict[str, Any]:
  return {
    'body': random_state.randn(3).astype(np.float32),
    'image': random_state.randint(256, size=(4, 4, 3)).astype(np.uint8),
  }


def _streams(values: Iterable[float]) -> dict[str, np.ndarray]:
  return {
    stream: np.asarray(value, np.float32)
    for stream, value in zip(STREAMS, values, strict=True)
  }


def _random_episode(
  random_state: np.random.RandomState,
  num_steps: int,
  end: tuple[float, float] = EARLY_TERMINATION,
) -> tuple[dm_env.TimeStep, list[Step]]:
  """An episode of an imitation environment with random content."""

  def observation() -> dict[str, Any]:
    goal = _random_frame(random_state)
    return {**_random_frame(random_state), 'goal': goal}

  first = dm_env.TimeStep(dm_env.StepType.FIRST, None, None, observation())
  steps = []
  for i in range(1, num_steps + 1):
    is_last = i == num_steps
    timestep = dm_env.TimeStep(
      step_type=dm_env.StepType.LAST if is_last else dm_env.StepType.MID,
      reward=_streams(random_state.randn(2)),
      # Discounts other than one, for a test that notices their order.
      discount=_streams(end if is_last else random_state.uniform(0.5, 1, 2)),
      observation=observation(),
    )
    action = random_state.uniform(-1, 1, 2).astype(np.float32)
    steps.append((action, timestep))
  return first, steps


def _split(timestep: dm_env.TimeStep, stream: str) -> dm_env.TimeStep:
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


@pytest.fixture
def client() -> Iterator[reverb.Client]:
  """A server with two tables for the adder and two to compare them with."""
  signatures = adders.DualStreamAdder.signature(_environment_spec())
  tables = [
    reverb.Table.queue(prefix + stream, 10_000, signature=signatures[stream])
    for prefix in ('', 'expected_')
    for stream in STREAMS
  ]
  server = reverb.Server(tables)
  yield reverb.Client(f'localhost:{server.port}')
  server.stop()


def _make_adder(client: reverb.Client, **kwargs: Any) -> adders.DualStreamAdder:
  kwargs = {
    'imitation_n_step': 3,
    'imitation_discount': 0.9,
    'task_n_step': 3,
    'task_discount': 0.99,
    **kwargs,
  }
  return adders.DualStreamAdder(client, **kwargs)


def _add_episode(
  adder: Any, episode: tuple[dm_env.TimeStep, list[Step]], extras: Any = ()
) -> None:
  first, steps = episode
  adder.add_first(first)
  for action, timestep in steps:
    adder.add(action, timestep, extras)


def _items(client: reverb.Client, table: str) -> list[reverb.ReplaySample]:
  """All items of a table, in the order of their insertion."""
  size = client.server_info()[table].current_size
  if not size:
    return []
  return list(client.sample(table, num_samples=size, emit_timesteps=False))


def _transitions(client: reverb.Client, stream: str, table: str) -> list[Any]:
  signature = adders.DualStreamAdder.signature(_environment_spec())[stream]
  return [
    tree.unflatten_as(signature, tree.flatten(item.data))
    for item in _items(client, table)
  ]


def _assert_identical(actual: Sequence[Any], expected: Sequence[Any]) -> None:
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


@pytest.mark.parametrize('seed', [0, 1])
@pytest.mark.parametrize(
  'n_steps', [(1, 1), (3, 3), (5, 5), (1, 5), (5, 1), (3, 5), (5, 3)]
)
def test_items_equal_those_of_two_of_acmes_adders(client, n_steps, seed):
  discounts = (0.9, 0.99)
  adder = _make_adder(
    client,
    imitation_n_step=n_steps[0],
    imitation_discount=discounts[0],
    task_n_step=n_steps[1],
    task_discount=discounts[1],
  )
  acmes = {
    stream: reverb_adders.NStepTransitionAdder(
      client, n_step, discount, priority_fns={f'expected_{stream}': None}
    )
    for stream, n_step, discount in zip(
      STREAMS, n_steps, discounts, strict=True
    )
  }

  random_state = np.random.RandomState(seed)
  for num_steps, end in EPISODES:
    first, steps = _random_episode(random_state, num_steps, end)
    _add_episode(adder, (first, steps))
    for stream, acme_adder in acmes.items():
      split = [(action, _split(step, stream)) for action, step in steps]
      _add_episode(acme_adder, (_split(first, stream), split))

  for stream, n_step in zip(STREAMS, n_steps, strict=True):
    actual = _transitions(client, stream, stream)
    # A transition to each step, and those cut short by the episode's end.
    assert len(actual) == sum(T + min(T, n_step) - 1 for T, _ in EPISODES)
    _assert_identical(
      actual, _transitions(client, stream, f'expected_{stream}')
    )


def test_episodes_may_outlive_the_writer(client, monkeypatch):
  episodes = [_random_episode(np.random.RandomState(i), 6) for i in range(3)]
  for episode in episodes:
    _add_episode(_make_adder(client), episode)
  expected = {s: _transitions(client, s, s) for s in STREAMS}

  # Acme makes a new writer, in time, between two episodes.
  monkeypatch.setattr(base, '_MIN_WRITER_LIFESPAN_SECONDS', -1)
  adder = _make_adder(client)
  for episode in episodes:
    _add_episode(adder, episode)
  for stream in STREAMS:
    _assert_identical(_transitions(client, stream, stream), expected[stream])


def test_two_step_transitions_by_hand(client):
  adder = _make_adder(
    client,
    imitation_n_step=2,
    imitation_discount=0.5,
    task_n_step=1,
    task_discount=0.9,
  )
  first, steps = _random_episode(np.random.RandomState(0), 3)
  rewards = [(1.0, 10.0), (2.0, 20.0), (4.0, 40.0)]
  discounts = [(1.0, 1.0), (1.0, 1.0), EARLY_TERMINATION]
  steps = [
    (
      action,
      timestep._replace(
        reward=_streams(reward),
        discount=_streams(discount),
      ),
    )
    for (action, timestep), reward, discount in zip(
      steps, rewards, discounts, strict=True
    )
  ]
  _add_episode(adder, (first, steps))
  observations = [first.observation, *(step.observation for _, step in steps)]

  def rows(stream):
    for item in _transitions(client, stream, stream):
      start, end = (
        next(
          i
          for i, expected in enumerate(observations)
          if np.array_equal(expected['image'], observation['image'])
        )
        for observation in (item.observation, item.next_observation)
      )
      yield start, end, float(item.reward), float(item.discount)

  # (from, to, return, discount), the learner's own discount left out.
  assert list(rows('imitation')) == [
    (0, 1, 1.0, 1.0),
    (0, 2, 1.0 + 0.5 * 2.0, 0.5),
    (1, 3, 2.0 + 0.5 * 4.0, 0.0),
    (2, 3, 4.0, 0.0),
  ]
  assert list(rows('task')) == [
    (0, 1, 10.0, 1.0),
    (1, 2, 20.0, 1.0),
    (2, 3, 40.0, 1.0),
  ]


def test_goal_is_in_the_imitation_items_only(client):
  adder = _make_adder(client)
  _add_episode(adder, _random_episode(np.random.RandomState(0), 4))
  for item in _transitions(client, 'imitation', 'imitation'):
    assert set(item.observation) == {'body', 'image', 'goal'}
    assert set(item.next_observation) == {'body', 'image', 'goal'}
  for item in _transitions(client, 'task', 'task'):
    assert set(item.observation) == {'body', 'image'}
    assert set(item.next_observation) == {'body', 'image'}


def test_task_actors_plain_adder_shares_the_table(client):
  signature = reverb_adders.NStepTransitionAdder.signature(
    _task_environment_spec()
  )
  dual = adders.DualStreamAdder.signature(_environment_spec())['task']
  assert tree.map_structure(lambda s: (s.shape, s.dtype), dual) == (
    tree.map_structure(lambda s: (s.shape, s.dtype), signature)
  )

  first, steps = _random_episode(np.random.RandomState(0), 4)
  _add_episode(_make_adder(client), (first, steps))
  from_imitation_actor = _transitions(client, 'task', 'task')
  task_adder = reverb_adders.NStepTransitionAdder(
    client, 3, 0.99, priority_fns={'task': None}
  )
  split = [(action, _split(step, 'task')) for action, step in steps]
  _add_episode(task_adder, (_split(first, 'task'), split))
  _assert_identical(_transitions(client, 'task', 'task'), from_imitation_actor)


@pytest.mark.parametrize('n_step', [1, 5])
def test_server_keeps_each_frame_once(tmp_path, n_step):
  server = reverb.Server(
    [reverb.Table.queue(stream, 1000) for stream in STREAMS],
    checkpointer=reverb.checkpointers.DefaultCheckpointer(str(tmp_path)),
  )
  client = reverb.Client(f'localhost:{server.port}')
  adder = _make_adder(client, imitation_n_step=n_step, task_n_step=n_step)
  random_state = np.random.RandomState(0)
  num_steps = 40
  first, steps = _random_episode(random_state, num_steps)
  # Noise does not compress: the chunks' size tells the number of frames.
  for timestep in (first, *(timestep for _, timestep in steps)):
    for frame in (timestep.observation, timestep.observation['goal']):
      frame['image'] = random_state.randint(
        256, size=64 * 64 * 3, dtype=np.uint8
      )
  _add_episode(adder, (first, steps))

  checkpoint = pathlib.Path(client.checkpoint())
  num_frames = (checkpoint / 'chunks.tfrecord').stat().st_size / (64 * 64 * 3)
  server.stop()
  assert num_frames == pytest.approx(2 * (num_steps + 1), rel=0.1)


def test_extras_are_in_both_tables():
  extras_spec = {'log_prob': specs.Array((), np.float32)}
  signatures = adders.DualStreamAdder.signature(
    _environment_spec(), extras_spec
  )
  server = reverb.Server(
    [
      reverb.Table.queue(stream, 100, signature=signature)
      for stream, signature in signatures.items()
    ]
  )
  client = reverb.Client(f'localhost:{server.port}')
  extras = {'log_prob': np.float32(-1.5)}
  episode = _random_episode(np.random.RandomState(0), 4)
  _add_episode(_make_adder(client), episode, extras)
  for stream in STREAMS:
    items = _items(client, stream)
    assert len(items) == 4 + 3 - 1
    for item in items:
      data = tree.unflatten_as(signatures[stream], tree.flatten(item.data))
      assert data.extras['log_prob'] == np.float32(-1.5)
  server.stop()


def test_priorities_are_constants_or_functions(client):
  adder = _make_adder(
    client,
    imitation_priority=4.5,
    task_priority=lambda transition: float(transition.action[0] + 2),
  )
  _add_episode(adder, _random_episode(np.random.RandomState(0), 4))
  for item in _items(client, 'imitation'):
    assert item.info.priority == 4.5
  items = _items(client, 'task')
  assert items
  signature = adders.DualStreamAdder.signature(_environment_spec())['task']
  for item in items:
    data = tree.unflatten_as(signature, tree.flatten(item.data))
    np.testing.assert_allclose(item.info.priority, data.action[0] + 2)


def test_priorities_default_to_one(client):
  _add_episode(
    _make_adder(client), _random_episode(np.random.RandomState(0), 2)
  )
  for stream in STREAMS:
    assert {float(item.info.priority) for item in _items(client, stream)} == {
      1.0
    }


@pytest.mark.parametrize('explicitly', [True, False])
def test_next_episode_may_follow_an_unfinished_one(client, explicitly):
  adder = _make_adder(client)
  first, steps = _random_episode(np.random.RandomState(0), 6)
  adder.add_first(first)
  for action, timestep in steps[:2]:
    adder.add(action, timestep)
  if explicitly:
    adder.reset()
  _add_episode(adder, _random_episode(np.random.RandomState(1), 1))
  for stream in STREAMS:
    transitions = _transitions(client, stream, stream)
    assert len(transitions) == 2 + 1
    np.testing.assert_array_equal(
      transitions[1].observation['body'], first.observation['body']
    )
    assert not np.array_equal(
      transitions[2].observation['body'], first.observation['body']
    )


@pytest.mark.parametrize('field', ['reward', 'discount'])
@pytest.mark.parametrize(
  ('value', 'message'),
  [
    (1.0, 'got float 1.0'),
    ({'task': np.float32(1)}, r"got the keys \('task',\)"),
    (None, 'got NoneType None'),
  ],
)
def test_value_without_streams_is_refused(client, field, value, message):
  adder = _make_adder(client)
  first, steps = _random_episode(np.random.RandomState(0), 2)
  adder.add_first(first)
  action, timestep = steps[0]
  with pytest.raises(
    ValueError, match=f'(?s){field} of an .*{message}.*return them'
  ):
    adder.add(action, timestep._replace(**{field: value}))


def test_observation_without_goal_is_refused(client):
  adder = _make_adder(client)
  first, steps = _random_episode(np.random.RandomState(0), 2)
  message = (
    r"(?s)observation of an .* \('goal',\), got .*\('body', 'image'\): make"
  )
  with pytest.raises(ValueError, match=message):
    adder.add_first(_split(first, 'task'))
  adder.add_first(first)
  action, timestep = steps[0]
  observation = _split(timestep, 'task').observation
  with pytest.raises(ValueError, match=message):
    adder.add(action, timestep._replace(observation=observation))


def test_add_before_add_first_is_refused(client):
  _, steps = _random_episode(np.random.RandomState(0), 2)
  adder = _make_adder(client)
  with pytest.raises(ValueError, match='add_first'):
    adder.add(*steps[0])
  with pytest.raises(ValueError, match='first'):
    adder.add_first(steps[0][1])


def test_observation_that_is_no_dict_is_refused(client):
  with pytest.raises(ValueError, match='got ndarray'):
    _make_adder(client).add_first(dm_env.restart(np.zeros(3, np.float32)))


@pytest.mark.parametrize(
  ('kwargs', 'message'),
  [
    ({'imitation_n_step': 0}, 'imitation stream has n_step=0.*use n_step >= 1'),
    ({'task_n_step': -1}, 'task stream has n_step=-1'),
    ({'task_table': 'imitation'}, "'imitation'.*different names"),
  ],
)
def test_bad_arguments_are_refused(client, kwargs, message):
  with pytest.raises(ValueError, match=message):
    _make_adder(client, **kwargs)


def test_third_table_is_refused(client):
  with pytest.raises(ValueError, match="two tables only, not to 'more'"):
    _make_adder(client).add_priority_table('more', None)


def test_signature_needs_an_imitation_environment():
  with pytest.raises(ValueError, match='goal'):
    adders.DualStreamAdder.signature(_task_environment_spec())


def test_signature_holds_scalar_streams():
  signatures = adders.DualStreamAdder.signature(_environment_spec())
  for stream in STREAMS:
    signature = signatures[stream]
    assert isinstance(signature, types.Transition)
    assert signature.reward.shape == signature.discount.shape == ()
  assert 'goal' in signatures['imitation'].observation
  assert 'goal' not in signatures['task'].next_observation
