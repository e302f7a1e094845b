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

"""The process of one node: `python -m experiments.launchpad_ray.node FILE`.

FILE holds the pickled function of the node. The process that starts this one
says in the environment which node it is; this one must not outlive it.
"""

import os
import sys

from absl import flags
import cloudpickle
from launchpad import flags as unused_flags  # noqa: F401 (The manager's.)
from launchpad.launch import worker_manager

from experiments.launchpad_ray import keeper
from experiments.launchpad_ray import supervision


class RequestStop:
  """What `lp.stop()` calls in a node: asks for the end of the program."""

  def __call__(self, mark_as_completed: bool = False) -> None:
    del mark_as_completed
    with open(os.environ[keeper.STOP_FILE], 'w'):
      pass


def main(path: str) -> None:
  """Runs the node whose function the file holds, and ends the process."""
  # By the time that all is imported the parent may be gone.
  parent = int(os.environ[keeper.PARENT])
  supervision.end_with_parent(parent)
  # Signals of a terminal are for the launcher, which tells the nodes.
  os.setpgid(0, 0)
  flags.FLAGS(sys.argv[:1])
  # Ends by itself, see `Supervised`.
  flags.FLAGS['lp_termination_notice_secs'].value = -1
  worker_manager.WorkerManager(register_in_thread=True)
  with open(path, 'rb') as file:
    function = cloudpickle.load(file)
  supervision.Supervised(
    function,
    os.environ[keeper.NAME],
    parent,
    grace_seconds=float(os.environ[keeper.GRACE]),
  )()


if __name__ == '__main__':
  main(sys.argv[1])
