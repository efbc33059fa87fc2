"""The groups of the roles. Their rights come after each migration (keys/administration/roles.py): Django makes permissions only then."""

from django.db import migrations

GROUPS = ('Administrators', 'Key managers', 'Log readers', 'Log readers with bodies')


def make_groups(apps, schema_editor):
    groups = apps.get_model('auth', 'Group').objects.using(schema_editor.connection.alias)
    for name in GROUPS:
        groups.get_or_create(name=name)


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('keys', '0003_limits_projects_audit'),
    ]

    operations = [
        migrations.RunPython(make_groups, migrations.RunPython.noop, elidable=False),
    ]
