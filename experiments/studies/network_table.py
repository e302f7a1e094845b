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

"""Prints the layers of a pixel network: shapes, parameters, multiply-adds.

  python -m experiments.studies.network_table
  python -m experiments.studies.network_table --form impala
  python -m experiments.studies.network_table --half task

The operations are those of TensorFlow's graph, and belong to the module in whose
name scope they are, so that the table shows what the network really runs.
"""

import argparse
import collections
from typing import (
  Any,
  Dict,
  Iterator,
  List,
  NamedTuple,
  Optional,
  Sequence,
  Tuple,
)

from acme import specs
from acme import types
from acme.agents.tf.d4pg import agent as acme_d4pg
from acme.tf import utils as tf2_utils
import numpy as np
import sonnet as snt
import tensorflow as tf
import tree

import acme_metamimic
from acme_metamimic import specs as specs_lib
from experiments import pixel_forms

HALVES = ('imitation', 'task')


class Layer(NamedTuple):
  """A row of the table.

  Attributes:
    name: name of the module with variables, or of the pool.
    shape: shape of the output, without the batch.
    parameters: number of trainable parameters.
    multiply_adds: number of multiply-adds of convolutions and matrix products,
      for one example.
  """

  name: str
  shape: Tuple[int, ...]
  parameters: int
  multiply_adds: int


def list_layers(network: snt.Module, *inputs: types.NestedSpec) -> List[Layer]:
  """Lists the layers of a network, in the order in which they run.

  Args:
    network: network whose variables were created.
    *inputs: specs of the network's inputs, without the batch.

  Returns:
    The modules that have variables of their own, and the pools.
  """
  signature = tree.map_structure(
    lambda s: tf.TensorSpec((1, *s.shape), s.dtype), list(inputs)
  )
  graph = tf.function(network).get_concrete_function(*signature).graph
  names = _layer_names(network)
  parameters: Dict[str, int] = {}
  for variable in network.trainable_variables:
    name = names[variable.ref()]
    count = int(np.prod(variable.shape))
    parameters[name] = parameters.get(name, 0) + count
  # The last operation of a module makes its output.
  layers: Dict[str, Layer] = {}
  for name, operation in _operations(graph, network, names):
    so_far = layers[name].multiply_adds if name in layers else 0
    layers[name] = Layer(
      name=name,
      shape=tuple(operation.outputs[0].shape[1:]),
      parameters=parameters.get(name, 0),
      multiply_adds=so_far + _multiply_adds(operation),
    )
  return list(layers.values())


def _layer_names(network: snt.Module) -> Dict[Any, str]:
  """Returns the name of each variable's module, by the variable's reference.

  The modules' own names are not unique: Acme's residual groups share theirs.
  """
  seen: collections.Counter = collections.Counter()
  names = {}
  for variable in network.trainable_variables:
    seen[variable.name] += 1
    number = seen[variable.name]
    suffix = f' ({number})' if number > 1 else ''
    names[variable.ref()] = _scope(variable.name) + suffix
  return names


def _operations(
  graph: tf.Graph, network: snt.Module, names: Dict[Any, str]
) -> Iterator[Tuple[str, tf.Operation]]:
  """Yields the name of the layer and the operation for each, in their order.

  Args:
    graph: graph of the network.
    network: network whose variables were created.
    names: name of each variable's module, by the variable's reference.
  """
  handles = {id(v.handle): v for v in network.trainable_variables}
  inputs = {
    inner.name: handles[id(outer)]
    for outer, inner in graph.captures
    if id(outer) in handles
  }
  # For each scope the layer whose variables were read last.
  current: Dict[str, str] = {}
  for operation in graph.get_operations():
    if operation.type == 'ReadVariableOp':
      variable = inputs.get(operation.inputs[0].name)
      if variable is not None:
        current[_scope(variable.name)] = names[variable.ref()]
    elif operation.type == 'MaxPool':
      yield operation.name, operation
    elif operation.outputs and operation.type != 'Placeholder':
      scope = operation.name
      while scope and scope not in current:
        scope = _scope(scope)
      if scope:
        yield current[scope], operation


def _scope(name: str) -> str:
  """Returns the scope that a name is in."""
  return name.rpartition('/')[0]


def _multiply_adds(operation: tf.Operation) -> int:
  """Returns the multiply-adds of an operation."""
  if operation.type not in ('Conv2D', 'MatMul'):
    return 0
  # [height, width, in, out], or [in, out].
  kernel = operation.inputs[1].shape
  return int(np.prod(operation.outputs[0].shape) * np.prod(kernel[:-1]))


def make_networks(
  form: pixel_forms.Form, half: str
) -> Tuple[acme_d4pg.D4PGNetworks, specs.EnvironmentSpec]:
  """Makes one half's networks, with variables.

  Args:
    form: image size, torso and layer sizes of the networks.
    half: name of the half, 'imitation' or 'task'.

  Returns:
    The networks, and the spec of their environment.
  """
  spec = pixel_forms.make_environment_spec(form.image_size)
  arguments: Dict[str, Any] = {
    'policy_layer_sizes': form.layer_sizes,
    'critic_layer_sizes': form.layer_sizes,
    'torso': form.torso,
  }
  if half == 'task':
    spec = specs_lib.task_spec(spec)
    networks = acme_metamimic.make_task_networks(spec, **arguments)
  else:
    networks = acme_metamimic.make_imitation_networks(spec, **arguments)
  networks.init(spec)
  return networks, spec


def make_table(form: pixel_forms.Form, half: str) -> str:
  """Returns the layers of one half's three networks as Markdown tables.

  Args:
    form: image size, torso and layer sizes of the networks.
    half: name of the half, 'imitation' or 'task'.
  """
  networks, spec = make_networks(form, half)
  features = tf2_utils.create_variables(
    networks.observation_network, [spec.observations]
  )
  parts = {
    'torso': list_layers(networks.observation_network, spec.observations),
    'policy': list_layers(networks.policy_network, features),
    'critic': list_layers(networks.critic_network, features, spec.actions),
  }
  return '\n\n'.join(_format(name, part) for name, part in parts.items())


def _format(name: str, layers: Sequence[Layer]) -> str:
  """Returns a Markdown table with a row for each layer, and their sum."""
  total = Layer(
    f'**{name}**',
    (),
    sum(layer.parameters for layer in layers),
    sum(layer.multiply_adds for layer in layers),
  )
  lines = [f'| {name} | output | parameters | multiply-adds |', '|-|-|-:|-:|']
  for layer in (*layers, total):
    shape = ' x '.join(map(str, layer.shape))
    lines.append(
      f'| {layer.name} | {shape} | {layer.parameters:,} '
      f'| {layer.multiply_adds:,} |'
    )
  return '\n'.join(lines)


def main(argv: Optional[Sequence[str]] = None) -> None:
  """Prints the tables of one form.

  Args:
    argv: arguments of the command line; those of this process by default.
  """
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument(
    '--form',
    choices=pixel_forms.FORMS,
    default='paper',
    help='Name of the form of the networks.',
  )
  parser.add_argument(
    '--half',
    choices=HALVES,
    default='imitation',
    help='Half of the agent whose networks are listed.',
  )
  options = parser.parse_args(argv)
  print(make_table(pixel_forms.FORMS[options.form], options.half))


if __name__ == '__main__':
  main()
