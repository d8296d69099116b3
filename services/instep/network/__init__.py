"""The network: who takes part, under which agreements, in which topics.

Pure: it reads a network's directory (`load`, `check`) or the records of `instep.network` (`from_records`) and
gives immutable values. It knows no broker and no environment; whoever asks about a day hands it in.
"""
