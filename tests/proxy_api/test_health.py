"""Whether the spool could take a record, before anybody has made its folder."""

from proxy_api.health import spool_writable


def test_a_spool_whose_folders_are_still_to_be_made_can_be_written(tmp_path, settings):
    settings.DRAGOMAN_SPOOL_DIR = tmp_path / "data" / "spool"
    assert spool_writable()


def test_a_spool_below_a_file_cannot_be_written(tmp_path, settings):
    (tmp_path / "data").write_text("not a folder")
    settings.DRAGOMAN_SPOOL_DIR = tmp_path / "data" / "spool"
    assert not spool_writable()
