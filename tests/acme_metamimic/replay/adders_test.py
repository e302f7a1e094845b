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

from collections.abc import Iterator
import pathlib

from acme import specs
from acme import types
from acme.adders import reverb as reverb_adders
from acme.adders.reverb import base
import dm_env
import numpy as np
import pytest
import reverb
import tree

from acme_metamimic.replay import adders
from tests.acme_metamimic.replay import adder_streams


@pytest.fixture
def client() -> Iterator[reverb.Client]:
  """A server with two tables for the adder and two to compare them with."""
  signatures = adders.DualStreamAdder.signature(
    adder_streams.environment_spec()
  )
  tables = [
    reverb.Table.queue(prefix + stream, 10_000, signature=signatures[stream])
    for prefix in ('', 'expected_')
    for stream in adder_streams.STREAMS
  ]
  server = reverb.Server(tables)
  yield reverb.Client(f'localhost:{server.port}')
  server.stop()


@pytest.mark.parametrize('seed', [0, 1])
@pytest.mark.parametrize(
  'n_steps', [(1, 1), (3, 3), (5, 5), (1, 5), (5, 1), (3, 5), (5, 3)]
)
def test_items_equal_those_of_two_of_acmes_adders(client, n_steps, seed):
  discounts = (0.9, 0.99)
  adder = adder_streams.make_adder(
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
      adder_streams.STREAMS, n_steps, discounts, strict=True
    )
  }

  random_state = np.random.RandomState(seed)
  for num_steps, end in adder_streams.EPISODES:
    first, steps = adder_streams.random_episode(random_state, num_steps, end)
    adder_streams.add_episode(adder, (first, steps))
    for stream, acme_adder in acmes.items():
      split = [
        (action, adder_streams.split(step, stream)) for action, step in steps
      ]
      adder_streams.add_episode(
        acme_adder, (adder_streams.split(first, stream), split)
      )

  for stream, n_step in zip(adder_streams.STREAMS, n_steps, strict=True):
    actual = adder_streams.transitions(client, stream, stream)
    # A transition to each step, and those cut short by the episode's end.
    assert len(actual) == sum(
      T + min(T, n_step) - 1 for T, _ in adder_streams.EPISODES
    )
    adder_streams.assert_identical(
      actual, adder_streams.transitions(client, stream, f'expected_{stream}')
    )


def test_episodes_may_outlive_the_writer(client, monkeypatch):
  episodes = [
    adder_streams.random_episode(np.random.RandomState(i), 6) for i in range(3)
  ]
  for episode in episodes:
    adder_streams.add_episode(adder_streams.make_adder(client), episode)
  expected = {
    s: adder_streams.transitions(client, s, s) for s in adder_streams.STREAMS
  }

  # Acme makes a new writer, in time, between two episodes.
  monkeypatch.setattr(base, '_MIN_WRITER_LIFESPAN_SECONDS', -1)
  adder = adder_streams.make_adder(client)
  for episode in episodes:
    adder_streams.add_episode(adder, episode)
  for stream in adder_streams.STREAMS:
    adder_streams.assert_identical(
      adder_streams.transitions(client, stream, stream), expected[stream]
    )


def test_two_step_transitions_by_hand(client):
  adder = adder_streams.make_adder(
    client,
    imitation_n_step=2,
    imitation_discount=0.5,
    task_n_step=1,
    task_discount=0.9,
  )
  first, steps = adder_streams.random_episode(np.random.RandomState(0), 3)
  rewards = [(1.0, 10.0), (2.0, 20.0), (4.0, 40.0)]
  discounts = [(1.0, 1.0), (1.0, 1.0), adder_streams.EARLY_TERMINATION]
  steps = [
    (
      action,
      timestep._replace(
        reward=adder_streams.streams(reward),
        discount=adder_streams.streams(discount),
      ),
    )
    for (action, timestep), reward, discount in zip(
      steps, rewards, discounts, strict=True
    )
  ]
  adder_streams.add_episode(adder, (first, steps))
  observations = [first.observation, *(step.observation for _, step in steps)]

  def rows(stream):
    for item in adder_streams.transitions(client, stream, stream):
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
  adder = adder_streams.make_adder(client)
  adder_streams.add_episode(
    adder, adder_streams.random_episode(np.random.RandomState(0), 4)
  )
  for item in adder_streams.transitions(client, 'imitation', 'imitation'):
    assert set(item.observation) == {'body', 'image', 'goal'}
    assert set(item.next_observation) == {'body', 'image', 'goal'}
  for item in adder_streams.transitions(client, 'task', 'task'):
    assert set(item.observation) == {'body', 'image'}
    assert set(item.next_observation) == {'body', 'image'}


def test_task_actors_plain_adder_shares_the_table(client):
  signature = reverb_adders.NStepTransitionAdder.signature(
    adder_streams.task_environment_spec()
  )
  dual = adders.DualStreamAdder.signature(adder_streams.environment_spec())[
    'task'
  ]
  assert tree.map_structure(lambda s: (s.shape, s.dtype), dual) == (
    tree.map_structure(lambda s: (s.shape, s.dtype), signature)
  )

  first, steps = adder_streams.random_episode(np.random.RandomState(0), 4)
  adder_streams.add_episode(adder_streams.make_adder(client), (first, steps))
  from_imitation_actor = adder_streams.transitions(client, 'task', 'task')
  task_adder = reverb_adders.NStepTransitionAdder(
    client, 3, 0.99, priority_fns={'task': None}
  )
  split = [
    (action, adder_streams.split(step, 'task')) for action, step in steps
  ]
  adder_streams.add_episode(
    task_adder, (adder_streams.split(first, 'task'), split)
  )
  adder_streams.assert_identical(
    adder_streams.transitions(client, 'task', 'task'), from_imitation_actor
  )


@pytest.mark.slow
@pytest.mark.parametrize('n_step', [1, 5])
def test_server_keeps_each_frame_once(tmp_path, n_step):
  server = reverb.Server(
    [reverb.Table.queue(stream, 1000) for stream in adder_streams.STREAMS],
    checkpointer=reverb.checkpointers.DefaultCheckpointer(str(tmp_path)),
  )
  client = reverb.Client(f'localhost:{server.port}')
  adder = adder_streams.make_adder(
    client, imitation_n_step=n_step, task_n_step=n_step
  )
  random_state = np.random.RandomState(0)
  num_steps = 40
  first, steps = adder_streams.random_episode(random_state, num_steps)
  # Noise does not compress: the chunks' size tells the number of frames.
  for timestep in (first, *(timestep for _, timestep in steps)):
    for frame in (timestep.observation, timestep.observation['goal']):
      frame['image'] = random_state.randint(
        256, size=64 * 64 * 3, dtype=np.uint8
      )
  adder_streams.add_episode(adder, (first, steps))

  checkpoint = pathlib.Path(client.checkpoint())
  num_frames = (checkpoint / 'chunks.tfrecord').stat().st_size / (64 * 64 * 3)
  server.stop()
  assert num_frames == pytest.approx(2 * (num_steps + 1), rel=0.1)


def test_extras_are_in_both_tables():
  extras_spec = {'log_prob': specs.Array((), np.float32)}
  signatures = adders.DualStreamAdder.signature(
    adder_streams.environment_spec(), extras_spec
  )
  server = reverb.Server(
    [
      reverb.Table.queue(stream, 100, signature=signature)
      for stream, signature in signatures.items()
    ]
  )
  client = reverb.Client(f'localhost:{server.port}')
  extras = {'log_prob': np.float32(-1.5)}
  episode = adder_streams.random_episode(np.random.RandomState(0), 4)
  adder_streams.add_episode(adder_streams.make_adder(client), episode, extras)
  for stream in adder_streams.STREAMS:
    items = adder_streams.items(client, stream)
    assert len(items) == 4 + 3 - 1
    for item in items:
      data = tree.unflatten_as(signatures[stream], tree.flatten(item.data))
      assert data.extras['log_prob'] == np.float32(-1.5)
  server.stop()


def test_priorities_are_constants_or_functions(client):
  adder = adder_streams.make_adder(
    client,
    imitation_priority=4.5,
    task_priority=lambda transition: float(transition.action[0] + 2),
  )
  adder_streams.add_episode(
    adder, adder_streams.random_episode(np.random.RandomState(0), 4)
  )
  for item in adder_streams.items(client, 'imitation'):
    assert item.info.priority == 4.5
  items = adder_streams.items(client, 'task')
  assert items
  signature = adders.DualStreamAdder.signature(
    adder_streams.environment_spec()
  )['task']
  for item in items:
    data = tree.unflatten_as(signature, tree.flatten(item.data))
    np.testing.assert_allclose(item.info.priority, data.action[0] + 2)


def test_priorities_default_to_one(client):
  adder_streams.add_episode(
    adder_streams.make_adder(client),
    adder_streams.random_episode(np.random.RandomState(0), 2),
  )
  for stream in adder_streams.STREAMS:
    assert {
      float(item.info.priority) for item in adder_streams.items(client, stream)
    } == {1.0}


@pytest.mark.parametrize('explicitly', [True, False])
def test_next_episode_may_follow_an_unfinished_one(client, explicitly):
  adder = adder_streams.make_adder(client)
  first, steps = adder_streams.random_episode(np.random.RandomState(0), 6)
  adder.add_first(first)
  for action, timestep in steps[:2]:
    adder.add(action, timestep)
  if explicitly:
    adder.reset()
  adder_streams.add_episode(
    adder, adder_streams.random_episode(np.random.RandomState(1), 1)
  )
  for stream in adder_streams.STREAMS:
    transitions = adder_streams.transitions(client, stream, stream)
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
  adder = adder_streams.make_adder(client)
  first, steps = adder_streams.random_episode(np.random.RandomState(0), 2)
  adder.add_first(first)
  action, timestep = steps[0]
  with pytest.raises(
    ValueError, match=f'(?s){field} of an .*{message}.*return them'
  ):
    adder.add(action, timestep._replace(**{field: value}))


def test_observation_without_goal_is_refused(client):
  adder = adder_streams.make_adder(client)
  first, steps = adder_streams.random_episode(np.random.RandomState(0), 2)
  message = (
    r"(?s)observation of an .* \('goal',\), got .*\('body', 'image'\): make"
  )
  with pytest.raises(ValueError, match=message):
    adder.add_first(adder_streams.split(first, 'task'))
  adder.add_first(first)
  action, timestep = steps[0]
  observation = adder_streams.split(timestep, 'task').observation
  with pytest.raises(ValueError, match=message):
    adder.add(action, timestep._replace(observation=observation))


def test_add_before_add_first_is_refused(client):
  _, steps = adder_streams.random_episode(np.random.RandomState(0), 2)
  adder = adder_streams.make_adder(client)
  with pytest.raises(ValueError, match='add_first'):
    adder.add(*steps[0])
  with pytest.raises(ValueError, match='first'):
    adder.add_first(steps[0][1])


def test_observation_that_is_no_dict_is_refused(client):
  with pytest.raises(ValueError, match='got ndarray'):
    adder_streams.make_adder(client).add_first(
      dm_env.restart(np.zeros(3, np.float32))
    )


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
    adder_streams.make_adder(client, **kwargs)


def test_third_table_is_refused(client):
  with pytest.raises(ValueError, match="two tables only, not to 'more'"):
    adder_streams.make_adder(client).add_priority_table('more', None)


def test_signature_needs_an_imitation_environment():
  with pytest.raises(ValueError, match='goal'):
    adders.DualStreamAdder.signature(adder_streams.task_environment_spec())


def test_signature_holds_scalar_streams():
  signatures = adders.DualStreamAdder.signature(
    adder_streams.environment_spec()
  )
  for stream in adder_streams.STREAMS:
    signature = signatures[stream]
    assert isinstance(signature, types.Transition)
    assert signature.reward.shape == signature.discount.shape == ()
  assert 'goal' in signatures['imitation'].observation
  assert 'goal' not in signatures['task'].next_observation
