"""Single-flight: identical cacheable calls that run at the same time make one call to a provider.

Code map: shared.py one running call of this process and how its listeners hear it; audience.py the same listeners, as
the exchange with the provider sees its client; leading.py what makes the answer here; listening.py one client's side;
lease.py who runs a call, across processes; published.py, publishing.py a running call told to other processes through
Redis; hearing.py such a call heard.

Nobody runs a call for the others: whoever wants its next piece and finds the seat free takes one step, so that a call
that nobody shares costs no thread, and neither a slow nor a leaving client holds the others up.
Invariant: only the leader's call is reserved under limits, sent, paid for and kept; a follower's record costs nothing.
Invariant: without Redis calls are joined within a process alone, and nothing here raises for want of it.
"""
