"""Write docs/images: the pages as a browser shows them, of demo data. `make screenshots` runs this."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from live import running  # noqa: E402 - found through the line above

IMAGES = ROOT / "docs" / "images"
DEMO = ("--installations", "30000", "--days", "120", "--seed", "1")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Shot(NamedTuple):
    name: str
    path: str
    width: int
    height: int
    scheme: str


SHOTS = (
    Shot("overview", "/?days=90", 1200, 900, "light"),
    Shot("errors", "/errors?days=90", 1200, 900, "dark"),
    Shot("script", "/scripts/homeassistant?days=90", 1200, 900, "light"),
    Shot("phone", "/?days=90", 390, 844, "dark"),
)


def main() -> None:
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        sys.exit("no chromium here; make browser installs it")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, running(Path(directory), DEMO) as live, sync_playwright() as playwright:
        live.service.command("watch")  # the service would look in a while
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for shot in SHOTS:
            context = browser.new_context(
                base_url=live.url,
                viewport={"width": shot.width, "height": shot.height},
                color_scheme="dark" if shot.scheme == "dark" else "light",
            )
            page = context.new_page()
            page.goto(shot.path)
            path = IMAGES / f"{shot.name}.png"
            page.screenshot(path=path)
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} kB")
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
