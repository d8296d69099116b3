"""Connects services and commands to Kafka, and makes reading from Kafka safe.

`connection` names the cluster and signs in. `diagnosis` names the cause when no broker works with us. `follow` reads
`instep.network` and keeps to its newest generation. `log_ends` asks for the ends of logs. `record_parser` and `unpacking`
make fetched batches safe to read. `soundness` says whether the cluster's version of Kafka writes every transaction's end.
`secrets` keeps each principal's secret. Nothing here changes a cluster. `instep.network` decides who may know what.
"""
