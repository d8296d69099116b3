"""Holds the parts of every service's process, with lanes (shares of the partitions) or without.

`settings` reads the settings. `health` answers orchestrators and Prometheus, and ends a process without progress.
`logs` writes one JSON object a line without personal data; `damping` leaves out lines that repeat. `supervisor`
starts an ended process again. `stopping` handles the signals that ask a process to end.
"""
