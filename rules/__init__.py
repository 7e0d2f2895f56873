"""hushql's judgement: what a statement is, and what it asks for. No I/O, no clock, nothing of the proxy.

    lexer     MySQL tokens: bytes of an unknown character set cut as the server would
    digest    the normalised text of a statement: its literals gone, its shape left
    charsets  those in which the above cannot be done

    text → lexer.scan → digest.digest → Digest(id, text, kind, tags, secret)

Both halves use it: `proxy` while it serves, and the offline analysis of logs. It takes any bytes and never raises.
Nothing in here recurses or backtracks: the time spent is proportional to the length of the text.
"""
