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

import numpy as np

from experiments.operations import program_load
from experiments.operations import projection


def test_projection_of_512_actors_by_hand():
  cluster = projection.project(512, 1e-3)
  # 512 actors at 10 steps/s, 49 kB each; 45 MB each 100 s.
  np.testing.assert_allclose(cluster.insert_bytes, 251.66e6, rtol=1e-4)
  np.testing.assert_allclose(cluster.fetch_bytes, 230.4e6)
  assert (cluster.shards, cluster.caches) == (1, 1)
  np.testing.assert_allclose(cluster.actor_cores, 5.12)


def test_projection_grows_with_the_actors():
  small, large = (
    projection.project(5_000, 1e-3),
    projection.project(50_000, 1e-3),
  )
  assert small.shards == 3
  assert large.shards == 25
  assert large.caches == 23


def test_tables_have_a_row_for_each():
  assert len(projection.table([projection.project(1, 0.0)]).splitlines()) == 3
  load = program_load.Load(
    10.0, 20.0, 40.0, 5.0, 1.0, 0.5, 1e6, {'replay': 400.0}, {'replay': 0.1}, 0
  )
  text = program_load.table([load, load], ['a', 'b'])
  assert '| inserts/s | 40 | 40 |' in text
  assert '| replay: MB a process, CPU | 400, 0.10 | 400, 0.10 |' in text
