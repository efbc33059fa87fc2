"""The spool: frames round trip, torn tails cost one frame, a full disk is said, a fork begins anew."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_admin.spool import FRAME, Spool, SpoolUnavailable, behind_broken_frame, read_frames

ROOT = Path(__file__).resolve().parents[2]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.spool"))


def child(directory: Path, program: str, *under: str) -> subprocess.Popen[str]:
    """A process that has a Spool on `directory` as `spool`, its output piped; run by the command `under`."""
    setup = (
        "import os, resource, signal, sys; from pathlib import Path; from django.conf import settings;"
        "settings.configure(); from cache_admin.spool import Spool, SpoolUnavailable;"
        "spool = Spool(Path(sys.argv[1]))\n"
    )
    command = [*under, sys.executable, "-c", setup + program, str(directory)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@given(records=st.lists(st.tuples(st.dictionaries(st.text(), JSON, max_size=4), st.binary(max_size=200)), min_size=1))
def test_what_was_appended_is_read_back(records: list[tuple[dict[str, object], bytes]], tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    directory = tmp_path_factory.mktemp("spool")
    spool = Spool(directory)
    for header, blob in records:
        spool.append(header, blob)
    found, end = read_frames(files(directory)[0], 0)
    assert [(record.header, record.blob) for record in found] == records
    assert end == files(directory)[0].stat().st_size
    spool.close()


def test_text_that_no_store_takes_is_made_plain_instead_of_losing_the_record(tmp_path: Path) -> None:
    Spool(tmp_path).append({"lone": "a\ud800b", "huge": 10**40, "inside": [{"\udfff": float("inf")}]})
    found, _ = read_frames(files(tmp_path)[0], 0)
    assert found[0].header == {"lone": "a\ufffdb", "huge": 2**63 - 1, "inside": [{"\ufffd": None}]}


def test_a_tail_torn_at_any_byte_costs_only_its_own_frame(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append({"n": 1}, b"first")
    whole = files(tmp_path)[0].stat().st_size
    spool.append({"n": 2}, b"second")
    content = files(tmp_path)[0].read_bytes()
    torn = tmp_path / "torn"
    for length in range(whole, len(content)):
        torn.write_bytes(content[:length])
        found, end = read_frames(torn, 0)
        assert [record.header for record in found] == [{"n": 1}]
        assert end == whole
        assert behind_broken_frame(torn, end) == length
    assert len(read_frames(files(tmp_path)[0], 0)[0]) == 2


def test_a_frame_damaged_in_the_middle_is_skipped_and_the_next_is_read(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for n in (1, 2, 3):
        spool.append({"n": n})
    path = files(tmp_path)[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 3 + FRAME.size + 2] ^= 0xFF
    path.write_bytes(content)
    first, offset = read_frames(path, 0)
    second, _ = read_frames(path, behind_broken_frame(path, offset))
    assert [record.header["n"] for record in first + second] == [1, 3]


def test_a_page_of_zeros_left_by_a_power_cut_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "zeros"
    path.write_bytes(bytes(4096))
    assert read_frames(path, 0) == ([], 0)
    assert behind_broken_frame(path, 0) == 4096


def test_reading_goes_on_from_the_offset_in_bounded_batches(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for n in range(10):
        spool.append({"n": n})
    offset, seen = 0, []
    while batch := read_frames(files(tmp_path)[0], offset, records=3):
        records, offset = batch
        if not records:
            break
        assert len(records) <= 3
        seen += [record.header["n"] for record in records]
    assert seen == list(range(10))


def test_files_are_rotated_by_size(tmp_path: Path) -> None:
    spool = Spool(tmp_path, rotate_bytes=100)
    for n in range(6):
        spool.append({"n": n}, b"x" * 60)
    assert len(files(tmp_path)) == 3
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files(tmp_path))


def test_a_full_disk_is_said_and_the_file_ends_as_it_did_before(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for the full disk: the first write over it is short, the next one fails (setrlimit(2))."""
    program = (
        "spool.append({'n': 1}); resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "for n in (2, 3):\n"
        "    try: spool.append({'n': n}, b'x' * 200)\n"
        "    except SpoolUnavailable as error: print('refused:', error)\n"
        "spool.append({'n': 4}); print('goes on')"
    )
    output, _ = child(tmp_path, program).communicate(timeout=20)
    assert output.count("refused:") == 2
    assert "goes on" in output
    found, end = read_frames(files(tmp_path)[0], 0)
    assert [record.header["n"] for record in found] == [1, 4]
    assert end == files(tmp_path)[0].stat().st_size


def test_a_real_full_disk_is_said_and_forgotten_once_there_is_room(tmp_path: Path) -> None:
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path]).returncode:
        pytest.skip("only root may mount the 64 KiB disk that this test fills")
    try:
        ballast = tmp_path / "ballast"
        ballast.write_bytes(bytes(48 << 10))
        spool = Spool(tmp_path)
        spool.append({"n": 1})
        with pytest.raises(SpoolUnavailable):
            spool.append({"n": 2}, b"x" * (32 << 10))
        ballast.unlink()
        spool.append({"n": 3}, b"x" * (32 << 10))
        assert [record.header["n"] for record in read_frames(files(tmp_path)[0], 0)[0]] == [1, 3]
        spool.close()
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolUnavailable):
        Spool(tmp_path / "file" / "spool").append({})


def test_a_forked_child_writes_its_own_file_and_leaves_its_parents_lock_alone(tmp_path: Path) -> None:
    program = (
        "spool.append({'who': 'parent'})\n"
        "if os.fork() == 0:\n"
        "    spool.append({'who': 'child'}); print(os.getpid(), flush=True); signal.pause()\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    parent = child(tmp_path, program)
    assert parent.wait(20) == -signal.SIGKILL
    assert parent.stdout is not None
    survivor = int(parent.stdout.readline())
    try:
        found = {path: read_frames(path, 0)[0][0].header["who"] for path in files(tmp_path)}
        gone = {who: owner_is_gone(path) for path, who in found.items()}
        assert gone == {"parent": True, "child": False}
    finally:
        os.kill(survivor, signal.SIGKILL)


def owner_is_gone(path: Path) -> bool:
    with path.with_name(path.name.split("-")[0] + ".lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_fsync_durability_writes_the_same_frames(tmp_path: Path) -> None:
    Spool(tmp_path, "fsync").append({"n": 1}, b"blob")
    assert read_frames(files(tmp_path)[0], 0)[0][0].blob == b"blob"


def test_a_failing_fdatasync_refuses_the_record_and_the_file_is_left(tmp_path: Path) -> None:
    """After a failed fsync the next one may lie, so the record after it goes to a new file."""
    program = (
        "spool = Spool(Path(sys.argv[1]), 'fsync')\n"
        "for n in (1, 2):\n"
        "    try: spool.append({'n': n}); print('kept')\n"
        "    except SpoolUnavailable as error: print('refused:', error)"
    )
    strace = ["strace", "-qq", "-o", os.devnull, "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1"]
    if shutil.which("strace") is None or subprocess.run([*strace, "true"], capture_output=True).returncode:
        pytest.skip("strace, which injects the fault, cannot be run here")
    output, _ = child(tmp_path, program, *strace).communicate(timeout=20)
    assert output.splitlines() == ["refused: Input/output error", "kept"]
    assert len(files(tmp_path)) == 2
