"""hushql, the online half: a MySQL proxy beside each client.

What flows where:

    client ⇄ relay ⇄ server         the bytes; two sockets, backpressure, TLS (relay, tls)
             relay → login          the connection phase: capabilities, TLS, authentication (no I/O)
             relay → conversation   the command phase: commands, replies, what is answered here (no I/O)
             conversation → judge   may this be withheld? what did the reply say? (asks rules.engine)
             conversation → sinks   StatementDone and the other events: statement log, metrics

    cli, config      the command line and its settings
    server           listening, dialling, limits, draining: makes a relay for each client
    wire             MySQL on the wire: bytes in, meaning out
    interpreter      what a command asks for; exchange: a command on its way, and its reply
    events           what the proxy saw: the records that the sinks receive
    admin            /metrics, /healthz, /readyz and the JSON behind the live views

The bytes come first: whatever goes wrong in looking at them, they are passed on unchanged ("go blind, never break").
"""
