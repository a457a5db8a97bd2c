"""Checkpoints by name: the cache, the hub, and no network."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub import constants

from interfere.checkpoint import load_checkpoint
from interfere.checkpoint._hub import cache_alone_without_network
from interfere.errors import InputError
from tests.checkpoint.refused import refused
from tests.tiny import save_tiny

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOBODY = "http://127.0.0.1:9"
"""An address at which nothing listens."""


def test_what_is_neither_a_folder_nor_in_the_cache(tmp_path):
    for name in ("nobody/no-such-model", "no-such-model"):
        message = refused(name)
        assert f"{name!r} is neither a folder nor in the cache" in message
        assert "HF_HUB_OFFLINE" in message
    for name in ("./no/such/folder", "/no/such/folder", "a b"):
        assert f"{name!r} is neither a folder nor in the cache" in refused(name)
    assert "is empty" in refused("", InputError)


def _cache_tiny(cache: Path) -> None:
    repository = cache / "models--nobody--tiny"
    save_tiny(repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)


def test_a_model_in_the_hubs_cache_has_its_commit_as_revision(tmp_path):
    _cache_tiny(tmp_path / "cache")
    checkpoint = load_checkpoint("nobody/tiny")
    assert (checkpoint.id, checkpoint.revision) == ("nobody/tiny", COMMIT)
    assert load_checkpoint("nobody/tiny", revision=COMMIT).revision == COMMIT
    message = refused("nobody/tiny", revision="v2")
    assert "at revision 'v2'" in message
    assert "another revision of it is in the cache" in message


@pytest.fixture
def hub(monkeypatch):
    """Set the address of the hub; the client may ask it, and may not wait to ask again."""

    def set_address(address: str) -> None:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"waits {seconds} s to ask again"))

    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield set_address
    # A connection that is left open would be a warning of some later test.
    huggingface_hub.close_session()


def test_without_network_it_is_said_at_once_what_is_missing(hub, tmp_path):
    hub(NOBODY)
    words = "is neither a folder nor in the cache; the hub cannot be reached: connect to download it"
    assert f"model 'xlm-roberta-base' {words}" in refused("xlm-roberta-base")
    assert f"tokenizer 'no/where' {words}" in refused(save_tiny(tmp_path / "m"), tokenizer="no/where")
    # What was changed for the time of loading is as it was.
    assert constants.HF_HUB_OFFLINE is False
    constants.HF_HUB_OFFLINE = True
    assert "offline mode is on: unset HF_HUB_OFFLINE" in refused("xlm-roberta-base")
    assert constants.HF_HUB_OFFLINE is True


def test_without_network_a_model_in_the_cache_loads_without_waiting(hub, tmp_path):
    _cache_tiny(tmp_path / "cache")
    hub(NOBODY)
    assert load_checkpoint("nobody/tiny").revision == COMMIT
    assert load_checkpoint("nobody/tiny", revision=COMMIT).revision == COMMIT
    message = refused("nobody/tiny", revision="v2")
    assert "another revision of it is in the cache" in message
    assert "the hub cannot be reached" in message
    assert constants.HF_HUB_OFFLINE is False


def test_folders_and_impossible_names_are_not_asked_for(hub, monkeypatch, tmp_path):
    hub(NOBODY)
    monkeypatch.setattr(huggingface_hub, "get_session", lambda: pytest.fail("asks the hub"))
    assert load_checkpoint(save_tiny(tmp_path / "m")).revision is None
    assert "no name of a model on the hub" in refused("/no/such/folder")
    file = tmp_path / "en.txt"
    file.write_text("")
    assert (
        refused(file)
        == f"model '{file}' is a file; give the folder that config.json and the weights are in, or a GGUF file"
    )
    message = refused(tmp_path / "m", tokenizer=file)
    assert message == f"tokenizer '{file}' is a file; give the folder that it is in"


class _Hub(BaseHTTPRequestHandler):
    """A hub of one's own that has no models, and may take its time to say so."""

    def do_HEAD(self) -> None:
        self.server.silence.wait()
        self.server.asked.append(self.path)
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def own_hub(hub):
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hub) as server:
        server.daemon_threads = True
        server.asked, server.silence = [], threading.Event()
        server.silence.set()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        hub(f"http://127.0.0.1:{server.server_port}")
        yield server
        server.silence.set()
        huggingface_hub.close_session()
        server.shutdown()
        thread.join()


def test_what_a_hub_answers_counts_wherever_it_is(own_hub):
    assert "is neither a folder nor on the hub; if it is private, log in" in refused("nobody/secret", revision="v2")
    assert own_hub.asked[0] == "/nobody/secret/resolve/main/config.json"
    assert "/nobody/secret/resolve/v2/config.json" in own_hub.asked


def test_a_hub_that_is_slow_to_answer_is_reached(own_hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.05)
    own_hub.silence.clear()
    with cache_alone_without_network("nobody/secret"):
        assert constants.HF_HUB_OFFLINE is False


@pytest.mark.parametrize(("kind", "offline"), [("ConnectTimeout", True), ("ConnectError", True), ("ReadError", False)])
def test_only_a_connection_that_does_not_come_about_is_no_network(hub, monkeypatch, kind, offline):
    hub(NOBODY)

    def head(*arguments: object, **options: object) -> None:
        raise type(kind, (Exception,), {})

    monkeypatch.setattr(huggingface_hub, "get_session", lambda: SimpleNamespace(head=head))
    with cache_alone_without_network("nobody/secret"):
        assert constants.HF_HUB_OFFLINE is offline
    assert constants.HF_HUB_OFFLINE is False
