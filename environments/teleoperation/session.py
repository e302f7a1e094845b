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
"""A session of teleoperation, in which a person records takes."""

import enum
import time
from typing import Callable, NamedTuple, Protocol

import dm_env

from environments import block_stacking
from environments import demonstrations
from environments import rewards
from environments import state_environment
from environments.demonstrations import take
from environments.teleoperation import controller
from environments.teleoperation import device

_STAGES = {
  rewards.REACHED: 'reached',
  rewards.LIFTED: 'lifted',
  rewards.STACKED: 'stacked',
}


class View(Protocol):
  """A view of the scene for the person."""

  def show(self) -> bool:
    """Shows the current scene; returns False once the person has closed it."""
    ...


class Phase(enum.Enum):
  """A phase of a session."""

  READY = 'ready'  # Nothing moves until the person begins a take.
  RECORDING = 'recording'  # The hand moves, and each step is recorded.
  ENDED = 'ended'  # The take is over; the person keeps, discards or redoes it.
  QUIT = 'quit'  # The session is over.


class Summary(NamedTuple):
  """The counts of a session.

  Attributes:
    kept: number of takes that were kept.
    discarded: number of takes that were dropped.
    late_steps: number of control steps that began more than a control step late.
  """

  kept: int
  discarded: int
  late_steps: int


class Pacer:
  """Waits for the next control step in real time.

  Args:
    period: time from one control step to the next, in seconds.
    clock: function that returns the current time in seconds.
    sleep: function that waits for a number of seconds.

  Attributes:
    late_steps: number of steps so far that began more than a period late.
  """

  def __init__(
    self,
    period: float = block_stacking.CONTROL_TIMESTEP,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
  ):
    self._period = period
    self._clock = clock
    self._sleep = sleep
    self._next = clock() + period
    self.late_steps = 0

  def wait(self) -> None:
    """Waits until the next step is due; does not wait if it is late."""
    left = self._next - self._clock()
    if left > 0.0:
      self._sleep(left)
    elif left < -self._period:
      # The lost time is not made up for: a person could not follow.
      self.late_steps += 1
      self._next = self._clock()
    self._next += self._period


class Session:
  """Lets a person record takes, one after the other, in real time.

  Nothing moves until a take is begun. Then each control step reads the device
  and moves the hand, until the person keeps, discards or redoes the take. After
  the end of the episode the session waits for one of these.

  Args:
    environment: the block-stacking environment, whose observations are recorded.
    source: input device that the person holds.
    hand: position controller that moves the hand.
    keep: function that stores a take and returns its place, for a message. After
      an OSError or a DatasetError, as on a full disk, the person can try again.
    demonstrator: name of the person, which is recorded.
    seed: seed of the first start; each further start has the next seed.
    view: view of the scene for the person.
    pacer: clock that the control steps keep to.
    say: function that shows a message to the person.
  """

  def __init__(
    self,
    environment: state_environment.StateEnvironment,
    source: device.Device,
    hand: controller.PositionController,
    keep: Callable[[demonstrations.Demonstration], object],
    demonstrator: str,
    seed: int,
    view: View,
    pacer: Pacer,
    say: Callable[[str], object] = print,
  ):
    self._environment = environment
    self._source = source
    self._hand = hand
    self._keep_take = keep
    self._demonstrator = demonstrator
    self._seed = seed
    self._view = view
    self._pacer = pacer
    self._say = say
    self._kept = self._discarded = 0
    self._phase = Phase.READY

  @property
  def phase(self) -> Phase:
    """Current phase of the session."""
    return self._phase

  def run(self) -> Summary:
    """Records takes until the person quits; returns their counts."""
    self._begin_at_new_start(self._seed)
    while self._phase != Phase.QUIT:
      command = self._source.read()
      for event in command.events:
        self._handle(event)
      if self._phase == Phase.RECORDING:
        self._step(command)
      if not self._view.show():
        self._handle(device.Event.QUIT)
      self._pacer.wait()
    return Summary(self._kept, self._discarded, self._pacer.late_steps)

  def _handle(self, event: device.Event) -> None:
    """Carries out an event, such as to keep the take."""
    if event == device.Event.QUIT:
      self._drop()
      self._phase = Phase.QUIT
    elif event == device.Event.DISCARD:
      self._drop()
      self._begin_at_new_start(self._take.seed + 1)
    elif event == device.Event.REDO:
      self._drop()
      self._begin_again()
    elif event == device.Event.RECORD:
      if self._phase == Phase.READY:
        self._phase = Phase.RECORDING
        self._say('Recording.')
      elif self._phase in (Phase.RECORDING, Phase.ENDED):
        self._keep()

  def _begin_at_new_start(self, seed: int) -> None:
    """Makes a take ready at the initial poses of a seed."""
    self._environment.random_state.seed(seed)
    self._begin(self._environment.reset(), seed)

  def _begin_again(self) -> None:
    """Makes a take ready at the start of the last one."""
    self._begin(self._environment.reset_to(self._take.start), self._take.seed)

  def _begin(self, timestep: dm_env.TimeStep, seed: int) -> None:
    self._hand.reset(self._environment)
    self._take = take.Take(self._environment, timestep, seed)
    self._phase = Phase.READY
    self._say(f'Start {seed} is ready; {self._kept} takes kept.')

  def _step(self, command: device.Command) -> None:
    """Records a control step."""
    action = self._hand.act(command)
    before = self._take.reward
    timestep = self._take.step(action)
    if self._take.reward != before and self._take.reward in _STAGES:
      seconds = len(self._take) * block_stacking.CONTROL_TIMESTEP
      self._say(f'{seconds:.1f} s: {_STAGES[self._take.reward]}.')
    if timestep.last() and timestep.discount == 0.0:
      self._say('The physics diverged; the take cannot be used.')
      self._drop()
      self._begin_again()
    elif timestep.last():
      self._phase = Phase.ENDED
      self._say('The time is up: keep, discard or redo the take.')

  def _keep(self) -> None:
    """Stores the take and goes on to another start, unless storing fails."""
    steps = len(self._take)
    if steps < demonstrations.MIN_STEPS:
      self._say(f'The take has {steps} step(s), too few to keep; go on.')
      return
    try:
      place = self._keep_take(self._take.demonstration(self._demonstrator))
    except (OSError, demonstrations.DatasetError) as error:
      self._phase = Phase.ENDED
      self._say(
        f'The take could not be stored ({error}). Make room and keep it again, '
        'or discard it.'
      )
      return
    self._kept += 1
    self._say(
      f'Kept {steps} steps, {"stacked" if self._take.stacked else "NOT stacked"}: {place}'
    )
    self._begin_at_new_start(self._take.seed + 1)

  def _drop(self) -> None:
    """Counts the take as discarded if anything was recorded."""
    if len(self._take):
      self._discarded += 1
      self._say(f'Dropped a take of {len(self._take)} steps.')
