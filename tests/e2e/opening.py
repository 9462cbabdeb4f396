"""What opens pages in tests of the browser."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from playwright.sync_api import Page

Open = Callable[..., AbstractContextManager[Page]]
