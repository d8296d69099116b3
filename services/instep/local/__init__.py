"""The local platform: a real Kafka on a machine that has only Python.

Reads the pinned list of jars beside this file; writes a cache (`$XDG_CACHE_HOME/instep`, shared by every checkout) and
`.instep/` in the directory where it is told to work. Promises that whatever it starts is recorded with its process id and
start time before it is waited for, that it signals nothing else, and that nothing is left half-started.
"""
