"""All architectures, each in a process of its own, so that one that hangs or dies is a row and not the end."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import resource
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

import torch

from benchmarks.architectures._candidates import Candidate
from benchmarks.architectures._check import Row, check

LIMIT = 120.0
"""Seconds that one architecture may take."""

_MEMORY = 8 << 30


@dataclass
class _Running:
    candidate: Candidate
    pid: int
    connection: Connection
    since: float


def sweep(candidates: Sequence[Candidate], jobs: int, done: Callable[[Row], None]) -> list[Row]:
    """Check architectures, some at a time.

    Processes are forked, since importing transformers anew for each would take longer than the checks do.

    Args:
        candidates: what to check.
        jobs: how many at a time.
        done: called with each row.
    """
    waiting, running, rows = list(candidates), list[_Running](), list[Row]()
    while waiting or running:
        while waiting and len(running) < jobs:
            running.append(_start(waiting.pop(0)))
        ready = wait([own.connection for own in running], timeout=1.0)
        for own in list(running):
            late = time.monotonic() - own.since > LIMIT
            if own.connection in ready or late:
                rows.append(_finish(own, late=late and own.connection not in ready))
                running.remove(own)
                done(rows[-1])
    order = {(own.name, own.task): place for place, own in enumerate(candidates)}
    return sorted(rows, key=lambda row: order[row.name, row.task])


def _start(candidate: Candidate) -> _Running:
    receiving, sending = multiprocessing.Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        torch.set_num_threads(1)
        logging.disable(logging.CRITICAL)
        began = time.monotonic()
        try:
            row = check(candidate)
            row.seconds = time.monotonic() - began
            sending.send_bytes(pickle.dumps(row))
        finally:
            os._exit(0)
    sending.close()
    return _Running(candidate, pid, receiving, time.monotonic())


def _finish(own: _Running, *, late: bool) -> Row:
    if late:
        os.kill(own.pid, signal.SIGKILL)
    seconds = time.monotonic() - own.since
    try:
        row: Row = pickle.loads(own.connection.recv_bytes())
    except (EOFError, OSError):
        why = f"it took more than {LIMIT:.0f} s" if late else "its process died"
        row = Row(own.candidate.name, own.candidate.task, checks={"process": why}, seconds=seconds)
    finally:
        os.waitpid(own.pid, 0)
        own.connection.close()
    return row
