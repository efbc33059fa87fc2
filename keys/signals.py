"""What a Django app beside Dragoman may listen to: https://docs.djangoproject.com/en/5.2/topics/signals/"""

from __future__ import annotations

from django.dispatch import Signal

# A budget reached a threshold; sent with sender=Budget and alert=keys.models.BudgetAlert, in whichever process found
# it, once the alert is kept. Once at most: mail and webhooks are what survives that process's end.
budget_threshold_reached = Signal()
