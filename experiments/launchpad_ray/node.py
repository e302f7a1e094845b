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

FILE holds the pickled function of the node. The keeper, which starts this
process, gives the name of the node in the environment; this process must not
outlive the keeper.
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
  """Asks the keeper for the end of the program; `lp.stop()` calls it."""

  def __call__(self, mark_as_completed: bool = False) -> None:
    del mark_as_completed
    with open(os.environ[keeper.STOP_FILE], 'w'):
      pass


def main(path: str) -> None:
  """Runs a node and ends the process.

  Args:
    path: path of the file with the node's pickled function.
  """
  # The parent may have died while this process imported its modules.
  parent = int(os.environ[keeper.PARENT])
  supervision.end_with_parent(parent)
  # A group of its own: a terminal signals the launcher, which tells the nodes.
  os.setpgid(0, 0)
  flags.FLAGS(sys.argv[:1])
  # Launchpad is not to kill the node, which exits by itself: see `Supervised`.
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
