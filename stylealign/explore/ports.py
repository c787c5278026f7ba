"""The address that the page is served at, taken before anything else is done. Knows no gradio."""

import errno
import socket

from stylealign.errors import StyleAlignError

LOCAL = ("127.0.0.1", "localhost", "::1")
"""This machine alone."""


def opened_port(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one.

    Raises:
        StyleAlignError: the address is taken, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        is_elsewhere = isinstance(error, socket.gaierror) or getattr(error, "errno", None) == errno.EADDRNOTAVAIL
        remedy = "name an address of this machine" if is_elsewhere else "name another --port, or 0 for a free one"
        raise StyleAlignError(f"--host {host} --port {port}: {reason}; {remedy}") from error
    return listening
