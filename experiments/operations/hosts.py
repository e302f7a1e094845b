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

"""Cuts off one of three hosts on this machine and brings it back.

  python -m experiments.operations.hosts --hosts=loopback
  python -m experiments.operations.hosts --hosts=namespaces   # As root.

Ray places a program on a light environment on three hosts: network namespaces
whose frames are late and get lost, or, without root, three raylets on loopback. A
host of actors, evaluators and caches is cut off for a while. The report is
printed and written into the folder; the exit code is 1 if the run did not go on,
or if nodes were not started again.
"""

import os
import signal
import time

from absl import app
from absl import flags

from experiments import paths
from experiments.operations import fault_outcomes
from experiments.operations import fault_trials
from experiments.operations import ray_hosts

_KINDS = {'loopback': ray_hosts.Loopback, 'namespaces': ray_hosts.Namespaces}

_HOSTS = flags.DEFINE_enum(
  'hosts',
  'loopback',
  list(_KINDS),
  'Kind of the hosts: raylets on loopback, or network namespaces (needs root).',
)
_HOSTS_FOLDER = paths.define(
  'folder', 'runs/hosts', 'Folder of the runs and reports.'
)
_CUT_SECONDS = flags.DEFINE_float(
  'cut_seconds', 60.0, 'Seconds that the host is cut off.', lower_bound=0.0
)
_PATIENCE_SECONDS = flags.DEFINE_float(
  'patience_seconds',
  300.0,
  'Seconds to wait for what takes a few seconds on an idle machine, before the '
  'trial ends with an error.',
  lower_bound=1.0,
)


def placement(
  run: fault_trials.Run, hosts: ray_hosts.Hosts
) -> dict[int, list[str]]:
  """Returns the names of the nodes on each host."""
  placed: dict[int, list[str]] = {index: [] for index in range(hosts.number)}
  for name, pid in sorted(run.nodes().items()):
    placed[hosts.host_of(pid)].append(name)
  return placed


def try_hosts(run: fault_trials.Run, hosts: ray_hosts.Hosts) -> list[str]:
  """Cuts a host off, brings it back and returns the lines of a report.

  Args:
    run: run whose program is placed on the hosts.
    hosts: hosts of the Ray cluster.

  Raises:
    TrialError: if the run does not go on, or nodes are not started again.
  """
  run.wait_until(lambda: run.steps() > 500, 'running')
  placed = placement(run, hosts)
  lines = [f'- host {i}: {", ".join(names)}' for i, names in placed.items()]
  index = ray_hosts.can_be_cut(placed)
  lost = {name: run.nodes()[name] for name in placed[index]}
  before, started = run.steps(), time.time()
  hosts.cut(index)
  time.sleep(_CUT_SECONDS.value)
  run.wait_until(lambda: run.steps() > before, f'past step {before}')
  lines.append(
    f'- host {index} cut off for {_CUT_SECONDS.value:.0f} s: the others went on '
    f'from step {before} to {run.steps()}'
  )
  hosts.join(index)
  run.wait_until(
    lambda: all(
      run.nodes().get(name, pid) != pid for name, pid in lost.items()
    ),
    'started again',
  )
  groups = {name.split('/')[0] for name in lost}
  run.wait_until(
    lambda: all(run.logged(group) > started for group in groups),
    'logging again',
  )
  steps = run.steps()
  run.wait_until(lambda: run.steps() > steps + 500, 'going on')
  lines.append(f'- all nodes work again, at step {run.steps()}; now on')
  lines += [
    f'  - host {i}: {", ".join(names) or "none"}'
    for i, names in placement(run, hosts).items()
  ]
  outcome = fault_trials.hurt(run, fault_outcomes.LAUNCHER, signal.SIGINT)
  lines.append(
    f'- SIGINT: exit code {outcome.exit_code} after {outcome.seconds:.1f} s, '
    f'{outcome.left_over} processes left'
  )
  if outcome.exit_code or outcome.left_over:
    raise fault_trials.TrialError('\n'.join(lines))
  return lines


def main(argv: list[str]) -> None:
  """Runs the trial and prints the report."""
  if len(argv) > 1:
    raise app.UsageError(f'Unknown arguments: {argv[1:]}.')
  kind = _HOSTS.value
  folder = os.path.abspath(os.path.join(_HOSTS_FOLDER.value, kind))
  if os.path.exists(folder):
    raise SystemExit(f'Error: {folder!r} exists; give another --folder.')
  if kind == 'namespaces' and os.geteuid() != 0:
    raise SystemExit(
      'Error: network namespaces need root; use --hosts=loopback, or sudo.'
    )
  with _KINDS[kind]() as hosts:
    run = fault_trials.Run(
      'ray',
      os.path.join(folder, 'run'),
      _PATIENCE_SECONDS.value,
      {
        'ray_address': hosts.address,
        'gpus_per_learner': 1,
        'num_imitation_actors': 2,
        'num_task_actors': 2,
      },
      prefix=hosts.prefix(0),
    )
    try:
      text = '\n'.join(try_hosts(run, hosts))
    except fault_trials.TrialError as error:
      raise SystemExit(f'Error: {error}') from None
    finally:
      run.kill_all()
  print(text)
  with open(os.path.join(folder, 'hosts.md'), 'w') as file:
    file.write(f'{text}\n')


if __name__ == '__main__':
  app.run(main)
