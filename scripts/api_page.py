"""Write docs/api.md from the docstrings of the public names: `make api`."""

import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import fourfloor as ff

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
HEAD = """# Python API

`import fourfloor as ff` offers these names. `make api` writes this page from their docstrings, and
the tests run the examples in them.

- Arrays are numpy arrays. Audio is `(channels, samples)`, float32 in [-1, 1].
- Call everything from any thread, and several calls at once: the result equals that of a single
  call. Trainings are the exception: run a second one in a process of its own.
- A call changes nothing in your process: no random state, no thread count, no signal handler.
- `ff.FourfloorError` (a `ValueError`) means a mistake that you can mend. Every other exception is a
  bug.
- `on_progress(done, total, text)` and `on_note(line)` are optional everywhere. What they return is
  ignored, so `print` fits. `PathLike` is a `str` or an `os.PathLike`.
"""
RESULTS = {
    "fourfloor.ingestion.folder": ("IngestReport", "TrackReport"),
    "fourfloor.ingestion.catalogue": ("Catalogue",),
    "fourfloor.evaluation.scorecard": ("Scorecard",),
    "fourfloor.comparing.report": ("Comparison", "System", "Part"),
    "fourfloor.packs": ("PackLoop", "PackReport"),
    "fourfloor.api.models": ("FamilyEntry", "ModelEntry", "Unreadable"),
}


def page() -> str:
    """Return the page: every public name with its signature and docstring, classes with their fields and methods."""
    parts = [HEAD]
    for name in ff.__all__:
        parts += sections(f"ff.{name}", getattr(ff, name))
    parts.append(
        "## Classes of results\n\nThe calls above return them; they are imported from the modules named here.\n"
    )
    for module, names in RESULTS.items():
        for name in names:
            parts += sections(f"{module}.{name}", getattr(importlib.import_module(module), name))
    return "\n".join(parts)


def sections(name: str, public: object) -> list[str]:
    """Return the section of a public name, and those of its methods."""
    parts = [section("##", name, public)]
    if inspect.isclass(public):
        of_bases = {key: value for base in reversed(public.__mro__) for key, value in vars(base).items()}
        methods = [(key, value) for key, value in of_bases.items() if inspect.isfunction(value) and key[0] != "_"]
        parts += [section("###", f"{public.__name__}.{key}", call) for key, call in methods]
    return parts


def section(mark: str, name: str, public: object) -> str:
    """Return a heading, the arguments of a function or the fields of a class, and the docstring."""
    lines = [f"{mark} {name}", "", "```python"]
    if inspect.isfunction(public):
        signature = inspect.signature(public)
        arguments = [_argument(value) for key, value in signature.parameters.items() if key != "self"]
        keyword_only = [
            value.kind is value.KEYWORD_ONLY for key, value in signature.parameters.items() if key != "self"
        ]
        if True in keyword_only:
            arguments.insert(keyword_only.index(True), "*")
        lines += [_wrapped(name, arguments, f") -> {_plain(signature.return_annotation)}")]
    elif inspect.isclass(public) and dataclasses.is_dataclass(public):
        lines += [_wrapped(public.__name__, [f"{row.name}: {_plain(row.type)}" for row in dataclasses.fields(public)])]
    else:
        lines.pop()
        return "\n".join([*lines, "```text", inspect.getdoc(public) or "", "```", ""])
    return "\n".join([*lines, "```", "", "```text", inspect.getdoc(public) or "", "```", ""])


def _argument(parameter: inspect.Parameter) -> str:
    shown = f"{parameter.name}: {_plain(parameter.annotation)}"
    if parameter.default is parameter.empty:
        return shown
    is_function = inspect.isfunction(parameter.default)
    return f"{shown} = {'...' if is_function else _plain(repr(parameter.default))}"


def _plain(annotation: object) -> str:
    """Write a type or a value without modules and without what is known."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    text = re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Za-z])", "", text).replace("str | PathLike[str]", "PathLike")
    text = re.sub(r"Controls\(.*?\)", "Controls()", re.sub(r"\('flac'.*?\)", "FORMATS", text))
    return text.replace("Callable[[float, float, str], object]", "OnProgress").replace(
        "Callable[[str], object]", "OnNote"
    )


def _wrapped(name: str, parts: list[str], end: str = ")") -> str:
    """Write a call in one line, or one line a part where that is too long."""
    line = f"{name}({', '.join(parts)}{end}"
    return line if len(line) <= 100 else "\n".join([f"{name}(", *(f"    {part}," for part in parts), end])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
