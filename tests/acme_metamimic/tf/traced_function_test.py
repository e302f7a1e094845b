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

import gc
import multiprocessing

import numpy as np
import psutil
import pytest
import tensorflow as tf

from acme_metamimic import networks
from acme_metamimic.tf import actors
from acme_metamimic.tf import placement
from acme_metamimic.tf import traced_function
from tests.acme_metamimic import fakes


def test_traces_once_and_gives_back_the_structure():
  traces = []

  def swap(inputs):
    traces.append(inputs)
    return {'sum': inputs['a'] + inputs['b'][0], 'b': inputs['b']}

  function = traced_function.TracedFunction(swap)
  for value in (1.0, 2.0):
    array = np.full(3, value, np.float32)
    outputs = function({'b': (array, np.int64(7)), 'a': array})
    assert set(outputs) == {'sum', 'b'}
    np.testing.assert_array_equal(outputs['sum'], 2 * array)
    np.testing.assert_array_equal(outputs['b'][0], array)
    assert outputs['b'][1].dtype == tf.int64
    assert outputs['b'][1] == 7
  assert len(traces) == 1


def test_sees_and_sets_variables():
  variable = tf.Variable(1.0)
  function = traced_function.TracedFunction(lambda x: variable.assign_add(x))
  assert function(np.float32(2)) == 3
  variable.assign(10.0)
  assert function(np.float32(2)) == 12
  assert variable == 12


def test_other_shape_is_an_error():
  # The function itself would take any.
  function = traced_function.TracedFunction(lambda x: x['a'] + 1)
  function({'a': np.zeros(3, np.float32)})
  with pytest.raises(ValueError, match=r'Shapes \[\(4,\)\] after \[\(3,\)\]'):
    function({'a': np.zeros(4, np.float32)})


def test_other_type_or_number_of_inputs_is_an_error():
  function = traced_function.TracedFunction(lambda x: x['a'] + 1)
  function({'a': np.zeros(3, np.float32)})
  with pytest.raises(tf.errors.InvalidArgumentError):
    function({'a': np.zeros(3, np.int32)})
  with pytest.raises(ValueError, match='Shapes'):
    function({'a': np.zeros(3, np.float32), 'b': np.zeros(3, np.float32)})


@pytest.mark.parametrize('shared', [False, True])
def test_function_of_an_accelerators_variables_is_called_itself(
  monkeypatch, shared
):
  ifs = []
  run_if = tf.raw_ops.If
  monkeypatch.setattr(placement, 'is_on_cpu', lambda handle: not shared)

  def count_if(**kwargs):
    ifs.append(kwargs)
    return run_if(**kwargs)

  monkeypatch.setattr(tf.raw_ops, 'If', count_if)
  variable = tf.Variable(2.0)
  function = traced_function.TracedFunction(lambda x: (x, variable * x))
  outputs = function(np.float32(2))
  np.testing.assert_array_equal(outputs, (2, 4))
  assert isinstance(outputs, tuple)
  assert len(ifs) == 1 - shared


def _resident(actor, observation, calls):
  for _ in range(calls):
    actor.select_action(observation)
  gc.collect()
  return psutil.Process().memory_info().rss


def _measure_bytes_a_call():
  spec = fakes.imitation_spec()
  made = networks.make_imitation_networks(
    spec, policy_layer_sizes=(8, 8), critic_layer_sizes=(8, 8)
  )
  made.init(spec)
  actor = actors.FeedForwardActor(made.make_policy(spec, sigma=0.3))
  environment = fakes.FakeEnvironment(imitation=True, episode_length=100)
  observation = environment.reset().observation
  before = _resident(actor, observation, calls=3000)
  return (_resident(actor, observation, calls=15000) - before) / 15000


@pytest.mark.slow
def test_actor_loses_no_memory():
  # In a process of its own, as what other tests leave behind comes and goes.
  with multiprocessing.get_context('spawn').Pool(1) as pool:
    lost = pool.apply(_measure_bytes_a_call)
  # A `tf.function` loses some 400 a call.
  assert lost < 100
