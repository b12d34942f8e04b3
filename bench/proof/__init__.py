"""The proof: the service as a process of its own, treated badly and judged from the outside.

`world` starts everything, `load` publishes, `service_process` is what gets killed; `bus`, `books` and the simulator's
journal are the witnesses, `evidence` collects what they say, and `judge_*` hold it against the promises. Kafka is read
and written by librdkafka, which shares no code with the service.
"""
