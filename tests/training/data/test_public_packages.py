from __future__ import annotations

import hashlib
import subprocess
import tarfile

import pytest

from training.data.public_packages import (
    BuildError,
    check_source,
    fetch_package,
    notice_name,
    notice_of,
    read_checked,
    write_archive,
)

pytestmark = pytest.mark.training

SUM = "0" * 64


@pytest.mark.parametrize("package", ["apt:fonts-lato", "npm:@fontsource/anton@5.3.0", "pypi:scikit-image==0.26.0"])
def test_packages_of_three_registries_are_known_by_name(package):
    """Those of npm and PyPI with the version that they had."""
    check_source(package, SUM)


@pytest.mark.parametrize("package", ["npm:@fontsource/anton", "pypi:scikit-image", "lato", "apt:../lato", "npm:--x@1"])
def test_a_package_without_a_version_or_a_registry_is_refused(package):
    """What the table says is shown."""
    with pytest.raises(BuildError, match="package is '"):
        check_source(package, SUM)


def test_a_checksum_is_64_hexadecimal_digits():
    """A shortened one checks nothing."""
    with pytest.raises(BuildError, match="sha256 is '00ff'; expected 64"):
        check_source("apt:fonts-lato", "00ff")


def test_files_that_are_not_what_they_were_are_refused_with_both_sums(tmp_path):
    """One checksum may stand for several files in a row."""
    (tmp_path / "a").write_bytes(b"some")
    (tmp_path / "b").write_bytes(b"thing")
    paths = [tmp_path / "a", tmp_path / "b"]
    found = hashlib.sha256(b"something").hexdigest()

    assert read_checked("apt:x", paths, found) == [b"some", b"thing"]
    with pytest.raises(BuildError, match=rf"apt:x, a and 1 more: sha256 is {found}; expected {SUM}"):
        read_checked("apt:x", paths, SUM)


def test_a_file_that_a_package_no_longer_has_is_named(tmp_path):
    """The package and the file, not a path of a temporary folder."""
    with pytest.raises(BuildError, match=r"apt:x has no Gone\.ttf"):
        read_checked("apt:x", [tmp_path / "Gone.ttf"], SUM)


def test_what_the_registrys_client_says_is_passed_on(tmp_path, monkeypatch):
    """A package that cannot be had is no stack trace."""

    def refuse(command, **_):
        raise subprocess.CalledProcessError(100, command, stderr="E: Unable to locate package x\n")

    monkeypatch.setattr(subprocess, "run", refuse)

    with pytest.raises(BuildError, match=r"apt:x could not be fetched: .*E: Unable to locate package x"):
        fetch_package("apt:x", tmp_path)


def test_an_archive_is_the_same_whenever_it_is_written(tmp_path):
    """Its bytes depend on names and contents alone."""
    members = {"b": b"2", "a": b"1"}

    write_archive(tmp_path / "one.tar.xz", members)
    write_archive(tmp_path / "two.tar.xz", dict(reversed(members.items())))

    assert (tmp_path / "one.tar.xz").read_bytes() == (tmp_path / "two.tar.xz").read_bytes()
    with tarfile.open(tmp_path / "one.tar.xz") as archive:
        assert {member.name: archive.extractfile(member).read() for member in archive} == members


def test_a_licence_text_is_found_where_a_package_has_it(tmp_path):
    """Its name in the pack is that of the package, without its version."""
    assert notice_of(tmp_path) is None
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "LICENSE").write_bytes(b"Do as you like.")

    assert notice_of(tmp_path) == b"Do as you like."
    assert notice_name("npm:@fontsource/anton@5.3.0") == "npm-fontsource-anton.txt"
    assert notice_name("pypi:scikit-image==0.26.0") == "pypi-scikit-image.txt"
