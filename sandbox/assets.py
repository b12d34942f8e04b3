"""The scripts of others that our pages load, put beside our own: `python -m sandbox.assets`, at set-up.

They come as WebJars, which are jars with a package of npm's inside, so that neither Node nor npm is needed.
"""

import sys
import zipfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from rich.console import Console

from sandbox.stack import StackError, StackOptions
from sandbox.stack.downloads import Jar, JarCache

__all__ = ["ASSETS", "JARS", "Asset", "lay_out", "main"]

_LOCK = "browser-assets.lock"
_VENDOR = Path(__file__).parents[1] / "web" / "pages" / "static" / "vendor"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file inside a jar, by its path in the package."""

    jar: Jar
    path: str

    @property
    def entry(self) -> str:
        """Where WebJars keep it."""
        return f"META-INF/resources/webjars/{self.jar.artifact}/{self.jar.version}/{self.path}"


def _locked() -> tuple[Asset, ...]:
    lines = resources.files(__package__).joinpath(_LOCK).read_text(encoding="utf-8").splitlines()
    told = [line.rpartition(" ") for line in lines if line and not line.startswith("#")]
    return tuple(Asset(Jar.parse(jar), path) for jar, _, path in told)


ASSETS = _locked()
JARS = tuple(dict.fromkeys(asset.jar for asset in ASSETS))


def lay_out(folder: Path, cache: JarCache, console: Console | None = None) -> list[Path]:
    """Every asset as a file of the folder, which has nothing else afterwards. Raises StackError."""
    fetched = dict(zip(JARS, cache.ready(console), strict=True))
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.iterdir():
        left.unlink()
    laid = []
    for asset in ASSETS:
        with zipfile.ZipFile(fetched[asset.jar]) as archive:
            file = folder / Path(asset.path).name
            file.write_bytes(archive.read(asset.entry))
            laid.append(file)
    return laid


def main() -> None:
    """Lay them out; exit code 2 and one line where one cannot be had."""
    console = Console(stderr=True, highlight=False)
    cache = JarCache(
        StackOptions.from_environment().cache,
        jars=JARS,
        what="the pages' scripts (once)",
        lock=_LOCK,
    )
    try:
        lay_out(_VENDOR, cache, console)
    except StackError as error:
        console.print(f"error: {error}", markup=False, soft_wrap=True, style="bold red")
        sys.exit(2)


if __name__ == "__main__":
    main()
