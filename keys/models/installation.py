"""What the installation as a whole keeps: its sealed secrets, and the revision of all that processes copy."""

from __future__ import annotations

from django.db import models as db

from keys.secrecy import sealing


class InstallationSecret(db.Model):
    """A random secret of the installation, sealed: rotating the master keys re-seals it and changes nothing else."""

    name = db.CharField(primary_key=True, max_length=64)
    sealed = db.BinaryField()

    def __str__(self) -> str:
        return self.name

    def place(self) -> bytes:
        return sealing.place("keys_installationsecret", self.name, "secret")


class Revision(db.Model):
    """One row: raised with every change that processes keep a copy of."""

    number = db.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.number)
