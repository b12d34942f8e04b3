"""What can go wrong with the local stack.

StackError                  every one of them; its message is one line for the person at the keyboard
├── NothingToStartError     a part is missing on this machine; the message says which, and how to get it
├── FetchError              a file could not be fetched, or is not the one that was asked for
├── ServerFailedError       a server did not start, did not answer in time, or ended unbidden
└── NotOursError            asked to stop, kill or pause a server that settings named and that is not ours
"""

__all__ = ["FetchError", "NotOursError", "NothingToStartError", "ServerFailedError", "StackError"]


class StackError(Exception):
    """The local stack cannot do what was asked; the message is one line."""


class NothingToStartError(StackError):
    """Neither settings, nor Docker, nor a package gives a server to start."""


class FetchError(StackError):
    """A file could not be fetched, or what came is not what the lock file names."""


class ServerFailedError(StackError):
    """A server did not start, did not answer in time, or ended without being asked to."""


class NotOursError(StackError):
    """The server was named by settings: it is used, and never stopped, killed or paused."""
