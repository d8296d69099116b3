"""What every service's process has, whether it runs on lanes or not.

`settings` reads the INSTEP_ variables, `health` answers orchestrators and Prometheus and ends a process that makes no
progress, `logs` writes one JSON object a line without personal data, `supervisor` starts a process again that has ended.
"""
