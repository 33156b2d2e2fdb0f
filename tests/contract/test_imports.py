"""Who may import whom: the house's rules, read from the source itself."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WORDS = {"errors", "options", "shapes", "regions"}
"""What every room may speak: the error tree, and what callers ask for and are told."""
LOOKERS = ("segmenter", "detector", "inpainter")
PLANNERS = (
    "fills", "boards", "bubbles", "dashes", "groups", "letters", "lone_marks", "plan", "pockets", "refine", "rims",
    "selection", "strays", "verify",
)  # fmt: skip
"""What the Eraser decides and fills plainly with; no network is run here."""
SERVING = {"workers", "telemetry", "http"}

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "shapes": {"errors"},
    "regions": {"imaging"},
    "options": WORDS,
    "imaging": {"errors", "options"},
    "deadline": {"errors"},
    "store": {"errors"},
    "session": {"store", "deadline", "errors"},
    "plausibility": {"store", "imaging"},
    # The detector and the planners read the segmenter's maps.
    **{room: {"session", "store", "deadline", "plausibility", "segmenter", "imaging", *WORDS} for room in LOOKERS},
    **{room: {*PLANNERS, "segmenter", "imaging", *WORDS} for room in PLANNERS},
    "steps": {*LOOKERS, *PLANNERS, "deadline", "imaging", *WORDS},
    "eraser": {"steps", *LOOKERS, *PLANNERS, "deadline", "imaging", *WORDS},
    "workers": {"deadline", "errors"},
    "telemetry": {"workers", "store", "errors"},
    "http": {"telemetry", "errors"},
    "api": {"eraser", *SERVING, "batch", "files", "store", "deadline", "imaging", "bundle", *WORDS},
    "batch": {"eraser", "store", "deadline", "imaging", "files", *WORDS},
    "app": {"api", "batch", "eraser", *LOOKERS, "session", "store", "settings", "bundle", *SERVING, *WORDS},
    # The command line: what starts the process, what reads and writes the user's files.
    "bundle": set(),
    "host": {"errors"},
    "settings": {"host"},
    "files": WORDS,
    "ray_serve": {"app", "settings", "host"},
    "server": {"app", "api", "settings", "host", *SERVING, *WORDS},
    "commands": {"settings"},
    "health": {"commands"},
    "cli": {
        "app",
        "api",
        "batch",
        "eraser",
        "deadline",
        "server",
        "settings",
        "files",
        "host",
        "store",
        "commands",
        "health",
        *WORDS,
    },
    "__main__": {"cli"},
    "__init__": set(),
}
"""For each room of the service, the rooms that it may import; itself always. The package's version is everyone's."""

ONLY_IN: dict[str, set[str]] = {
    "onnxruntime": {"service/session.py", "training/quantize.py"},  # it runs graphs, and rounds one to integers
    "fastapi": {"service/api", "service/app.py"},
    "fastapi_offline": {"service/api", "service/app.py"},
    "starlette": {"service/api", "service/app.py", "service/http"},
    "uvicorn": {"service/server.py", "service/http", "service/cli.py"},
    "pydantic_settings": {"service/settings.py"},
    "prometheus_client": {"service/telemetry.py"},
    "structlog": {"service/telemetry.py"},
    "click": {"service/cli.py", "service/commands.py", "service/health.py"},
    "rich": {"service/cli.py"},
    "psd_tools": {"service/imaging/layers/psd.py"},
    "pypdfium2": {"service/batch/pdf.py"},
    "img2pdf": {"service/batch/pdf.py"},
    "pikepdf": {"service/batch/pdf.py"},
    "ray": {"service/batch/ray_engine.py", "service/ray_serve.py"},
    "torch": {"training"},
    "pyclipper": {"training"},
    "onnx": {"training"},
}
"""For each library that belongs to one room, the files and folders that may import it."""

TRAINING_MAY_IMPORT = (
    "service.imaging", "service.session", "service.store", "service.deadline",
    "service.segmenter", "service.plausibility",
)  # fmt: skip
"""Train and serve share pre- and post-processing; parity is checked through the serving Session, which is made from a
Model of the store and run with a Deadline. What judges groups of strokes is fitted to what the segmenter finds."""


def sources(*folders: str) -> list[Path]:
    """Every Python file in the folders, by its path from the root."""
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert files
    return [path.relative_to(ROOT) for path in files]


def module_name(path: Path) -> str:
    """`service/api/__init__.py` is `service.api`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


@cache
def nodes(path: Path) -> list[ast.AST]:
    """The file's syntax, every node of it."""
    return list(ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))))


def imports(path: Path) -> Iterator[str]:
    """Every module that the file imports, anywhere in it; `from package import module` counts as the module."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if is_module(whole) else node.module


def is_module(name: str) -> bool:
    """Whether a file or a folder of ours has this name."""
    place = ROOT / name.replace(".", "/")
    return place.is_dir() or place.with_suffix(".py").is_file()


def room_of(module: str) -> str:
    """`service.api.erase` stands in the room `api`; the package itself is `__init__`."""
    return f"{module}.__init__".split(".")[1]


@pytest.mark.parametrize("path", sources("service"), ids=str)
def test_rooms_import_only_what_the_house_allows(path: Path) -> None:
    """Each import of ours, in each file of the service, is in the table."""
    room = room_of(module_name(path))
    assert room in MAY_IMPORT, f"{path}: a room that the table does not know"

    found = {room_of(name) for name in imports(path) if name.split(".")[0] == "service"}

    assert found <= {room, "__init__", *MAY_IMPORT[room]}, f"{path} imports {found - {room, *MAY_IMPORT[room]}}"


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_stays_in_its_room(library: str) -> None:
    """ONNX Runtime in the session, FastAPI in the API and the app, torch in training: each has one place."""
    allowed = [ROOT / place for place in ONLY_IN[library]]

    strays = [
        str(path)
        for path in sources("service", "training")
        if any(name.split(".")[0] == library for name in imports(path))
        if not any((ROOT / path).is_relative_to(place) for place in allowed)
    ]

    assert strays == []


def test_the_service_never_imports_training() -> None:
    """What serves knows nothing of what trained it; and nobody imports the tests."""
    strays = [
        (str(path), name)
        for path in sources("service", "training")
        for name in imports(path)
        if name.split(".")[0] == "tests" or (name.split(".")[0] == "training" and path.parts[0] == "service")
    ]

    assert strays == []


def test_training_imports_only_the_shared_parts_of_the_service() -> None:
    """Image parts and the session, and what a session is made from."""
    strays = [
        (str(path), name)
        for path in sources("training")
        for name in imports(path)
        if name.split(".")[0] == "service" and not name.startswith(TRAINING_MAY_IMPORT)
    ]

    assert strays == []


def test_image_files_are_decoded_in_one_place() -> None:
    """`imdecode` and its kin stand in the codec and its format modules only: nobody else opens a stranger's file."""
    allowed = [ROOT / "service/imaging/codec.py", ROOT / "service/imaging/formats"]
    decoders = {"imdecode", "imdecodeWithMetadata", "imdecodeanimation", "imdecodemulti", "imread", "imreadmulti"}

    strays = [
        f"{path}:{node.lineno} {node.attr}"
        for path in sources("service")
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in decoders
        if not any((ROOT / path).is_relative_to(place) for place in allowed)
    ]

    assert strays == []


def test_no_import_goes_in_a_circle() -> None:
    """Each module can be read after those that it imports."""
    graph = {
        module_name(path): {name for name in imports(path) if is_module(name)}
        for path in sources("service", "training")
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name in done:
            return
        for other in sorted(graph.get(name, ())):
            visit(other, (*trail, name))
        done.add(name)

    for name in sorted(graph):
        visit(name, ())


@pytest.mark.parametrize("path", sources("benchmarks"), ids=str)
def test_every_benchmark_can_be_started(path: Path) -> None:
    """A benchmark that nobody ran for a while still finds what it imports; two of them need torch."""
    if any(name.split(".")[0] == "torch" for name in imports(path)) and find_spec("torch") is None:
        pytest.skip("needs torch: run with the environment of `make test-training`")

    importlib.import_module(module_name(path))
