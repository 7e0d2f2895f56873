-- Another isolation level matters to the next statement that reads or writes, and so the server is told with that.

-- session: another level for each transaction
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;         -- promised
SELECT n FROM shop;
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE;           -- promised
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;         -- promised
SELECT n FROM shop;
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE;           -- promised
SET autocommit=0;                                               -- promised: deferred-autocommit
SELECT n FROM shop;
COMMIT;

-- session: a transaction that is open goes on as it began
BEGIN;
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE;           -- forwarded
SELECT n FROM shop;
COMMIT;                                                         -- forwarded
BEGIN;
SELECT n FROM shop;

-- session: behind a BEGIN that was only promised
COMMIT;
BEGIN;
COMMIT;
BEGIN;                                                          -- promised: deferred-begin
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE;           -- forwarded, it is for the transaction after this one
SELECT n FROM shop;
COMMIT;

-- session: ahead of a BEGIN that is promised, it is for that one
COMMIT;
BEGIN;
COMMIT;
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE;           -- promised
BEGIN;                                                          -- promised: deferred-begin
SELECT n FROM shop;
COMMIT;

-- session: for the next transaction only
COMMIT;
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;                   -- forwarded
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;         -- promised, it drops the other when it comes
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;                   -- forwarded
BEGIN;                                                          -- forwarded
SELECT n FROM shop;

-- session: a transaction without autocommit
SET autocommit=0;                                               -- promised: deferred-autocommit
SELECT n FROM shop;
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE;           -- forwarded
COMMIT;
SELECT n FROM shop;

-- session: after an error it is not known whether a transaction is open
SELECT nothing FROM shop;                                       -- error 1054
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE;           -- forwarded

-- session: what reads the variable finds the new value
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE;           -- promised
SHOW VARIABLES LIKE '%isolation';                               -- forwarded
SET GLOBAL TRANSACTION ISOLATION LEVEL SERIALIZABLE;            -- error 1227

-- session: by the variable's name
-- only: mysql
SET SESSION transaction_isolation = 'SERIALIZABLE';             -- promised
SET @@transaction_isolation = 'READ-COMMITTED';                 -- forwarded, it is for the next transaction only
SELECT @@transaction_isolation;                                 -- forwarded
SET SESSION transaction_isolation = @@global.transaction_isolation; -- forwarded
SET SESSION transaction_isolation = DEFAULT;                    -- forwarded
