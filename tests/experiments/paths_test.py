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
"""Tests of paths as people type them."""

import argparse

from absl import flags
import pytest

from experiments import paths


@pytest.mark.parametrize(
  ('typed', 'path'),
  [
    ('~/runs/x', '/home/me/runs/x'),
    ('~', '/home/me'),
    ('runs/~x', 'runs/~x'),
    ('./~', './~'),
    ('/data', '/data'),
  ],
)
def test_home_is_expanded(monkeypatch, typed, path):
  monkeypatch.setenv('HOME', '/home/me')
  assert paths.expand(typed) == path
  parser = argparse.ArgumentParser()
  parser.add_argument('--folder', type=paths.expand)
  assert parser.parse_args([f'--folder={typed}']).folder == path
  values = flags.FlagValues()
  with monkeypatch.context() as patch:
    define = flags.DEFINE
    patch.setattr(
      flags,
      'DEFINE',
      lambda *a, **k: define(*a, flag_values=values, **k),  # type: ignore[call-overload]
    )
    folder = paths.define('folder', None, 'A folder.')
  values(['program'])
  assert folder.value is None
  values(['program', f'--folder={typed}'])
  assert folder.value == path
