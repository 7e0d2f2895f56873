"""The fixtures of the rules, rules/catalogue/<rule>.sql: read, played on a server, and recorded.

    fixtures    what a fixture is, and what its marks say
    shop        the tables and routines that its sessions find
    player      a client that plays a session, line by line
    record      keeps what a server replied; `recordings` holds that

tests/unit/test_catalogue.py replays the recordings to the rules, tests/live/test_catalogue.py asks a real server.
"""
