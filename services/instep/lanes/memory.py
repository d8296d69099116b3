"""Keeps long-lived objects out of Python's garbage collections, because a collection stops the whole worker while it
runs.
"""

import gc


def set_aside() -> None:
    """Keep long-lived objects (modules, the network, the app) out of Python's collections.

    A collection through 90,000 objects takes 50 ms, every few seconds at 1,000 events a second, and more for a large
    network.
    """
    gc.collect()
    gc.freeze()


def let_go() -> None:
    """Let the next collection free objects that were set aside and are no longer needed."""
    gc.unfreeze()
