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

import contextlib
import dataclasses
from typing import Any, Callable, Mapping, Sequence

from environments import block_stacking
from environments import demonstrations
from environments.block_stacking import demonstrators
from environments.demonstrations import recording
from experiments.datasets import scenes


@dataclasses.dataclass(frozen=True)
class Settings:
  """What is recorded.

  Attributes:
    path: of the new dataset.
    demonstrator: name of a style, see `environments.block_stacking.demonstrators`.
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
  arguments: Mapping[str, Any] = dataclasses.field(
    default_factory=lambda: dict(scenes.DEFAULT_ARGUMENTS)
  )


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
  metadata = scenes.metadata(environment, **settings.arguments)
  file = demonstrations.dataset_file(settings.path)
  with (
    contextlib.closing(environment),
    demonstrations.DatasetWriter(file, metadata, resume) as writer,
  ):
    for demonstration in recording.record(
      environment,
      demonstrators.STYLES[settings.demonstrator],
      settings.num_episodes - len(writer),
      max((settings.seed - 1, *writer.seeds)) + 1,
    ):
      writer.append(demonstration)
      on_episode(demonstration)
    return writer.seeds[-1] + 1 - settings.seed
