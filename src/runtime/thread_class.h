// What a thread asks of the machine.
#pragma once

namespace sluice {

// From now on the calling thread, and those that it makes, run only where nobody else wants to:
// SCHED_IDLE (sched(7)). Needs no privilege, and cannot be undone without one. False where the
// machine, or the sandbox, does not allow it; the thread is as before then.
bool run_when_idle();

// Whether run_when_idle() would work: tried on a thread of its own.
bool can_run_when_idle();

}  // namespace sluice
