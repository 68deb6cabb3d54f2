"""What the kernels know of replicas that have requests of their own: regions of the pool of numbers, and codes."""

POOLED, NEWEST_IDLE, LEAST_LOADED, RANDOM = range(4)
"""Who serves a request, in `FUNCTION`'s `routing`."""

PLACE, SERVED, FIRST, LAST, LINE, UNTIL = range(6)
"""Of a replica: its place on the stack, or one of the next two; requests that it serves; who waits longest and shortest in
its line, and how many do; when its grace ends. Of a number that no replica has, FIRST is the next such number."""

DRAINS, IS_GONE = -1, -2
"""In place of a place: it is no longer wanted; there is none. What it served when its grace ended is still in the heap."""

REPLICA, WAITER, END = 6, 3, 2
"""Numbers of a replica, of one who waits in a line (came, service seconds, next), and of an end of service (at, replica)."""
