"""What the sessions of fixtures find in their schema, and how it is put back after each."""

from typing import Final

TABLES: Final = ("shop", "archive", "watched")

FURNISH: Final = (
    "CREATE TABLE shop (id INT PRIMARY KEY, item VARCHAR(20) NOT NULL, n INT NOT NULL) ENGINE=InnoDB",
    "CREATE TABLE archive (id INT PRIMARY KEY, n INT NOT NULL) ENGINE=MyISAM",
    # Code that no text of a client shows: in a function, in a view, in a trigger.
    (
        "CREATE FUNCTION meddle() RETURNS INT NO SQL"
        " BEGIN SET time_zone = '+09:00', net_write_timeout = 9; RETURN 1; END"
    ),
    "CREATE VIEW meddling AS SELECT meddle() AS n",
    "CREATE TABLE watched (id INT PRIMARY KEY) ENGINE=InnoDB",
    "CREATE TRIGGER meddler BEFORE INSERT ON watched FOR EACH ROW SET @@session.net_write_timeout = 9",
    "CREATE FUNCTION meddle_unseen() RETURNS INT NO SQL BEGIN SET @@time_zone = '+09:00'; RETURN 1; END",
    (
        "CREATE FUNCTION isolate() RETURNS INT NO SQL"
        " BEGIN SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY; RETURN 1; END"
    ),
    "CREATE FUNCTION isolate_next() RETURNS INT NO SQL BEGIN SET TRANSACTION READ ONLY; RETURN 1; END",
    "CREATE VIEW isolating AS SELECT isolate() AS n",
    # What a client may call: anything.
    (
        "CREATE PROCEDURE run(what TEXT)"
        " BEGIN SET @what = what; PREPARE p FROM @what; EXECUTE p; DEALLOCATE PREPARE p; END"
    ),
)
"""Statements of an account with all rights, in the sessions' schema."""

PUT_BACK: Final = (
    "START TRANSACTION",
    "DELETE FROM shop",
    "INSERT INTO shop VALUES (1, 'apples', 10), (2, 'pears', 20), (3, 'plums', 30)",
    "DELETE FROM watched",
    "COMMIT",
    "DELETE FROM archive",
    "INSERT INTO archive VALUES (1, 10)",
)
"""Statements that make the tables' contents what they are at the beginning of each session."""

CLEAR: Final = (
    "DROP TABLE shop, archive, watched",
    "DROP VIEW meddling, isolating",
    "DROP FUNCTION meddle",
    "DROP FUNCTION meddle_unseen",
    "DROP FUNCTION isolate",
    "DROP FUNCTION isolate_next",
    "DROP PROCEDURE run",
)
"""Statements that take it all away."""
