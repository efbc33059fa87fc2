"""Who may log in here: Django's users and groups, in the look of the other pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from keys.administration.admin_log import delete_selected
from proxy_site.models import SecondFactor

admin.site.index_title = "Dashboard"
admin.site.add_action(delete_selected)  # in place of Django's of that name
admin.site.unregister((User, Group))


@admin.register(User)
class OperatorAdmin(UserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]  # unfold is published without types
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "last_login")
    search_help_text = "Name or e-mail address"
    add_text = "Add a user"


@admin.register(Group)
class OperatorGroupAdmin(GroupAdmin, ModelAdmin):  # type: ignore[misc]  # as above
    search_help_text = "Name"
    add_text = "Add a group"
    empty_text = "No groups yet. A group gives the same rights to several users: to read the log but no prompts, say."


@admin.register(SecondFactor)
class SecondFactorAdmin(ModelAdmin):  # type: ignore[misc]  # as above
    """Looked at and removed: users set up their own."""

    list_display = ("user", "confirmed_at")
    fields = readonly_fields = ("user", "created_at", "confirmed_at")
    list_select_related = ("user",)
    empty_text = "No second factors yet. Users set up their own: “Second factor” in the menu below their name."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
