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

"""A TensorFlow function that is traced once and called many times."""

from typing import Any, Callable, Optional, Sequence

from acme import types
import numpy as np
import tensorflow as tf
import tree

from acme_metamimic.tf import placement

_Traced = Callable[..., types.NestedTensor]


class TracedFunction:
  """A `tf.function` that is traced for its first input alone.

  All inputs must have the structure, shapes and dtypes of the first. The class is
  for policies, which are called at every step of an environment. A `tf.function`
  looks up the trace that fits its input at each call; without that, a call takes
  a fraction of the time in Python. A call also leaks no memory: in TensorFlow 2.8
  a call of a `tf.function` can leak some 400 bytes
  (https://github.com/tensorflow/tensorflow/issues/50765, fixed in 2.12), which is
  370 MB a day at ten calls a second.

  It runs on the CPU, also where there is an accelerator. Variables that are there,
  as where a policy shares a learner's, are read from there at each call.
  """

  def __init__(self, function: Callable[[Any], types.NestedTensor]):
    """Initializes the function.

    Args:
      function: function from a nest of tensors to a nest of tensors without
        None. It should call no `tf.function`, which would leak memory again.
        AutoGraph does not convert it: what depends on a tensor's value is to be
        in a `tf.cond` or `tf.while_loop`.
    """
    self._function = function
    self._traced: Optional[_Traced] = None
    self._shapes: Sequence[Any] = ()

  def __call__(self, inputs: types.NestedArray) -> types.NestedTensor:
    """Calls the function.

    Args:
      inputs: nest of arrays, of the same structure, shapes and dtypes in all
        calls.

    Returns:
      The function's result.

    Raises:
      ValueError: if the shapes differ from those of the first call.
    """
    arrays = tree.flatten(inputs)
    shapes = [np.shape(array) for array in arrays]
    with placement.on_cpu():
      leaves = [tf.convert_to_tensor(array) for array in arrays]
      if self._traced is None:
        self._traced = _without_leak(self._trace(inputs, leaves))
        self._shapes = shapes
      # Checked here, as the operation `If` does not check shapes.
      if shapes != self._shapes:
        raise ValueError(
          f'Shapes {shapes} after {self._shapes} in the first call: give inputs '
          'of one form, or make another function for these.'
        )
      return self._traced(*leaves)

  def _trace(
    self, inputs: types.NestedArray, leaves: Sequence[tf.Tensor]
  ) -> Any:
    """Traces the function.

    Args:
      inputs: nest whose structure all inputs have.
      leaves: tensors of that nest, whose shapes and dtypes all inputs have.

    Returns:
      Concrete function of the leaves.
    """
    # Only the structure is kept, not the arrays.
    structure = tree.map_structure(lambda _: None, inputs)

    def call(*leaves: tf.Tensor) -> types.NestedTensor:
      # A traced function does not take over the device that it is traced on.
      with placement.on_cpu():
        return self._function(tree.unflatten_as(structure, leaves))

    # Converting what a policy calls would take longer than all else of a start.
    return tf.function(call, autograph=False).get_concrete_function(
      *[tf.TensorSpec(leaf.shape, leaf.dtype) for leaf in leaves]
    )


def _without_leak(function: Any) -> _Traced:
  """Makes a callable that calls a concrete function without leaking memory.

  Each call of a concrete function leaks an object. The operation `If` runs a
  function within its own call, without that object. It keeps the whole function
  on one device, so that a function that reads variables of an accelerator is
  returned as it is.

  Args:
    function: concrete function of tensors.

  Returns:
    Callable with the function's arguments and result.
  """
  captured = list(function.captured_inputs)
  handles = [tensor for tensor in captured if tensor.dtype == tf.resource]
  if not all(map(placement.is_on_cpu, handles)):
    return function
  true = tf.constant(True)
  dtypes = [output.dtype for output in function.outputs]
  shapes = [output.shape for output in function.outputs]

  def call(*leaves: tf.Tensor) -> types.NestedTensor:
    outputs = tf.raw_ops.If(
      cond=true,
      input=[*leaves, *captured],
      Tout=dtypes,
      then_branch=function,
      else_branch=function,
      output_shapes=shapes,
    )
    return tf.nest.pack_sequence_as(function.structured_outputs, outputs)

  return call
