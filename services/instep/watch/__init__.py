"""Watches a folder: publishes each new file once, and hands back lines to correct.

Reads the folder; writes only into its own folders within (`folder`). The command passes the function for a file (`watcher`):
publishing, shared with `instep publish`, or keeping the outcomes of a filled work list, shared with `instep worklist check`.
Promises:

- A file is published whole, once nobody writes to the file any more. No file is overwritten or deleted.
- A file lies in exactly one place at any moment: where people have put the file, among the taken files, or at its end.
- After a kill at any moment the next watcher goes on with the taken files. Publishing a file again sends nothing twice,
  because the publisher's memory knows every confirmed event, and an unconfirmed event keeps its id. Keeping the same
  outcomes again changes nothing.
- Two watchers of one folder do no harm, even where a share has no locks: a rename gives a file to one of them, and the
  memory's own lock lets one publish at a time.

    decide     the next step, given the folder's entries: pure
    folder     the file system: looking, taking, putting away
    watcher    one round: look, decide, act, say; faults of the world are waited out
"""
