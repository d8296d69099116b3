"""The edge to Kafka that every service and every command needs.

`connection` says where Kafka is and how to sign in; `follow` reads `instep.network` and keeps to its newest generation;
`log_ends` asks for the ends of logs; `record_parser` and `unpacking` make fetched batches safe to read; `soundness` says
whether the cluster's version of Kafka writes every transaction's end. Nothing here changes a cluster, and nothing here
decides who may know what: that is `instep.network`.
"""
