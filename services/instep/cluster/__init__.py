"""The edge to Kafka that is not a processor.

`connection` says where Kafka is and how to sign in; `follow` reads `instep.network` and keeps to its newest generation;
`apply` makes a cluster match a network's directory. Nothing here decides who may know what: that is `instep.network`.
"""
