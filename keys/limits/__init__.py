"""Limits: requests and tokens a minute, calls under way, budgets. All of a call's are checked and taken in one step.

`subjects` says whose and how much, as read from the database; nothing in it asks anybody.
"""
