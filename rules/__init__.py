"""hushql's judgement: what a statement is, and what it asks for. No I/O, no clock, nothing of the proxy.

    lexer      MySQL tokens: bytes of an unknown character set cut as the server would; charsets: where not
    digest     the normalised text of a statement: its literals gone, its shape left
    statement  what a text asks for, as far as that is certain; functions: those that run no stored code
    session    what a server said of one connection, and what its client was promised; dialect: which server it is
    engine     asks the catalogue, learns what a server accepts, switches off what is wrong; verdict: its words
    catalogue  the rules, one module each
    watch      what the rules that only report are told of finished statements; reads: what they are about
    manual     the rules explained, for a terminal and for docs/rules.md

    text → lexer.scan → digest.digest → Digest(id, text, kind, tags, secret)
    text → statement.read → Statement → engine.judge(statement, session) → Verdict; reply → session.learn

Both halves use it: `proxy` while it serves, and the offline analysis of logs. Digests and statements are made of any
bytes, and never raise; the time that takes is proportional to the length of the text.
"""
