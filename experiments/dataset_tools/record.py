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
"""Records a scripted demonstrator to a dataset, episode by episode."""

import dataclasses
from typing import Any, Callable, Sequence

from environments import block_stacking
from environments import demonstrations
from environments import demonstrators
from environments import recording
from experiments.dataset_tools import scenes

# An attempt for each kept episode, this many times over, before giving up.
_MAX_ATTEMPTS_PER_EPISODE = 5


@dataclasses.dataclass(frozen=True)
class Settings:
  """What is recorded.

  Attributes:
    path: of the new dataset.
    demonstrator: name of a style, see `environments.demonstrators`.
    num_episodes: that are kept.
    seed: of the first attempt; each attempt has the next seed.
    observables: that are recorded.
    arguments: of the environment, see `block_stacking.load`.
  """

  path: str
  demonstrator: str
  num_episodes: int
  seed: int
  observables: Sequence[str]
  arguments: dict[str, Any]


def record(
  settings: Settings,
  resume: bool = False,
  on_episode: Callable[[demonstrations.Demonstration], object] = lambda _: None,
) -> int:
  """Records until enough episodes stack, and makes the dataset from them.

  Seeds follow each other, so a recording that was resumed holds the same
  episodes as one that was not interrupted.

  Args:
    settings: what is recorded.
    resume: goes on with a recording that did not come to its end.
    on_episode: is called after each kept episode is on the disk.

  Returns:
    The number of attempts, those before a resumption included.

  Raises:
    DatasetError: if the file exists, another process is recording to it, the
      disk is full, or hardly any attempt stacks. What was recorded is kept.
    KeyboardInterrupt: is handed on; what was recorded is kept.
  """
  environment = block_stacking.load(settings.observables, **settings.arguments)
  style = demonstrators.STYLES[settings.demonstrator]
  metadata = scenes.metadata(environment, **settings.arguments)
  file = demonstrations.dataset_file(settings.path)
  with demonstrations.DatasetWriter(file, metadata, resume) as writer:
    seed = max((settings.seed - 1, *writer.seeds)) + 1
    while len(writer) < settings.num_episodes:
      attempts = seed - settings.seed
      if attempts >= _MAX_ATTEMPTS_PER_EPISODE * settings.num_episodes:
        raise demonstrations.DatasetError(
          f'Demonstrator {style.name!r} stacked {len(writer)} of {attempts} '
          'times; check the block size and the episode length.'
        )
      demonstration = recording.record_episode(environment, style, seed)
      seed += 1
      if demonstration is not None:
        writer.append(demonstration)
        on_episode(demonstration)
  environment.close()
  return seed - settings.seed
