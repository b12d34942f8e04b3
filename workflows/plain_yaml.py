"""YAML for plain data. Imported where a file is read or written: no start of the service needs it."""

from collections.abc import Hashable
from typing import Any

import yaml

__all__ = ["NotPlain", "dumped", "loaded"]


class NotPlain(Exception):
    """The text is no YAML, or means more than plain data; the message says what and where."""


def loaded(text: str) -> Any:
    """The data of a text. Raises NotPlain."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  # a safe loader, made stricter
    except (yaml.YAMLError, ValueError) as error:
        raise NotPlain(" ".join(str(error).split())) from None
    except RecursionError:
        raise NotPlain("it is nested too deep") from None


def dumped(data: Any) -> str:
    """The text of some data, in its order."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Loader(yaml.SafeLoader):
    """Plain data only: no aliases, by which a small file means a huge one, and no key twice, of which one is lost."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read: write out what is meant")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  # as yaml calls it
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} is there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    """Writes everything out."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # of whatever it is
        return True
