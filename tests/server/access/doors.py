"""What is served behind a door, for the tests of access."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import httpx

import rolltape
from rolltape.server import Served
from rolltape.server.access.token_file import changing, make_token


@dataclass
class Doored:
    """A server with a token file."""

    served: Served
    file: Path
    root: Path
    ids: dict[str, str] = field(default_factory=dict)

    def make(self, *scopes: str, days: float | None = None) -> str:
        """A new token; its id is in ``ids``."""
        with changing(self.file) as tokens:
            text, made = make_token(tokens, list(scopes), days=days)
        self.ids[text] = made.id
        return text

    def revoke(self, text: str) -> None:
        with changing(self.file) as tokens:
            tokens[:] = [one for one in tokens if one.id != self.ids[text]]

    def client(self, token: str | None = None, **headers: str) -> httpx.Client:
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        return httpx.Client(base_url=self.served.url, trust_env=False, headers=headers)


def record(root: Path, project: str, secret: str) -> None:
    for seed in (1, 2):
        config = {"lr": 1e-3, f"key-{secret}": secret, "seed": seed}
        with rolltape.init(
            project=project,
            id=f"{secret}-{seed}",
            name=f"name-{secret}",
            config=config,
            tags=[f"tag-{secret}"],
            dir=root,
        ) as run:
            for step in range(300):
                run.log({"loss": 1.0 / (step + seed), f"metric-{secret}": float(step)}, step=step)
            run.log({"note": f"text-{secret}"}, step=0)
        media = root / run_directory(root, project) / f"{secret}-{seed}" / "media"
        media.mkdir(exist_ok=True)
        (media / f"{secret}.png").write_bytes(f"image-{secret}".encode())


def run_directory(root: Path, project: str) -> str:
    return next(path.name for path in root.iterdir() if path.name.replace("%20", " ") == project)
