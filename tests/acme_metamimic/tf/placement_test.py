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
"""Tests of what runs on an accelerator.

A second logical CPU stands for it, in a process of its own, as TensorFlow takes
no more of them once it runs.
"""

import multiprocessing
from typing import Any
from unittest import mock

import numpy as np
import pytest
import reverb
import tensorflow as tf
import tree

import acme_metamimic
from acme_metamimic import networks
from acme_metamimic.d4pg import builder as d4pg_builder
from acme_metamimic.d4pg import config as d4pg_config
from acme_metamimic.d4pg import half as half_lib
from acme_metamimic.program import half as program_half
from acme_metamimic.replay import tables
from acme_metamimic.tf import actors
from acme_metamimic.tf import placement
from acme_metamimic.tf import traced_function
from tests.acme_metamimic import fakes

# Their process is new, and all traced anew in it.
pytestmark = pytest.mark.slow

_ACCELERATOR = '/device:CPU:1'
_SIZES: Any = {'policy_layer_sizes': (8, 8), 'critic_layer_sizes': (8, 8)}


def _make_devices() -> None:
  tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices('CPU')[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
  )


@pytest.fixture(name='run', scope='module')
def _run():
  """Runs a function of this module where there are two devices."""
  with multiprocessing.get_context('spawn').Pool(1, _make_devices) as pool:
    yield pool.apply


def _accelerator():
  """Returns a context in which the second device is the accelerator."""
  return mock.patch.object(placement, 'accelerator', return_value=_ACCELERATOR)


def _devices(tensors) -> set:
  """Returns the devices of tensors or variables, such as CPU:0."""
  specs = [tf.DeviceSpec.from_string(tensor.device) for tensor in tensors]
  return {f'{spec.device_type}:{spec.device_index}' for spec in specs}


def _make_actor(policy) -> actors.FeedForwardActor:
  """Returns an actor that has acted once."""
  actor = actors.FeedForwardActor(policy)
  environment = fakes.FakeEnvironment(imitation=True)
  actor.select_action(environment.reset().observation)
  return actor


def _graph(actor: actors.FeedForwardActor):
  """Returns the concrete function that the actor acts by."""
  traced: Any = actor._act._traced
  if hasattr(traced, 'graph'):
    return traced
  cells = dict(
    zip(traced.__code__.co_freevars, traced.__closure__, strict=True)
  )
  return cells['function'].cell_contents


def _made_by(sigma: float):
  spec = fakes.imitation_spec()
  made = networks.make_imitation_networks(spec, **_SIZES)
  made.init(spec)
  return made.make_policy(spec, sigma=sigma)


def _check_operations(function) -> None:
  """Fails if an operation but a variable's is not on the first device."""
  # What TensorFlow adds around the function is where the call is.
  outputs = [output.op.name for output in function.outputs]
  for operation in function.graph.get_operations():
    if operation.type in ('Placeholder', 'ReadVariableOp', 'NoOp'):
      continue
    if operation.name not in outputs:
      assert operation.device.endswith('CPU:0'), operation


def _act_with_variables_on(device: str, scope: str) -> bool:
  """Checks an actor, and returns whether it acts by the operation `If`."""
  with tf.device(device):
    policy = _made_by(sigma=0.3)
  assert _devices(policy.variables) == {device[-5:]}
  with tf.device(scope):
    actor = _make_actor(policy)
  _check_operations(_graph(actor))
  # The learner changes what the actor acts by.
  for variable in policy.variables:
    variable.assign(tf.zeros_like(variable))
  with tf.device(scope):
    quiet = _make_actor(policy)
    observation = fakes.FakeEnvironment(imitation=True).reset().observation
    outputs = quiet._act(observation)
  assert _devices([outputs]) == {'CPU:0'}
  return not hasattr(actor._act._traced, 'graph')


@pytest.mark.parametrize('scope', ['/device:CPU:0', _ACCELERATOR])
def test_actors_run_on_the_cpu_by_the_operation_without_leak(run, scope):
  assert run(_act_with_variables_on, ['/device:CPU:0', scope])


@pytest.mark.parametrize('scope', ['/device:CPU:0', _ACCELERATOR])
def test_actor_of_a_learners_variables_runs_on_the_cpu(run, scope):
  """`If` would not find them, as it runs on one device."""
  assert not run(_act_with_variables_on, [_ACCELERATOR, scope])


def _action_of_shared_variables() -> None:
  with tf.device(_ACCELERATOR):
    variable = tf.Variable([1.0, 2.0])
  function = traced_function.TracedFunction(lambda x: x + variable)
  np.testing.assert_array_equal(function(np.ones(2, np.float32)), [2, 3])
  variable.assign([5.0, 5.0])
  np.testing.assert_array_equal(function(np.ones(2, np.float32)), [6, 6])


def test_what_a_learner_changes_is_seen_from_the_cpu(run):
  run(_action_of_shared_variables)


def _policies_of_a_program() -> None:
  config = acme_metamimic.MetaMimicConfig()
  half = program_half.ProgramHalf(
    'imitation',
    acme_metamimic.MetaMimicBuilder(config),
    config,
    fakes.imitation_spec(),
    lambda spec: (
      networks.make_imitation_networks(spec, **_SIZES),
      networks.make_task_networks(spec, **_SIZES),
    ),
  )
  # Nodes may be threads of one process.
  with tf.device(_ACCELERATOR):
    learned, _ = half.make_networks()
    policies = [half.make_policy(), half.make_policy(evaluation=True)]
  assert _devices(learned.policy_network.variables) == {'CPU:1'}
  for policy in policies:
    assert _devices(policy.variables) == {'CPU:0'}


def test_policies_of_a_program_are_on_the_cpu(run):
  run(_policies_of_a_program)


def _observation(spec):
  return tree.map_structure(
    lambda s: np.ones(s.shape, s.dtype), spec.observations
  )


def _half_of_one_process() -> None:
  spec = fakes.task_spec()
  config = d4pg_config.D4PGConfig(batch_size=4, min_replay_size=4)
  builder = d4pg_builder.D4PGBuilder(config)
  server = reverb.Server(builder.make_replay_tables(spec))
  client = reverb.Client(f'localhost:{server.port}')
  with tf.device(_ACCELERATOR), _accelerator():
    half = half_lib.make_half(
      builder,
      spec,
      networks.make_task_networks(spec, **_SIZES),
      client,
      label='task_learner',
      logger=fakes.RecordingLogger(),
    )
  assert _devices(half.policy.variables) == {'CPU:1'}
  for actor in (half.agent._actor, half.evaluator, half.make_source(0.1)):
    _check_operations(_graph(actor))
  adder = builder.make_adder(client)
  for _ in range(2):
    fakes.add_episode(adder, imitation=False)
  assert tables.has_items([client], config.replay_table_name, 4)
  before = half.evaluator.select_action(_observation(spec))
  with tf.device(_ACCELERATOR):
    for _ in range(3):
      half.learner.step()
  assert np.any(half.evaluator.select_action(_observation(spec)) != before)
  halves = {'task': half}
  half_lib.close(halves, server)


def test_half_of_one_process_learns_there_and_acts_here(run):
  run(_half_of_one_process)


def _batches_of_images() -> None:
  images = np.arange(4 * 5, dtype=np.uint8).reshape(4, 5)
  dataset = tf.data.Dataset.from_tensor_slices({'image': images}).batch(2)
  assert placement.prefetch(dataset) is dataset
  with _accelerator():
    iterator = iter(placement.prefetch(dataset))

  @tf.function
  def take():
    batch = next(iterator)
    return batch['image']

  for i in range(2):
    image = take()
    assert image.dtype == tf.uint8
    np.testing.assert_array_equal(image, images[2 * i : 2 * i + 2])
  operations = take.get_concrete_function().graph.get_operations()
  kinds = [
    operation.outputs[0].dtype
    for operation in operations
    if operation.type == 'IteratorGetNext'
  ]
  assert kinds == [tf.uint8]
  assert _devices([iterator._iterator_resource]) == {'CPU:1'}


def test_batches_wait_on_the_accelerator_as_bytes(run):
  run(_batches_of_images)


def test_without_an_accelerator_there_is_none():
  name = placement.accelerator()
  if tf.config.list_physical_devices('GPU'):
    assert name is not None
    assert name.endswith('GPU:0')
  else:
    assert name is None


def test_what_is_not_on_the_cpu_is_seen():
  assert placement.is_on_cpu(tf.constant(1.0))
