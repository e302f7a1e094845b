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


"""What runs on an accelerator: learners. All that acts runs on the CPU."""

from typing import Any, ContextManager, Optional

import tensorflow as tf

_CPU = '/device:CPU:0'
# Batches that wait on the accelerator while the learner uses another.
_BATCHES_AHEAD = 2


def accelerator() -> Optional[str]:
  """Returns the name of the accelerator that learners use; None without one."""
  devices = tf.config.list_logical_devices('GPU')
  return devices[0].name if devices else None


def on_cpu() -> ContextManager[None]:
  """Returns a context whose operations and new variables are on the CPU.

  TensorFlow itself puts on an accelerator all that it can. A policy that is asked
  for one action at a time waits there for the learner's operations.
  """
  return tf.device(_CPU)


def is_on_cpu(tensor: Any) -> bool:
  """Returns whether a tensor, or what its handle stands for, is on that CPU.

  Args:
    tensor: tensor outside of any graph.
  """
  spec = tf.DeviceSpec.from_string(tensor.device)
  return (spec.device_type, spec.device_index) == ('CPU', 0)


def prefetch(dataset: tf.data.Dataset) -> tf.data.Dataset:
  """Returns a dataset whose batches are on the accelerator when they are due.

  They travel as they are, images as bytes. Without an accelerator the dataset is
  left alone.

  Args:
    dataset: dataset of batches; nothing can be applied to the result.
  """
  device = accelerator()
  if device is None:
    return dataset
  return dataset.apply(
    tf.data.experimental.prefetch_to_device(device, _BATCHES_AHEAD)
  )
