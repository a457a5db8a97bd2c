"""Policies from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from interfere.check._names import meant
from interfere.check._policy import Policy, Rule, RunDemands
from interfere.errors import InputError

SCHEMA = 1

_Check = Callable[[str, Any], Any]


def read_policy(path: str | Path) -> Policy:
    """Read a policy.

    Args:
        path: a TOML file; docs/check.md explains its keys.

    Raises:
        InputError: it cannot be read, or a key or value is wrong; the message names the file, the rule and the key.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such policy; `interfere check RUN --init` writes one") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text in UTF-8 (byte {error.start})") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    return parse_policy(text, str(path))


def parse_policy(text: str, file: str = "the policy") -> Policy:
    """Read a policy from its text.

    Args:
        text: TOML.
        file: its name, for messages.

    Raises:
        InputError: as `read_policy`.
    """
    try:
        # Line ends of Windows in a file that was read as bytes.
        document = tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file}: not valid TOML: {error}") from None
    except RecursionError:
        raise InputError(f"{file}: not valid TOML: nested too deeply") from None
    _known(document, ("schema", "run", "rule"), file)
    schema = document.get("schema")
    if type(schema) is not int or schema != SCHEMA:
        given = "schema is missing" if schema is None else f"schema = {schema!r}"
        raise InputError(f"{file}: {given}; this interfere reads `schema = {SCHEMA}`")
    run = _section(document.get("run", {}), f"{file}, [run]", RunDemands, _RUN)
    rules = document.get("rule", [])
    if not isinstance(rules, list):
        raise InputError(f"{file}: rules are written [[rule]], in double brackets")
    return Policy([_rule(rule, number, file) for number, rule in enumerate(rules, start=1)], run, file)


def _rule(found: Any, number: int, file: str) -> Rule:
    name = found.get("name") if isinstance(found, dict) else None
    called = f" ({name!r})" if isinstance(name, str) else ""
    where = f"{file}, rule {number}{called}"
    rule: Rule = _section(found, where, Rule, _RULE, needed=("name", "table", "quantity"))
    return rule


def _section(
    found: Any, where: str, make: Callable[..., Any], checks: Mapping[str, _Check], needed: tuple[str, ...] = ()
) -> Any:
    if not isinstance(found, dict):
        raise InputError(f"{where}: expected keys and values")
    _known(found, tuple(checks), where)
    for key in needed:
        if key not in found:
            raise InputError(f"{where}: {key} is missing")
    try:
        return make(**{key: checks[key](key, value) for key, value in found.items()})
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _known(found: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in found:
        if key not in known:
            raise InputError(f"{where}: there is no key {key!r}; {meant(key, known)}")


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"{key} = {value!r}: expected text in quotes")
    return value


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{key} = {value!r}: expected a number")
    try:
        return float(value)
    except OverflowError:
        raise InputError(f"{key}: the number is too large") from None


def _count(key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{key} = {value!r}: expected a whole number")
    return value


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{key} = {value!r}: expected true or false")
    return value


def _texts(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InputError(f'{key} = {value!r}: expected a list of texts, as in ["de", "en"]')
    return tuple(value)


def _pairs(key: str, value: Any) -> tuple[tuple[str, str], ...]:
    good = isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(name, str) for name in pair) for pair in value
    )
    if not good:
        raise InputError(f'{key} = {value!r}: expected a list of pairs, as in [["de", "en"], ["uk", "*"]]')
    return tuple((pair[0], pair[1]) for pair in value)


def _where(key: str, value: Any) -> dict[str, tuple[str | int | float | bool, ...]]:
    if not isinstance(value, dict):
        raise InputError(f'{key} = {value!r}: expected columns and values, as in {{ group = "body" }}')
    out = {}
    for column, wanted in value.items():
        items = wanted if isinstance(wanted, list) else [wanted]
        if not all(isinstance(item, str | int | float | bool) for item in items):
            raise InputError(
                f"{key}.{column} = {wanted!r}: expected a text, a number, true or false, or a list of them"
            )
        out[column] = tuple(items)
    return out


_RUN: Mapping[str, _Check] = {"kind": _text, "languages": _texts, "warnings": _text}
_RULE: Mapping[str, _Check] = {
    "name": _text,
    "table": _text,
    "quantity": _text,
    "at_least": _number,
    "at_most": _number,
    "allow": _texts,
    "forbid": _texts,
    "uncertainty": _text,
    "simultaneous": _flag,
    "severity": _text,
    "undetermined": _text,
    "where": _where,
    "languages": _texts,
    "pairs": _pairs,
    "layers": _texts,
    "may_fail": _count,
    "change": _flag,
}
