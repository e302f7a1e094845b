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

"""Snapshots: policies as SavedModels, which load without this package."""

import os

from acme.tf import savers
import sonnet as snt
import tensorflow as tf


def export_policy(policy: snt.Module, path: str) -> str:
  """Writes a policy as a SavedModel, in the form of Acme's snapshots.

  `tf.saved_model.load(path)` returns a function from a batch of observations to
  actions, which Acme's `FeedForwardActor` can run. It needs TensorFlow alone.

  Args:
    policy: policy from observations to actions, whose variables must exist.
    path: path of the folder to write. A policy that is there is replaced as a
      whole.

  Returns:
    The path, as it was given.
  """
  temporary = f'{path}.{os.getpid()}.tmp'
  tf.saved_model.save(savers.make_snapshot(policy), temporary)
  if tf.io.gfile.exists(path):
    tf.io.gfile.rmtree(path)
  tf.io.gfile.rename(temporary, path)
  return path
