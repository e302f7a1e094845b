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

"""Bazel's rule for tests that pytest runs."""

def pytest_test(name, srcs, deps = [], data = [], **kwargs):
    """Defines a test of files that pytest collects.

    Args:
      name: of the target.
      srcs: the tests' files.
      deps: what they import, and the fixtures of their folder.
      data: files that they read.
      **kwargs: handed on to `py_test`.
    """
    native.py_test(
        name = name,
        srcs = srcs + ["//tests:pytest_main.py"],
        args = ["$(rootpath %s)" % src for src in srcs],
        data = data + ["//:pyproject.toml"],
        main = "//tests:pytest_main.py",
        deps = deps + ["//tests:conftest"],
        **kwargs
    )
