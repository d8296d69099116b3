"""The local platform: a real Kafka on a machine that has only Python.

Reads the pinned list of jars beside this file. Writes a cache (`$XDG_CACHE_HOME/instep`, shared by every checkout) and
`.instep/` in the working directory. Promises: every started process is recorded with its id and start time before anybody
waits for it; no other process is ever signalled; nothing is left half-started.
"""
