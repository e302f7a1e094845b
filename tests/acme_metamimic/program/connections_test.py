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

from concurrent import futures
import errno
import logging as python_logging
import socket
import threading
from unittest import mock

import courier
import numpy as np
import pytest
import reverb
import tensorflow as tf

from acme_metamimic import waiting as waiting_lib
from acme_metamimic.program import connections


def _table() -> reverb.Table:
  return reverb.Table(
    'table',
    reverb.selectors.Uniform(),
    reverb.selectors.Fifo(),
    max_size=10,
    rate_limiter=reverb.rate_limiters.MinSize(1),
  )


def test_waits_until_a_server_listens():
  port = reverb.Server([_table()]).port  # Free again once it is collected.
  client = reverb.Client(f'localhost:{port}')
  waiting = threading.Thread(
    target=connections.wait_until_listening, args=(client,), daemon=True
  )
  waiting.start()
  waiting.join(0.5)
  assert waiting.is_alive()
  server = reverb.Server([_table()], port=port)
  waiting.join(5.0)
  assert not waiting.is_alive()
  server.stop()


class _Client:
  """Knows an address, as clients of Courier do."""

  address = 'absent:1234'


def _fail(error: OSError):
  def connect(address, timeout):
    del timeout
    assert address == ('absent', 1234)
    raise error

  return connect


def test_a_host_that_cannot_be_reached_is_given_up(monkeypatch):
  monkeypatch.setattr(connections, '_UNREACHABLE_SECONDS', 0.5)
  error = socket.gaierror(socket.EAI_NONAME, 'Name or service not known')
  monkeypatch.setattr(socket, 'create_connection', _fail(error))
  with pytest.raises(
    ConnectionError, match=r'absent:1234.*not known.*firewall'
  ):
    connections.wait_until_listening(_Client())


def test_a_server_that_never_comes_is_given_up(monkeypatch):
  monkeypatch.setattr(connections, '_REFUSED_SECONDS', 0.5)
  error = ConnectionRefusedError(errno.ECONNREFUSED, 'Connection refused')
  monkeypatch.setattr(socket, 'create_connection', _fail(error))
  with pytest.raises(
    ConnectionError, match=r'absent:1234 has not come.*log of'
  ):
    connections.wait_until_listening(_Client())


def test_a_server_that_is_slow_is_waited_for_with_a_word(monkeypatch, caplog):
  monkeypatch.setattr(connections, '_UNREACHABLE_SECONDS', 0.1)
  monkeypatch.setattr(connections, '_WARN_SECONDS', 0.3)
  error = ConnectionRefusedError(errno.ECONNREFUSED, 'Connection refused')
  monkeypatch.setattr(socket, 'create_connection', _fail(error))
  waiting = threading.Thread(
    target=connections.wait_until_listening, args=(_Client(),), daemon=True
  )
  with caplog.at_level(python_logging.WARNING):
    waiting.start()
    waiting.join(1.0)
  assert waiting.is_alive()
  assert 'absent:1234' in caplog.text
  monkeypatch.setattr(
    socket, 'create_connection', lambda *_, **__: socket.socket()
  )
  waiting.join(5.0)
  assert not waiting.is_alive()


def test_a_call_of_a_node_ends(monkeypatch):
  future: futures.Future = futures.Future()
  node = mock.Mock(address='absent:1234')
  node.futures.increment.return_value = future
  client = connections.PatientClient(node)
  with monkeypatch.context() as patch:
    patch.setattr(waiting_lib, 'ANSWER_SECONDS', 0.1)
    with pytest.raises(
      waiting_lib.NoAnswerError, match=r'absent:1234 has not answered.*log of'
    ):
      client.increment(steps=1)
  future.set_result({'steps': 3})
  assert client.increment(steps=2) == {'steps': 3}
  node.futures.increment.assert_called_with(steps=2)
  failed: futures.Future = futures.Future()
  failed.set_exception(KeyError('policy'))
  node.futures.get_newer.return_value = failed
  with pytest.raises(KeyError, match='policy'):
    client.get_newer(['policy'], 3)


def test_a_node_answers_as_with_couriers_own_client():
  server = courier.Server()
  server.Bind('add', lambda a, b: a + b)
  server.Start()
  client = connections.PatientClient(courier.Client(f'localhost:{server.port}'))
  assert client.add(1, b=2) == 3
  with pytest.raises(Exception, match='subtract'):
    client.subtract(1, 2)
  server.Stop()


@pytest.mark.parametrize(
  'value',
  [
    np.zeros(3, np.float32),
    np.array(1.0),
    ['policy', np.zeros(1)],
    {'steps': (1, np.array('a'))},
    tf.constant(1),
    tf.Variable(1.0),
  ],
)
def test_a_call_with_an_array_is_refused(value):
  node = mock.Mock(address='absent:1234')
  client = connections.PatientClient(node)
  with pytest.raises(TypeError, match=r'increment was called.*tolist'):
    client.increment(steps=value)
  with pytest.raises(TypeError, match=r'get_newer was called.*tolist'):
    client.get_newer(value, 3)
  node.futures.increment.assert_not_called()
  node.futures.get_newer.assert_not_called()


def test_numbers_of_numpy_reach_a_node_as_those_of_python():
  received = []
  server = courier.Server()
  server.Bind('take', lambda *args, **kwargs: received.append((args, kwargs)))
  server.Start()
  client = connections.PatientClient(courier.Client(f'localhost:{server.port}'))
  client.take(np.int64(3), [np.str_('policy')], walltime=np.float32(0.5))
  client.take([], None, b'x', flag=np.bool_(True))
  server.Stop()
  assert received == [
    ((3, ['policy']), {'walltime': 0.5}),
    (([], None, b'x'), {'flag': True}),
  ]
  (number, (name,)), others = received[0]
  assert (type(number), type(name)) == (int, str)
  assert type(others['walltime']) is float
  assert received[1][1]['flag'] is True


def test_results_may_hold_arrays():
  server = courier.Server()
  server.Bind('variables', lambda: (2, [[np.arange(3.0)]]))
  server.Start()
  client = connections.PatientClient(courier.Client(f'localhost:{server.port}'))
  version, ((array,),) = client.variables()
  server.Stop()
  assert version == 2
  np.testing.assert_array_equal(array, [0.0, 1.0, 2.0])
