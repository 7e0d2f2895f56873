-- Setting the isolation level that the session has does nothing, unless a SET TRANSACTION for the next transaction
-- waits.

-- session: the same level again
COMMIT;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;         -- promised: deferred-isolation
SELECT n FROM shop;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;         -- redundant
set local transaction isolation level read committed;           -- redundant
SELECT n FROM shop;
BEGIN;
SELECT n FROM shop;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;         -- redundant, in a transaction too
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;        -- forwarded
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;        -- redundant
COMMIT;

-- session: both characteristics
COMMIT;
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE;   -- promised: deferred-isolation
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE;   -- redundant
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE;               -- redundant
SELECT n FROM shop;
SET SESSION TRANSACTION READ WRITE, ISOLATION LEVEL SERIALIZABLE;   -- redundant: redundant-access-mode
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY;    -- promised: deferred-access-mode

-- session: the level of the login is not known
BEGIN;
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;        -- forwarded
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;        -- forwarded, one may wait, of init_connect
COMMIT;

-- session: it would drop what waits for the next transaction
COMMIT;
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;        -- promised: deferred-isolation
SELECT n FROM shop;
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;                   -- forwarded
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;        -- promised: deferred-isolation, it is not lost
BEGIN;
SELECT n FROM shop;
COMMIT;

-- session: it would not drop it in a transaction
COMMIT;
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;        -- promised: deferred-isolation
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;                   -- forwarded
BEGIN;                                                          -- forwarded
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;        -- forwarded
SELECT n FROM shop;
COMMIT;

-- session: for the next transaction only, it is never redundant
COMMIT;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;         -- promised: deferred-isolation
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;                   -- forwarded
SELECT n FROM shop;
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;                   -- forwarded
BEGIN;                                                          -- forwarded
SELECT n FROM shop;

-- session: a routine may have set it
COMMIT;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;         -- promised: deferred-isolation
CALL run('SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE');
BEGIN;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;         -- forwarded
SELECT n FROM shop;
COMMIT;

-- session: a function may have set it, which MySQL puts in force only at the next end of a transaction
-- only: mysql
COMMIT;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;         -- promised: deferred-isolation
SELECT isolate();
BEGIN;                                                          -- forwarded
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE;           -- forwarded
COMMIT;

-- session: a reset sets it back
COMMIT;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;         -- promised: deferred-isolation
SELECT n FROM shop;
-- COM_RESET_CONNECTION
BEGIN;
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;         -- forwarded
COMMIT;

-- session: by the variable's name
-- only: mysql
COMMIT;
SET SESSION transaction_isolation = 'READ-COMMITTED';           -- promised: deferred-isolation
SET @@session.transaction_isolation = 'read-committed';         -- redundant
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;         -- redundant
SET @@transaction_isolation = 'READ-COMMITTED';                 -- forwarded, it is for the next transaction only
SELECT @@transaction_isolation;
SET SESSION transaction_isolation = DEFAULT;                    -- forwarded
SET SESSION transaction_isolation = 'NONE';                     -- error 1231
