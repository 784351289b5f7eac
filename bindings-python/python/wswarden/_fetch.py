"""Fetches published key sets by the standard library."""

from __future__ import annotations

import asyncio
import ssl
import urllib.error
import urllib.request
from typing import Any

from ._core import FetchKeys


async def fetch_keys(action: FetchKeys) -> bytes:
    """Fetches a key set, in a thread of the event loop's executor.

    Over verified TLS only, without following redirects, without credentials and without a proxy's word.

    Raises:
        OSError: when it cannot be fetched, or is larger than it may be.
    """
    return await asyncio.to_thread(_fetch, action.url, action.within, action.max_bytes)


def _fetch(url: str, within: float, max_bytes: int) -> bytes:
    if not url.startswith("https://"):
        raise OSError("keys are fetched over TLS only")
    context = ssl.create_default_context()
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirect)
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310
    with opener.open(request, timeout=within) as response:
        body: bytes = response.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise OSError(f"the key set is larger than {max_bytes} bytes")
    return body


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """Whoever could redirect could sign for anybody."""
        return None
