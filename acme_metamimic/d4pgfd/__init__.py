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
"""D4PGfD: D4PG from demonstrations, a baseline of the paper (section 3.3).

Source: Vecerik et al., 2017, "Leveraging Demonstrations for Deep Reinforcement
Learning on Robotics Problems with Sparse Rewards", section 3. Demonstrations
with actions and rewards are in the replay before training and are never
dropped, sampling is prioritised, 1-step and n-step returns are mixed, and both
networks are regularised.
"""
