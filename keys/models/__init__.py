"""Who may call us, how much, and with which secrets we call others. No row holds a secret in the clear.

Invariant: of an issued key only an HMAC, its first nine characters and its last four are kept: nobody can use those.
"""

from keys.models.admin_keys import AdminKey, Role
from keys.models.alerts import AlertDelivery, BudgetAlert, Channel
from keys.models.audit import AuditEntry
from keys.models.credentials import ProviderCredential
from keys.models.installation import InstallationSecret, Revision
from keys.models.issuers import TokenIssuer
from keys.models.limits import Budget, InstallationLimits, Period, Unit
from keys.models.policies import CacheMode, Cassette, LogBodies, Scope
from keys.models.projects import Project
from keys.models.virtual_keys import ANONYMOUS, VirtualKey, globs

__all__ = [
    "ANONYMOUS",
    "TOLD",
    "AdminKey",
    "AlertDelivery",
    "AuditEntry",
    "Budget",
    "BudgetAlert",
    "CacheMode",
    "Cassette",
    "Channel",
    "InstallationLimits",
    "InstallationSecret",
    "LogBodies",
    "Period",
    "Project",
    "ProviderCredential",
    "Revision",
    "Role",
    "Scope",
    "TokenIssuer",
    "Unit",
    "VirtualKey",
    "globs",
]

# What processes keep a copy of: each change of a row reaches all of them within a second.
TOLD = (VirtualKey, Project, ProviderCredential, Budget, InstallationLimits, TokenIssuer, AdminKey)
