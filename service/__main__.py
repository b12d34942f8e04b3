"""The program `cscx-salesloft`, also as `python -m service`."""

import gc
import sys

__all__ = ["main"]


def main() -> None:
    """Import the commands and run the one that was asked for; `run` without the others, whose imports it would pay."""
    # What is imported stays. To look through it for garbage, again and again as it grows, is a fifth of a start.
    gc.disable()
    if sys.argv[1:2] == ["run"]:
        from service.running import app  # noqa: PLC0415 - see above
    else:
        from service.cli import app  # noqa: PLC0415 - see above

    gc.freeze()
    gc.enable()
    app()


if __name__ == "__main__":
    main()
