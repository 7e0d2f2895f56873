-- BEGIN alone does nothing: it is sent with the first statement of the transaction. It must not be late where it ends
-- something itself, where it takes a snapshot, or where nobody knows what kind of a transaction it begins.

-- session: transactions with one statement
COMMIT;
BEGIN;                                              -- forwarded, it might begin a read-only transaction
COMMIT;
BEGIN;                                              -- promised
UPDATE shop SET n = n - 1 WHERE id = 1;
COMMIT;                                             -- forwarded
START TRANSACTION;                                  -- promised
SELECT n FROM shop;
ROLLBACK;                                           -- forwarded
begin work;                                         -- promised
COMMIT;                                             -- redundant: empty-commit
SELECT n FROM shop;

-- session: the kind of the transaction in its text
START TRANSACTION READ ONLY;                        -- promised
UPDATE shop SET n = 0;                              -- error 1792
ROLLBACK;                                           -- forwarded
START TRANSACTION READ WRITE;                       -- promised
UPDATE shop SET n = 0;
ROLLBACK;                                           -- forwarded

-- session: the kind of the transaction by the session's access mode
COMMIT;
SET SESSION TRANSACTION READ ONLY;                  -- promised: deferred-access-mode
BEGIN;                                              -- promised
SELECT n FROM shop;
COMMIT;
SET SESSION TRANSACTION READ WRITE;                 -- promised: deferred-access-mode
BEGIN;                                              -- promised
UPDATE shop SET n = 0;
COMMIT;

-- session: in a transaction it commits
COMMIT;
START TRANSACTION READ WRITE;                       -- promised
UPDATE shop SET n = 0 WHERE id = 1;
START TRANSACTION READ WRITE;                       -- forwarded
ROLLBACK;
SET autocommit=0;                                   -- promised: deferred-autocommit
UPDATE shop SET n = 1 WHERE id = 2;
START TRANSACTION READ WRITE;                       -- forwarded
ROLLBACK;
SELECT n FROM shop;

-- session: twice, of which the first has begun nothing
COMMIT;
START TRANSACTION READ WRITE;                       -- promised
START TRANSACTION READ WRITE;                       -- forwarded
UPDATE shop SET n = 0;
ROLLBACK;

-- session: a snapshot at once
COMMIT;
START TRANSACTION WITH CONSISTENT SNAPSHOT;         -- forwarded
SELECT n FROM shop;
COMMIT;

-- session: a SET TRANSACTION decides what it begins
COMMIT;
BEGIN;
COMMIT;
SET TRANSACTION READ ONLY;
BEGIN;                                              -- forwarded
SELECT n FROM shop;
UPDATE shop SET n = 0;                              -- error 1792
ROLLBACK;
START TRANSACTION READ WRITE;                       -- promised
UPDATE shop SET n = 0;
ROLLBACK;

-- session: in what has begun, there can be no SET TRANSACTION
COMMIT;
START TRANSACTION READ WRITE;                       -- promised
SET TRANSACTION READ ONLY;                          -- error 1568
ROLLBACK;                                           -- forwarded

-- session: a function may have set the access mode, which is in force only at the next end of a transaction
-- only: mysql
-- not in observe mode
COMMIT;
BEGIN;
COMMIT;
SELECT isolate();
BEGIN;                                              -- forwarded
UPDATE shop SET n = 0;
COMMIT;
BEGIN;                                              -- forwarded
UPDATE shop SET n = 1;                              -- error 1792
ROLLBACK;

-- session: MariaDB's functions may also set that of the next transaction
-- only: mariadb
COMMIT;
BEGIN;
COMMIT;
SELECT isolate_next();
BEGIN;                                              -- forwarded
UPDATE shop SET n = 0;                              -- error 1792
ROLLBACK;

-- session: a view may have done so
-- only: mysql
-- not in observe mode
COMMIT;
BEGIN;
COMMIT;
SELECT n FROM isolating;
BEGIN;                                              -- forwarded
ROLLBACK;

-- session: a client that listens to the session tracker lets nobody else ask it for more
-- client: CLIENT_DEPRECATE_EOF CLIENT_SESSION_TRACK
COMMIT;
BEGIN;
COMMIT;
SELECT isolate();
COMMIT;
BEGIN;                                              -- forwarded
UPDATE shop SET n = 0;                              -- error 1792
ROLLBACK;

-- session: without the tracker's word at the end of rows, any function may have set it
-- only: mysql
-- client: CLIENT_PROTOCOL_41
COMMIT;
BEGIN;
COMMIT;
SELECT isolate();
COMMIT;
BEGIN;                                              -- forwarded
UPDATE shop SET n = 0;                              -- error 1792
ROLLBACK;

-- session: it releases locked tables
COMMIT;
LOCK TABLES shop WRITE;
START TRANSACTION READ WRITE;                       -- forwarded
SELECT n FROM archive;
COMMIT;

-- session: it ends savepoints, which no flag shows
COMMIT;
SET autocommit=0;                                   -- promised: deferred-autocommit
SAVEPOINT here;
START TRANSACTION READ WRITE;                       -- forwarded
ROLLBACK TO here;                                   -- error 1305
COMMIT;

-- session: it lets go of a lock that MySQL keeps of a table without transactions
COMMIT;
SET autocommit=0;                                   -- promised: deferred-autocommit
SELECT n FROM archive;
START TRANSACTION READ WRITE;                       -- forwarded

-- session: after an error it is not known whether a transaction is open
COMMIT;
START TRANSACTION READ WRITE;                       -- promised
UPDATE shop SET n = 0;
INSERT INTO shop VALUES (1, 'apples', 1);           -- error 1062
START TRANSACTION READ WRITE;                       -- forwarded, and it commits
ROLLBACK;
SELECT n FROM shop;

-- session: what follows finds it begun
COMMIT;
START TRANSACTION READ WRITE;                       -- promised
SAVEPOINT here;
UPDATE shop SET n = 0;
ROLLBACK TO here;                                   -- forwarded
COMMIT;
START TRANSACTION READ WRITE;                       -- promised
CALL run('UPDATE shop SET n = 1');
ROLLBACK;
START TRANSACTION READ WRITE;                       -- promised
-- COM_PING                                         -- forwarded
SET time_zone='+01:00';
COMMIT;                                             -- forwarded

-- session: a reset forgets it
COMMIT;
START TRANSACTION READ WRITE;                       -- promised
-- COM_RESET_CONNECTION                             -- forwarded
UPDATE shop SET n = 0;
ROLLBACK;                                           -- forwarded, what one does here is not known any more

-- session: MariaDB begins a block of statements
-- only: mariadb
BEGIN NOT ATOMIC UPDATE shop SET n = 0; END;        -- forwarded
SET sql_mode='ORACLE';
BEGIN;                                              -- error 1064
BEGIN UPDATE shop SET n = 1; END;                   -- forwarded
SELECT n FROM shop;

-- session: MariaDB ends a transaction in which nothing happens
-- only: mariadb
COMMIT;
START TRANSACTION READ WRITE;                       -- promised
COMMIT;                                             -- redundant: empty-commit
SET idle_transaction_timeout=100;
START TRANSACTION READ WRITE;                       -- forwarded
COMMIT;
