"""Alerts: who asked for it is told that a budget has reached a threshold.

Code map: raising.py which budgets have, each alert kept once; notices.py what is said (pure); deliveries.py tries, and
tries again; mailing.py, webhooks.py the two channels; rounds.py one after the other; nearing.py what the admin's first
page shows.
Invariant: an alert is kept before it is told, and a try before it is made: two rounds at once tell nobody twice. A
process that dies in a try leaves it to be made again, under the same id.
"""

from keys.alerts.rounds import send_alerts

__all__ = ("send_alerts",)
