"""The command that opens the studio: studio."""

from pathlib import Path
from typing import Annotated

import typer

from fourfloor.errors import FourfloorError

commands = typer.Typer()


@commands.command(
    rich_help_panel="Make loops",
    epilog=("Example: fourfloor studio\n\nExample: fourfloor studio --blind loops/before loops/after"),
)
def studio(
    library: Annotated[Path, typer.Option(help="Folder in which everything that is made stays.")] = Path("~/fourfloor"),
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes any free one.", min=0, max=65535)] = 8137,
    host: Annotated[str, typer.Option(help="Address to serve; another than this machine needs --token.")] = "127.0.0.1",
    token: Annotated[str | None, typer.Option(help="Password of the page.", show_default=False)] = None,
    blind: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Compare the loops of two folders without knowing which is which.", show_default=False),
    ] = None,
    samples: Annotated[
        bool, typer.Option("--samples", help="Let pages of live coding read loved loops: /samples/strudel.json.")
    ] = False,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
) -> None:
    """Make loops on a page in the browser: hear them in time, keep the good ones, drag them into a DAW.

    The page is served by this machine and needs no network. It stops with Ctrl-C; all loops stay in the library.

    --blind FOLDER FOLDER opens a page that plays pairs of loops at one loudness, asks which one you would keep, and
    says in the end how far the answers are from chance.
    """
    try:
        from fourfloor.studio.serving import serve
    except ModuleNotFoundError as error:
        raise FourfloorError(f"the studio needs {error.name}: pip install 'fourfloor[studio]'") from None

    def ready(address: str) -> None:
        print(f"Studio at {address}  (Ctrl-C stops it; loops stay in {library})", flush=True)
        if open_page:
            import webbrowser

            webbrowser.open(address)

    serve(library, port, host, token, ready, blind, samples)
