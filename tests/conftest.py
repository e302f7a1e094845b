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
"""Settings of all tests.

What MuJoCo and TensorFlow read from the environment has to stand before they
are imported, which is here; the values are those of the run scripts.
"""

import hypothesis

import experiments  # noqa: F401  (Sets MUJOCO_GL and TensorFlow's log level.)

# The same examples in each run, and no deadlines, which a busy machine misses.
hypothesis.settings.register_profile(
  'repeatable', deadline=None, derandomize=True
)
hypothesis.settings.load_profile('repeatable')
