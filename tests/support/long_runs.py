"""How long the tests that kill go on, and by what chance. `make kill` has the long runs."""

from __future__ import annotations

import os
import random

# How long processes are killed under load.
KILL_S = float(os.environ.get("SLUICE_KILL_SECONDS", "12"))
# How long a server that others need is away.
AWAY_S = KILL_S / 2
# Whether everything is tried which can be, rather than a part of it chosen by the seed.
THOROUGH = KILL_S >= 60
# For the `timeout` marker of a test that takes either of these.
TIMEOUT_S = 2 * KILL_S + 150


def seeded() -> random.Random:
    """Chance that can be had again: SLUICE_SEED, which a failed test's output names."""
    seed = int(os.environ.get("SLUICE_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"SLUICE_SEED={seed} SLUICE_KILL_SECONDS={KILL_S:g}")
    return random.Random(seed)
