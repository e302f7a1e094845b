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

"""A counter that resumes its counts although its parent starts from zero."""

from typing import Dict, Mapping

from acme.utils import counting


class ResumingCounter(counting.Counter):
  """Acme's counter, which saves its own counts and no others.

  Acme's own saves what it has not yet told its parent, and relies on the parent
  to save the rest. In one process the parent is the caller's and saves nothing,
  so that the counts of a resumed run would start from zero.
  """

  def save(self) -> Mapping[str, Mapping[str, counting.Number]]:
    """Returns this counter's own totals, in the form that `restore` takes."""
    prefix = f'{self._prefix}_' if self._prefix else ''
    totals: Dict[str, counting.Number] = {
      key[len(prefix) :]: value
      for key, value in self.get_counts().items()
      if key.startswith(prefix)
    }
    # As counts that the parent has not heard of, which a new one has not.
    return {'counts': totals, 'cache': {}}
