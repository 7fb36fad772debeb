"""Source code that is on the machine, by project, and the split into what is trained on, tuned on and reported on."""

from __future__ import annotations

import hashlib
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

REPORT = frozenset({"click", "flask", "jinja2", "werkzeug", "docker", "preact", "rxjs", "leveldb", "leveldown"})
"""Reported on, and never read for anything else."""

TUNE = frozenset({"urllib3", "requests", "pyparsing", "knip"})
"""Curves and choices are measured on these."""

LEFT_OUT = frozenset({"jedi", "pip", "setuptools", "encodings", "test", "nvidia", "@shikijs/langs", "@shikijs/themes", "entities"})
"""Copies of other projects (which may be held out), data, and tests of everything."""

EXTENSIONS = frozenset({".py", ".pyi", ".ts", ".tsx", ".mts", ".js", ".mjs", ".c", ".h", ".cc", ".cpp", ".hpp", ".cuh", ".md"})
NESTED = frozenset({"node_modules", "_vendor", "vendor", "vendored", "third_party", "dist-cjs", "cjs", "commonjs", "umd", "esm"})
LONGEST_LINE = 400
"""Generated and minified text has longer ones."""
FILE_BYTES = (300, 60_000)
FETCHED = Path.home() / ".cache/repo-memory/eval/corpora"
"""Where the look-up's evaluation keeps the projects that it fetched; they are taken where they are there."""


@dataclass(frozen=True)
class Project:
    name: str
    root: Path
    split: str  # "train", "tune" or "report"

    def files(self) -> Iterator[tuple[str, str]]:
        """Path (relative, POSIX) and text of each source file, in path order; each text once."""
        seen: set[bytes] = set()
        for path in sorted(self.root.rglob("*")):
            relative = path.relative_to(self.root)
            if path.suffix not in EXTENSIONS or not path.is_file() or is_nested(relative):
                continue
            if not FILE_BYTES[0] <= path.stat().st_size <= FILE_BYTES[1]:
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            digest = hashlib.sha256(text.encode()).digest()
            if digest in seen or max(map(len, text.splitlines()), default=0) > LONGEST_LINE:
                continue
            seen.add(digest)
            yield relative.as_posix(), text


def is_nested(relative: Path) -> bool:
    """Other projects' code inside of this one, and what programs made."""
    return not NESTED.isdisjoint(relative.parts)


def projects(split: str) -> list[Project]:
    """The projects of one split that this machine has: the Python library, installed packages, this repository."""
    found = {project.name: project for project in candidates() if project.split == split}
    return [found[name] for name in sorted(found.keys() - LEFT_OUT)]


def candidates() -> Iterator[Project]:
    library, packages = Path(sysconfig.get_paths()["stdlib"]), Path(sysconfig.get_paths()["purelib"])
    for base in (library, packages):
        for folder in sorted(base.iterdir()):
            if folder.is_dir() and (folder / "__init__.py").exists():
                yield from project_of(folder.name, folder)
    modules = REPOSITORY / "node_modules"
    scopes = [scope for scope in modules.glob("@*") if scope.is_dir()]
    for folder in sorted([*modules.iterdir(), *(inner for scope in scopes for inner in scope.iterdir())]):
        if folder.is_dir() and not folder.name.startswith((".", "@")):
            yield from project_of(folder.relative_to(modules).as_posix(), folder)
    for folder in sorted(FETCHED.glob("*/*")):
        yield from project_of(folder.name, folder)
    for name in ("engine", "extension", "webview"):
        yield Project(f"repo-memory/{name}", REPOSITORY / name, "train")


def project_of(name: str, folder: Path) -> Iterator[Project]:
    split = "report" if name in REPORT else "tune" if name in TUNE else "train"
    yield Project(name, folder, split)
