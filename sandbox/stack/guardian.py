"""Stands between us and one server process, so that the server never outlives us.

A program of its own that needs the standard library alone: it makes the server's folder, starts the server as its
child and waits. Its standard input is a pipe whose other end only we hold: when that closes, because we are done or
because we were killed, it stops the server, removes the folder if it was a temporary one, and ends. It lives in a
session of its own, so that Ctrl-C reaches us and not it.

Whether a server is gone is asked of a second pipe, the lifeline: the server and all that it forks inherit its writing
end, so the reading end says end-of-file when the last of them has ended, grandchildren included.

One JSON document a line. In: `{"spawn": [...], ...}`, `{"signal": 9}`. Out: `{"folder": "/tmp/..."}` once,
`{"spawned": pid}`, `{"refused": "why"}`, `{"exited": code}`.
"""

import contextlib
import ctypes
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PARENT_CHECK_SECONDS = 1.0
KILL_SECONDS = 15.0


def _die_with_guardian() -> Callable[[], None] | None:
    """Have Linux kill the server when the guardian itself is killed; elsewhere that one case stays open."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    return ask


class Guardian:
    """The loop: commands from one pipe, the server's end from the other."""

    def __init__(
        self, *, folder: str | None, temporary: str | None, stop_signal: int, grace: float, parent: int
    ) -> None:
        self._temporary = folder is None
        self._folder = Path(folder or tempfile.mkdtemp(prefix="cscx-salesloft-", dir=temporary))
        self._stop_signal = stop_signal
        self._grace = grace
        self._parent = parent
        self._server: subprocess.Popen[bytes] | None = None
        self._lifeline = -1
        self._selector = selectors.DefaultSelector()
        self._unread = b""

    def run(self) -> None:
        try:
            self._say(folder=str(self._folder))
            self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
            while self._turn():
                pass
        finally:
            self._stop()
            if self._temporary:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _turn(self) -> bool:
        """Wait for what comes next and act on it; False when nobody needs the server any more."""
        for key, _ in self._selector.select(PARENT_CHECK_SECONDS):
            if key.fd == self._lifeline:
                self._bury()
                continue
            received = os.read(key.fd, 65536)
            if not received:
                return False
            *lines, self._unread = (self._unread + received).split(b"\n")
            for line in lines:
                self._obey(json.loads(line))
        # A process forked from ours without exec would hold the pipe open after our end.
        return os.getppid() == self._parent

    def _obey(self, command: dict[str, Any]) -> None:
        if "spawn" in command:
            self._spawn(command)
        elif self._server is not None:
            with contextlib.suppress(ProcessLookupError):
                self._server.send_signal(command["signal"])

    def _spawn(self, command: dict[str, Any]) -> None:
        reading, writing = os.pipe()
        try:
            with Path(command["log"]).open("ab") as log:
                self._server = subprocess.Popen(  # noqa: S603 - the command is ours, no shell reads it
                    command["spawn"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self._folder,
                    env=command["environment"],
                    user=command["uid"],
                    group=command["gid"],
                    extra_groups=None if command["uid"] is None else [],
                    pass_fds=(writing,),
                    # Safe here: this process has one thread.
                    preexec_fn=_die_with_guardian(),  # noqa: PLW1509
                )
        except (OSError, subprocess.SubprocessError) as error:
            os.close(reading)
            self._say(refused=str(error))
            return
        finally:
            os.close(writing)
        self._lifeline = reading
        self._selector.register(reading, selectors.EVENT_READ)
        self._say(spawned=self._server.pid)

    def _bury(self) -> None:
        """The last process of the server has ended: collect it and say so."""
        if self._server is None:
            return
        self._selector.unregister(self._lifeline)
        os.close(self._lifeline)
        self._lifeline = -1
        code = self._server.wait()
        self._server = None
        self._say(exited=code)

    def _stop(self) -> None:
        for signals, seconds in (
            # A paused server gets no other signal before it may run on.
            ((self._stop_signal, signal.SIGCONT), self._grace),
            ((signal.SIGKILL,), KILL_SECONDS),
        ):
            if self._server is None:
                return
            for number in signals:
                with contextlib.suppress(ProcessLookupError):
                    self._server.send_signal(number)
            self._await_end(seconds)

    def _await_end(self, seconds: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._lifeline, selectors.EVENT_READ)
            deadline = time.monotonic() + seconds
            while not selector.select(max(0.0, deadline - time.monotonic())):
                if time.monotonic() >= deadline:
                    return
        self._bury()

    @staticmethod
    def _say(**event: Any) -> None:
        # Whoever listened may be gone: the end of the other pipe says so.
        with contextlib.suppress(OSError):
            os.write(sys.stdout.fileno(), json.dumps(event).encode() + b"\n")


def main() -> None:
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Guardian(**json.loads(sys.argv[1])).run()


if __name__ == "__main__":
    main()
