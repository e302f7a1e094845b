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

"""Resources of the groups of MetaMimic's program in a Ray cluster."""

from acme_metamimic import proxies
from experiments.distributed import groups
from experiments.distributed import local
from experiments.launchpad_ray import placement

# Distributions and packages that must be the same on all hosts. Hosts of learners
# may have TensorFlow for accelerators and others that for CPUs: Keras has the
# version of either.
PACKAGES = ('dm-acme', 'dm-launchpad', 'dm-reverb', 'keras', 'ray')
SOURCES = ('acme_metamimic', 'environments', 'experiments')

# CPUs that a cluster of one machine pretends to have: room for all nodes.
CPUS_OF_ONE_MACHINE = 10_000

# Groups whose hosts a group is placed on. Batches are most of the traffic: 500
# MB/s for 20 batches of 256 pairs of frames. An actor's variables come from a
# cache on its host.
_BESIDE = {
  'replay': ('imitation_learner', 'task_learner'),
  'imitation_actor': ('cacher',),
  'task_actor': ('cacher',),
}


def of_group(
  group: str, threads: int = 1, num_gpus: float = 0.0
) -> placement.Resources:
  """Returns the resources that each node of a group needs.

  Args:
    group: label of the group.
    threads: number of threads that TensorFlow may use for one operation.
    num_gpus: number of GPUs of each learner; other nodes get none.
  """
  is_learner = group.endswith('learner')
  return placement.Resources(
    num_cpus=float(threads),
    num_gpus=num_gpus if is_learner else 0.0,
    restart=group in groups.RESTARTABLE,
    beside=_BESIDE.get(group, ()),
    environment={
      **local.process_environment(group, threads),
      # On other machines too: an empty name ends every name.
      proxies.VARIABLE: '',
    },
  )
