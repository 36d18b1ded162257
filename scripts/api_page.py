"""Write docs/api.md from the docstrings of the public names: `make api`."""

import inspect
from pathlib import Path

import fourfloor as ff

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
HEAD = """# Python API

`import fourfloor as ff` offers these names. `make api` writes this page from their docstrings, and
the tests run the examples in them.
"""


def page() -> str:
    """Return the page: every public name with its signature and docstring, classes with their methods."""
    parts = [HEAD]
    for name in ff.__all__:
        public = getattr(ff, name)
        parts.append(section("##", f"ff.{name}", public))
        if inspect.isclass(public):
            methods = [(key, value) for key, value in vars(public).items() if inspect.isfunction(value)]
            parts += [section("###", f"{name}.{key}", value) for key, value in methods if not key.startswith("_")]
    return "\n".join(parts)


def section(mark: str, name: str, public: object) -> str:
    """Return a heading, the arguments of a function, and the docstring as it stands in the source."""
    told = [f"{mark} {name}", ""]
    if inspect.isfunction(public):
        names = [
            f"**{key}" if value.kind is value.VAR_KEYWORD else key if value.default is value.empty else f"{key}=..."
            for key, value in inspect.signature(public).parameters.items()
            if key != "self"
        ]
        told += [f"`{name}({', '.join(names)})`", ""]
    return "\n".join([*told, "```text", inspect.getdoc(public) or "", "```", ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
