-- A connection is made read-only for one transaction and writable after it. The server is told when something depends
-- on it.

-- session: around each transaction that only reads
SET SESSION TRANSACTION READ ONLY;                  -- promised
SET autocommit=0;                                   -- promised: deferred-autocommit
SELECT n FROM shop;
COMMIT;
SET SESSION TRANSACTION READ WRITE;                 -- promised
SET autocommit=1;                                   -- promised: deferred-autocommit
SET SESSION TRANSACTION READ ONLY;                  -- promised
SET autocommit=0;                                   -- promised: deferred-autocommit
SELECT n FROM shop;
COMMIT;
SET SESSION TRANSACTION READ WRITE;                 -- promised
UPDATE shop SET n = 0;

-- session: the next write is refused
SET SESSION TRANSACTION READ ONLY;                  -- promised
UPDATE shop SET n = 0;                              -- error 1792
SET SESSION TRANSACTION READ WRITE;                 -- forwarded, an error does not say whether a transaction is open
UPDATE shop SET n = 0;

-- session: a transaction that is open goes on as it began
BEGIN;
SET SESSION TRANSACTION READ ONLY;                  -- forwarded
UPDATE shop SET n = 0;
COMMIT;                                             -- forwarded
UPDATE shop SET n = 1;                              -- error 1792

-- session: behind a BEGIN that was only promised
COMMIT;
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
SET SESSION TRANSACTION READ ONLY;                  -- forwarded, it is for the transaction after this one
UPDATE shop SET n = 0;
COMMIT;
UPDATE shop SET n = 1;                              -- error 1792

-- session: ahead of a BEGIN that is promised, it is for that one
COMMIT;
SET SESSION TRANSACTION READ ONLY;                  -- promised
BEGIN;                                              -- promised: deferred-begin
UPDATE shop SET n = 0;                              -- error 1792
ROLLBACK;                                           -- forwarded

-- session: for the next transaction only
COMMIT;
SET TRANSACTION READ ONLY;                          -- forwarded
BEGIN;                                              -- forwarded
UPDATE shop SET n = 0;                              -- error 1792
ROLLBACK;
UPDATE shop SET n = 0;

-- session: what reads the variable finds the new value
SET SESSION TRANSACTION READ ONLY;                  -- promised
SHOW VARIABLES LIKE '%read_only';                   -- forwarded

-- session: by the variable's name
-- only: mysql
SET SESSION transaction_read_only = ON;             -- promised
SELECT @@transaction_read_only;                     -- forwarded
SET @@transaction_read_only = OFF;                  -- forwarded, it is for the next transaction only
SET SESSION transaction_read_only = @@global.transaction_read_only; -- forwarded
