-- Around each transaction autocommit is turned off and on again. The server is told when something depends on it,
-- together with that; turning it on is not put off where it would end something.

-- session: around each transaction
SET autocommit=0;                                   -- promised
SELECT n FROM shop WHERE id = 1;
COMMIT;                                             -- forwarded
SET autocommit=1;                                   -- promised
SET autocommit=0;                                   -- promised, and so the server hears of neither
UPDATE shop SET n = n - 1 WHERE id = 1;
COMMIT;                                             -- forwarded
SET autocommit=1;                                   -- promised
SELECT n FROM shop;

-- session: a list with a character set
SET autocommit=0, NAMES utf8mb4;                    -- promised
SELECT item FROM shop;
ROLLBACK;                                           -- forwarded

-- session: what reads the variable finds the new value
SET autocommit=0;                                   -- promised
SELECT @@autocommit;                                -- forwarded
COMMIT;                                             -- forwarded
SET autocommit=1;                                   -- promised
SHOW VARIABLES LIKE 'autocommit';                   -- forwarded

-- session: turning it on commits what was written
SET autocommit=0;                                   -- promised
UPDATE shop SET n = 0;
SET autocommit=1;                                   -- forwarded
ROLLBACK;
SELECT n FROM shop;

-- session: turning it on ends what was read
SET autocommit=0;                                   -- promised
SELECT n FROM shop;
SET autocommit=1;                                   -- forwarded

-- session: turning it on ends savepoints, which no flag shows
SET autocommit=0;                                   -- promised
SAVEPOINT here;
SET autocommit=1;                                   -- forwarded
ROLLBACK TO here;                                   -- error 1305

-- session: turning it on lets go of a lock that MySQL keeps of a table without transactions
SET autocommit=0;                                   -- promised
SELECT n FROM archive;
SET autocommit=1;                                   -- forwarded

-- session: turning it on lets go of what an error has left
SET autocommit=0;                                   -- promised
SELECT nothing FROM shop;                           -- error 1054
SET autocommit=1;                                   -- forwarded

-- session: in a transaction
BEGIN;
UPDATE shop SET n = 0;
SET autocommit=0;                                   -- forwarded
COMMIT;                                             -- forwarded
SET autocommit=1;                                   -- promised
SELECT n FROM shop;

-- session: after an error it is not known whether a transaction is open
INSERT INTO shop VALUES (1, 'apples', 1);           -- error 1062
SET autocommit=0;                                   -- forwarded
INSERT INTO shop VALUES (1, 'apples', 1);           -- error 1062
SET autocommit=1;                                   -- forwarded, the failed INSERT has opened one

-- session: tables are locked
LOCK TABLES shop WRITE;
SET autocommit=0;                                   -- forwarded
UNLOCK TABLES;

-- session: a routine runs under the new value
SET autocommit=0;                                   -- promised
CALL run('UPDATE shop SET n = 0');
ROLLBACK;                                           -- forwarded
SELECT n FROM shop;

-- session: what it would have reset, it resets
UPDATE shop SET n = n + 1;
SET autocommit=0;                                   -- promised
SELECT ROW_COUNT();                                 -- forwarded, it is the SET's
SELECT n FROM shop WHERE id = 9;
COMMIT;                                             -- forwarded
SET autocommit=1;                                   -- promised
SELECT FOUND_ROWS();                                -- forwarded, it is still the SELECT's

-- session: a reset of the connection forgets it
SET autocommit=0;                                   -- promised
-- COM_RESET_CONNECTION                             -- forwarded
SELECT @@autocommit;                                -- forwarded
SET autocommit=1;                                   -- redundant: redundant-autocommit

-- session: executed as a prepared statement
-- COM_STMT_PREPARE SET autocommit=0
-- COM_STMT_PREPARE SET autocommit=1
-- COM_STMT_EXECUTE SET autocommit=0                -- promised
UPDATE shop SET n = 0;
-- COM_STMT_EXECUTE SET autocommit=1                -- forwarded
ROLLBACK;
-- COM_STMT_EXECUTE SET autocommit=0                -- promised
-- COM_STMT_EXECUTE SET autocommit=1                -- promised
