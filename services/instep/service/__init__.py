"""The parts that every service's process has, with lanes or without.

`settings` reads the INSTEP_ variables, `health` answers orchestrators and Prometheus, and ends a process without
progress. `logs` writes one JSON object a line without personal data. `supervisor` starts an ended process again.
"""
