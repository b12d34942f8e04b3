"""The program `cscx-salesloft`, also as `python -m service`."""

import gc

__all__ = ["main"]


def main() -> None:
    """Import the commands and run the one that was asked for."""
    # What is imported stays. To look through it for garbage, again and again as it grows, is a fifth of a start.
    gc.disable()
    from service import cli  # noqa: PLC0415 - see above

    gc.freeze()
    gc.enable()
    cli.main()


if __name__ == "__main__":
    main()
