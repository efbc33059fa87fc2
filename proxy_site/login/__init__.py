"""Logging in to the admin: name, password and, of who has set one up, the code of an authenticator app.

Failures are counted by django-axes, of each user and of each address, a wrong code like a wrong password. None of this
is on the API's path: keys open that one.
"""
