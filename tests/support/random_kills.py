"""SIGKILL at random: processes that are killed under load and started again."""

from __future__ import annotations

import random
import subprocess
import threading
from collections import Counter
from typing import Protocol


class Victim(Protocol):
    @property
    def process(self) -> subprocess.Popen[bytes]: ...
    def kill(self) -> None: ...
    def start_again(self) -> None: ...


class RandomKills:
    """Kills one of the victims, now and then several, from `start` to `stop`; then all run again.

    A victim that ended by itself is an error, which `stop` raises.
    """

    def __init__(
        self,
        victims: dict[str, Victim],
        chance: random.Random,
        *,
        longest_up_s: float = 0.6,
        longest_down_s: float = 0.4,
    ) -> None:
        self.kills: Counter[str] = Counter()
        self._victims = victims
        self._chance = chance
        self._up_s = longest_up_s
        self._down_s = longest_down_s
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="random-kills", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._over.wait(self._chance.uniform(0, self._up_s)):
                self._one_round()
        except BaseException as error:
            self._error = error

    def _one_round(self) -> None:
        several = min(len(self._victims), self._chance.choice((1, 1, 1, 2, 5)))
        chosen = self._chance.sample(sorted(self._victims), several)
        for name in chosen:
            victim = self._victims[name]
            code = victim.process.poll()
            assert code is None, f"{name} ended by itself: {code}"
            victim.kill()
            self.kills[name] += 1
        self._over.wait(self._chance.uniform(0, self._down_s))
        for name in chosen:
            self._victims[name].start_again()
