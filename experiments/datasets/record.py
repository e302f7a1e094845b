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
  """Settings of a recording.

  Attributes:
    path: path of the new HDF5 file, or of the folder that it is to be in.
    demonstrator: name of the scripted demonstrator, a key of
      `demonstrators.STYLES`.
    num_episodes: number of episodes that are kept.
    seed: seed of the first attempt; each further attempt has the next seed.
    observables: names of the observations that are recorded.
    arguments: further arguments of `block_stacking.load`, by name.
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
  """Records until enough episodes stack the blocks, and writes their dataset.

  Seeds follow each other, so that a resumed recording holds the same episodes as
  one that was not interrupted.

  Args:
    settings: settings of the recording.
    resume: whether to go on with an unfinished recording.
    on_episode: function that is called with each kept episode, once it is on the
      disk.

  Returns:
    The number of attempts, including those before a resumption.

  Raises:
    DatasetError: if the file exists, another process is recording to it, the
      disk is full, or hardly any attempt stacks the blocks. The episodes so far
      are kept.
    KeyboardInterrupt: if the recording is interrupted. The episodes so far are
      kept.
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
