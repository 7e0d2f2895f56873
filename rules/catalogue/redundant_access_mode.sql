-- Setting the access mode that the session has does nothing, unless a SET TRANSACTION for the next transaction waits.

-- session: the same mode again
COMMIT;
SET SESSION TRANSACTION READ ONLY;                  -- promised: deferred-access-mode
SELECT n FROM shop;
SET SESSION TRANSACTION READ ONLY;                  -- redundant
set session  transaction  read only;                -- redundant
BEGIN;                                              -- promised: deferred-begin
SET SESSION TRANSACTION READ ONLY;                  -- redundant, in a transaction too
SET SESSION TRANSACTION READ WRITE;                 -- forwarded
SET SESSION TRANSACTION READ WRITE;                 -- redundant
UPDATE shop SET n = 0;                              -- error 1792, this transaction began before
COMMIT;
UPDATE shop SET n = 0;

-- session: after an error it is not known what the failed statement has done
COMMIT;
SET SESSION TRANSACTION READ ONLY;                  -- promised: deferred-access-mode
UPDATE shop SET n = 0;                              -- error 1792
BEGIN;
SET SESSION TRANSACTION READ ONLY;                  -- forwarded
COMMIT;

-- session: the mode of the login is not known
BEGIN;
SET SESSION TRANSACTION READ WRITE;                 -- forwarded
SET SESSION TRANSACTION READ WRITE;                 -- forwarded, one may wait, of init_connect
COMMIT;

-- session: it would drop what waits for the next transaction
COMMIT;
SET SESSION TRANSACTION READ WRITE;                 -- promised: deferred-access-mode
SELECT n FROM shop;
SET TRANSACTION READ ONLY;                          -- forwarded
SET SESSION TRANSACTION READ WRITE;                 -- promised: deferred-access-mode, it is not lost
BEGIN;                                              -- forwarded
UPDATE shop SET n = 0;
COMMIT;

-- session: for the next transaction only, it is never redundant
COMMIT;
SET SESSION TRANSACTION READ ONLY;                  -- promised: deferred-access-mode
SELECT n FROM shop;
SET TRANSACTION READ ONLY;                          -- forwarded
START TRANSACTION READ WRITE;                       -- promised: deferred-begin
UPDATE shop SET n = 0;
COMMIT;
SET TRANSACTION READ WRITE;                         -- forwarded
UPDATE shop SET n = 1;
UPDATE shop SET n = 2;                              -- error 1792

-- session: a routine may have set it
COMMIT;
SET SESSION TRANSACTION READ ONLY;                  -- promised: deferred-access-mode
CALL run('SET SESSION TRANSACTION READ WRITE');
BEGIN;
SET SESSION TRANSACTION READ ONLY;                  -- forwarded
COMMIT;

-- session: a function may have set it, which MySQL puts in force only at the next end of a transaction
-- only: mysql
-- not in observe mode
COMMIT;
SET SESSION TRANSACTION READ WRITE;                 -- promised: deferred-access-mode
SELECT isolate();
BEGIN;                                              -- forwarded
SET SESSION TRANSACTION READ ONLY;                  -- forwarded
COMMIT;
UPDATE shop SET n = 0;                              -- error 1792

-- session: a reset sets it back
COMMIT;
SET SESSION TRANSACTION READ ONLY;                  -- promised: deferred-access-mode
SELECT n FROM shop;
-- COM_RESET_CONNECTION
BEGIN;
SET SESSION TRANSACTION READ ONLY;                  -- forwarded
COMMIT;

-- session: by the variable's name
-- only: mysql
COMMIT;
SET SESSION transaction_read_only = 1;              -- promised: deferred-access-mode
SET @@session.transaction_read_only = ON;           -- redundant
SET SESSION TRANSACTION READ ONLY;                  -- redundant
SET @@transaction_read_only = 1;                    -- forwarded, it is for the next transaction only
SELECT @@transaction_read_only;
SET SESSION transaction_read_only = DEFAULT;        -- forwarded
