"""``python -m sandbox.salesloft``: the simulator alone, without the rest of the sandbox."""

import typer

from sandbox.salesloft.cli import salesloft

if __name__ == "__main__":
    typer.run(salesloft)
