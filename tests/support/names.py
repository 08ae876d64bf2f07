"""Names on the wire that several tests speak of."""

# Milliseconds that the caller gives the answer, and the gateway its members.
DEADLINE_HEADER = "X-Deadline-Ms"
