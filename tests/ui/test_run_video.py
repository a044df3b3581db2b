"""A video file beside the curve: it has a player; one that the browser cannot play says so."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import rolltape

FILM = """
async () => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 64;
  const context = canvas.getContext('2d');
  const shoot = async () => {
    const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: 'video/webm' });
    const parts = [];
    recorder.ondataavailable = (event) => parts.push(event.data);
    const stopped = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.start(50);
    const size = () => parts.reduce((sum, part) => sum + part.size, 0);
    for (let i = 0; i < 12 || (size() < 2000 && i < 200); i++) {  // a busy machine films slowly
      context.fillStyle = `rgb(${20 * i} 80 160)`;
      context.fillRect(0, 0, 64, 64);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    recorder.stop();
    await stopped;
    return new Blob(parts);
  };
  const plays = async (film) => {
    const video = document.createElement('video');
    video.muted = true;
    video.src = URL.createObjectURL(film);
    return new Promise((resolve) => {
      video.onloadeddata = () => resolve(video.videoWidth === 64);
      video.onerror = () => resolve(false);
      setTimeout(() => resolve(false), 5000);
    });
  };
  let film = await shoot();
  for (let i = 0; i < 4 && !(await plays(film)); i++) film = await shoot();  // or leaves out what it begins with
  const bytes = new Uint8Array(await film.arrayBuffer());
  return btoa(String.fromCharCode(...bytes));
}
"""


def test_videos_have_a_player(page: Any, tmp_path: Path, problems: list[str]) -> None:
    page.goto("about:blank")  # the page itself plays only what the server sends
    film = tmp_path / "film.webm"
    film.write_bytes(base64.b64decode(page.evaluate(FILM)))
    broken = tmp_path / "broken.webm"
    broken.write_bytes(b"no video")
    with rolltape.init(project="p", id="r") as run:
        for step in range(100):
            run.log({"return": float(step)}, step=step)
        run.log({"play": rolltape.Video(film)}, step=50)
        run.log({"broken": rolltape.Video(broken)}, step=60)
    page.goto("/#run&run=p/r&at=50")
    page.reload()
    page.wait_for_selector('aside.media[data-step="50"] video[controls]')
    page.wait_for_function("() => document.querySelector('aside.media video').videoWidth === 64")
    assert page.locator("video").get_attribute("aria-label") == "play, video at step 50"
    page.keyboard.press("ArrowRight")
    page.wait_for_selector('aside.media[data-step="60"]')
    page.get_by_text("This browser cannot show the file.").wait_for()
    assert page.get_by_role("link", name="open broken by itself").count() == 1
    problems.clear()
