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

"""Iterators over tf.data, freed when it is time to."""

from typing import Any


def release(iterator: Any) -> None:
  """Frees what TensorFlow holds for an iterator, which is done then.

  TensorFlow does so itself when the last reference goes. That may be as late as
  the interpreter's exit, where it fails and prints why.

  Args:
    iterator: iterator over a `tf.data.Dataset`; another one is left alone.
  """
  if hasattr(iterator, '_resource_deleter'):
    iterator._resource_deleter = None
