"""MySQL on the wire: bytes in, meaning out. No I/O, no clock, no rules.

constants    commands, capability flags, status flags, as the manuals name them
fields       int<n>, int<lenenc>, string<...>: the types all packets are made of
packet       framing: a byte stream cut into packets, whatever the chunks
handshake    the packets of the connection phase
replies      OK, ERR and EOF packets
exchange     for each command the shape of its reply, and where that reply ends
"""
