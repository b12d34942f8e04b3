"""What people mean who type commands: pure, nothing here waits, reads a clock or asks a database.

`words` cuts an utterance into words, `grammar` makes a typed intent of it (`intents`), `entities` finds whom and what
its slots mean among those who are handed in, and `converse` makes a plan of both, or asks back.
"""
