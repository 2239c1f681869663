"""When to look for jobs: on a notification, at the next due time, at the poll interval.

An idle worker records that it waits, looks once more, then sleeps; enqueue notifies only those who
wait. A busy one takes its name off the list, so a busy system sends no notifications at all: when
claims come back full, or when wake-ups arrive faster than `FLOOD_PER_S`, it looks by itself every
`FLOW_S` until that finds nothing for a while. Anybody may send a wake-up, so a flood of them in
which nothing is found is answered by a look every `VAIN_S`, and no more.

What ends may let others begin: the next step of a workflow. Between its looks a busy worker looks
behind an end, too, for as long as that finds something.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence

from taskflow.app import Taskflow
from taskflow.calls import workers
from taskflow.store.link import Link

FLOOD_PER_S = 100.0
FLOW_S = 0.005
FLOW_ENDS_S = 0.1
VAIN_S = 0.05
ENLIST_AGAIN_S = 25.0
LOOKS_BEHIND = 3
"""So many looks behind an end may be in vain, and one more every `FLOW_ENDS_S`."""
BEHIND_S = 0.002
"""From one look to the next behind an end, at least."""
LANES_S = 60.0
"""How long after a job under limits the next opening is asked for at each look."""


class Wakeups:
    """Keeps the worker's place on the list of those who wait."""

    def __init__(
        self,
        app: Taskflow,
        link: Link,
        worker_id: int,
        queues: Sequence[str],
        nudge: Callable[[], None],
    ) -> None:
        self._link = link
        self._worker_id = worker_id
        self._queues = list(queues)
        self._nudge = nudge
        self._poll_s = app.settings.poll_interval.total_seconds()
        self._listener = app.listener()
        self._undo = [
            *(self._listener.subscribe(f"queue {queue}", self._woken) for queue in self._queues),
            self._listener.subscribe("queue", self._reconnected),
        ]
        self._enlisted_until = 0.0
        self._next_look = 0.0
        self._not_before = 0.0
        self._due_at = math.inf
        self._is_told = True
        self._wakeups = 0
        self._window_start = time.monotonic()
        self._last_find = 0.0
        self._lanes_until = 0.0
        self._is_flow = False
        self._looks_behind = 0.0
        self._looked_at = 0.0
        self._is_behind_end = False
        self.looked_in_vain = False
        """The last look found nothing."""

    @property
    def is_listening(self) -> bool:
        return self._listener.is_listening

    def is_due(self) -> bool:
        """Is it time to look again, although the last look came back short?"""
        return self.patience() == 0.0

    def patience(self) -> float:
        """Seconds to sleep at most."""
        next_look = min(self._not_before, self._next_look) if self._is_told else self._next_look
        return max(next_look - time.monotonic(), 0.0)

    def note_look(self) -> None:
        """A look begins: what is told from here on asks for another."""
        self._is_told = False
        now = self._looked_at = time.monotonic()
        if self._is_flooded():
            pause_s = FLOW_S if now - self._last_find < FLOW_ENDS_S else VAIN_S
            self._not_before = now + pause_s

    async def note(self, found: int, *, saturated: bool, has_lanes: bool = False) -> None:
        """Draws the conclusion from a look: when to look next, and whether to ask to be woken."""
        now = time.monotonic()
        self.looked_in_vain = found == 0
        if self._is_behind_end:
            self._is_behind_end = False
            self._looks_behind = LOOKS_BEHIND if found else self._looks_behind - 1
        if found:
            self._looks_behind += (now - self._last_find) / FLOW_ENDS_S
            self._looks_behind = min(self._looks_behind, LOOKS_BEHIND)
            self._last_find = now
        if has_lanes:
            self._lanes_until = now + LANES_S
        if saturated:
            await self._leave_list()
            self._next_look = now
            return
        if self._is_flow and now - self._last_find < FLOW_ENDS_S:
            await self._leave_list()
            self._next_look = now + FLOW_S
            return
        self._is_flow = False
        if self._due_at <= now:
            self._due_at, self._enlisted_until = math.inf, 0.0  # enlisting tells the one after it
        if self.is_listening and now >= self._enlisted_until:
            await self._enlist(now)
        elif now < self._lanes_until:
            await self._ask_lanes()
        self._next_look = min(now + self._poll_s * random.uniform(0.8, 1.0), self._due_at)

    def note_end(self) -> None:
        """An end is in the database: in a flow, of which no notification tells, this may be the
        moment to look."""
        if self._is_flow and self._looks_behind >= 1:
            self._is_told = self._is_behind_end = True
            self._not_before = self._looked_at + BEHIND_S

    def close(self) -> None:
        for undo in self._undo:
            undo()

    async def _enlist(self, now: float) -> None:
        due_s = await self._link.run(workers.wait_for_work(self._worker_id, self._queues))
        self._enlisted_until = now + ENLIST_AGAIN_S
        self._is_told = True  # look once more: a job committed before this sent no wake-up
        self._note_due(due_s)

    async def _ask_lanes(self) -> None:
        """Limits open at times of their own, of which no notification tells."""
        self._note_due(await self._link.run(workers.next_due(self._queues)))

    def _note_due(self, due_s: float | None) -> None:
        """What is due now and was not found is in other hands: not a moment later, but soon."""
        self._due_at = math.inf if due_s is None else time.monotonic() + max(due_s, FLOW_S)

    async def _leave_list(self) -> None:
        if self._enlisted_until:
            self._enlisted_until = 0.0
            await self._link.run(workers.stop_waiting(self._worker_id))

    def _woken(self, _payload: str) -> None:
        self._wakeups += 1
        if self._is_flooded():
            self._is_flow = True
        if not self._is_told:
            self._is_told = True
            self._nudge()

    def _is_flooded(self) -> bool:
        """Were there more than `FLOOD_PER_S` wake-ups, in this second?"""
        now = time.monotonic()
        if now - self._window_start > 1.0:
            self._window_start, self._wakeups = now, 0
        return self._wakeups > FLOOD_PER_S

    def _reconnected(self, payload: str) -> None:
        if payload == "queue":
            self._enlisted_until = 0.0
            self._woken(payload)
