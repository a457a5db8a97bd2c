"""The hub: whether it can be reached, and what went wrong there, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from interfere.errors import RunError

# The hub's client is in offline mode because there is no network, not because the user wanted it.
_no_network: ContextVar[bool] = ContextVar("_no_network", default=False)


@contextmanager
def cache_alone_without_network(*names: str) -> Iterator[None]:
    """Put the hub's client into offline mode for a while, if the hub cannot be reached.

    Without network the client tries each file again and again, for half a minute a file, and some files that it asks
    for are in no cache because the model has none. So one request is made first, and only what is certain counts: that
    no connection comes about. Whatever is answered, however slowly, the client goes its own way.

    Args:
        names: folders or hub names of what will be loaded. If all are folders, no request is made.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE or all(_is_reachable(name) for name in set(names)):
        yield
        return
    token = _no_network.set(True)
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = False
        _no_network.reset(token)


def _is_reachable(name: str) -> bool:
    """Whether something can be loaded by its name: from its folder, or over a connection to the hub."""
    from huggingface_hub import constants, errors, get_session, hf_hub_url

    if Path(name).exists():
        return True
    try:
        url = hf_hub_url(name, "config.json")
    except errors.HFValidationError:
        # It is no hub name, and will be refused without a request.
        return True
    try:
        # Redirects would lead to other hosts, and the hub is reached once it answers at all.
        get_session().head(url, timeout=constants.HF_HUB_ETAG_TIMEOUT, follow_redirects=False)
    except Exception as error:
        # By name, since the client builds on one HTTP library in some versions and on another one in others.
        return type(error).__name__ not in ("ConnectError", "ConnectTimeout")
    return True


def resolved_revision(name: str, revision: str | None, file: str = "config.json") -> str | None:
    """The commit of a hub model as it lies in the cache, None for a folder.

    Args:
        name: a folder or a name on the hub.
        revision: branch, tag or commit.
        file: one that the model surely has, by its path in the repository.
    """
    from huggingface_hub import try_to_load_from_cache

    if Path(name).is_dir():
        return None
    cached = try_to_load_from_cache(name, file, revision=revision)
    # The snapshot is as many steps up as the path has parts.
    return Path(cached).parents[file.count("/")].name if isinstance(cached, str) else None


def cached_folder(name: str, revision: str | None, subfolder: str = "") -> Path | None:
    """The folder of a hub model in the cache, None where there is none of that revision."""
    from huggingface_hub import errors, try_to_load_from_cache

    file = f"{subfolder}/config.json" if subfolder else "config.json"
    try:
        cached = try_to_load_from_cache(name, file, revision=revision)
    except errors.HFValidationError:
        return None
    return Path(cached).parent if isinstance(cached, str) else None


def explain(error: BaseException, name: str, revision: str | None, what: str = "model") -> RunError:
    """Turn an error of transformers or of the hub's client into one of ours.

    Args:
        error: what was raised while a config, a tokenizer or weights were being read.
        name: the folder or hub name that the user gave.
        revision: the revision that the user gave.
        what: what was being read: `model` or `tokenizer`.
    """
    from huggingface_hub import errors

    chain = list(_causes(error))

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in chain)

    if caused_by(errors.HFValidationError):
        return RunError(
            f"{what} {name!r} is neither a folder nor in the cache, and it is no name of a model on the hub"
        )
    if caused_by(errors.GatedRepoError):
        return RunError(
            f"{what} {name!r} is gated: ask for access on its page on the hub, then log in with `hf auth login`"
        )
    if caused_by(errors.RevisionNotFoundError):
        return RunError(f"{what} {name!r} has no revision {revision!r}; give a branch, a tag or a commit of it")
    if caused_by(errors.RepositoryNotFoundError):
        return RunError(
            f"{what} {name!r} is neither a folder nor on the hub; if it is private, log in with `hf auth login`"
        )
    if caused_by(errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, ConnectionError, TimeoutError):
        return not_in_cache(name, revision, what)
    if "trust_remote_code" in str(error):
        return RunError(
            f"{what} {name!r} brings its own Python code; read it, and give --trust-remote-code if you trust it"
        )
    return RunError(f"{what} {name!r} does not load: {first_line(error)}")


def printable(text: str) -> str:
    """A text from a file, with whatever a terminal would act on made visible."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def first_line(error: BaseException, limit: int = 240) -> str:
    """The first line of an error's text, cut to a length that fits a terminal."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = (
        " ".join(lines[:2]) if lines and (len(lines[0]) < 60 or lines[0].endswith(":")) else (lines[0] if lines else "")
    )
    text = printable(text) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"


def not_in_cache(name: str, revision: str | None, what: str = "model") -> RunError:
    """The error for what is neither a folder nor in the hub's cache, with the way to get it."""
    from huggingface_hub import constants, try_to_load_from_cache

    asked = f"{what} {name!r}" if revision is None else f"{what} {name!r} at revision {revision!r}"
    if revision is not None and isinstance(try_to_load_from_cache(name, "config.json"), str):
        asked += " (another revision of it is in the cache)"
    remedy = (
        "offline mode is on: unset HF_HUB_OFFLINE to download it, or give the path of a folder"
        if constants.HF_HUB_OFFLINE and not _no_network.get()
        else "the hub cannot be reached: connect to download it, or give the path of a folder"
    )
    return RunError(f"{asked} is neither a folder nor in the cache; {remedy}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
