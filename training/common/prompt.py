"""The fixed words that the engine puts around a file's text; `engine/inference/prompt.ts` decides, and a test compares."""

from __future__ import annotations

from pathlib import PurePosixPath

PREFIX = (
    "<|im_start|>system\nYou are a coding assistant. Answer the question about the code base from the files.<|im_end|>\n"
    "<|im_start|>user\n"
)
FENCES = {"py": "python", "js": "javascript", "mjs": "javascript", "cjs": "javascript", "md": "markdown", "yml": "yaml"}
FENCES |= {"rs": "rust", "rb": "ruby", "sh": "bash", "h": "c", "hpp": "cpp", "cc": "cpp", "cs": "csharp", "kt": "kotlin"}
FENCES |= {"ts": "typescript", "tsx": "tsx"}


def header(path: str) -> str:
    """What a file's segments stand behind: its path and an opening fence."""
    extension = PurePosixPath(path).suffix[1:].lower()
    return f"File: {path}\n```{FENCES.get(extension, extension)}\n"
